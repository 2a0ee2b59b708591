package bench

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/config/bundle"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/erase"
)

// command is what the flags say.
type command struct {
	dir, address, key string
	release           Release
	file              string
}

var commands = map[string]func(ctx context.Context, c command, out io.Writer) error{
	"init": initialise, "release": release, "sign": sign, "serve": serve,
	"verify-receipt": verifyReceipt,
}

// Run is the command vendor.
func Run(ctx context.Context, args []string, out io.Writer) error {
	var c command
	c.release.Component = "system"
	f := flag.NewFlagSet("vendor", flag.ContinueOnError)
	f.StringVar(&c.dir, "dir", "bench", "folder of the bench")
	f.StringVar(&c.address, "address", "127.0.0.1:8443", "host:port of the server")
	f.StringVar(&c.key, "key", "", "public key of a device, PEM")
	f.StringVar(&c.release.Product, "product", "gateway", "product of a release")
	f.StringVar(&c.release.Channel, "channel", "stable", "channel of a release")
	f.StringVar(&c.release.Version, "version", "", "version of a release, for people")
	f.Uint64Var(&c.release.Number, "number", 0, "number of a release, which rises")
	f.Uint64Var(&c.release.Floor, "floor", 0, "lowest number that may be installed after it")
	// Flags may stand before and after the name of the command.
	if err := f.Parse(args); err != nil {
		return err
	}
	name, rest := f.Arg(0), f.Args()
	do := commands[name]
	if do == nil {
		return fmt.Errorf("no command %q: want init, release, sign, serve or verify-receipt", name)
	}
	if err := f.Parse(rest[1:]); err != nil {
		return err
	}
	c.file = f.Arg(0)
	return do(ctx, c, out)
}

func openBench(ctx context.Context, c command) (*Bench, error) {
	return Open(ctx, c.dir, c.address)
}

func initialise(ctx context.Context, c command, out io.Writer) error {
	parent, err := durable.OpenRaw(filepath.Dir(filepath.Clean(c.dir)), nil)
	if err != nil {
		return err
	}
	if err := errors.Join(parent.Mkdir(filepath.Base(filepath.Clean(c.dir))), parent.Close()); err != nil {
		return err
	}
	b, err := openBench(ctx, c)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "made: four keys of roles, a key for settings, a certificate, an empty repository")
	return b.Close()
}

func release(ctx context.Context, c command, out io.Writer) error {
	b, err := openBench(ctx, c)
	if err != nil {
		return err
	}
	image, err := os.Open(c.file)
	if err != nil {
		return errors.Join(err, b.Close())
	}
	defer image.Close()
	if err := errors.Join(b.AddRelease(ctx, c.release, image), b.Close()); err != nil {
		return err
	}
	fmt.Fprintf(out, "published: %s %s for %s\n", c.release.Product, c.release.Version, c.release.Channel)
	return nil
}

func sign(ctx context.Context, c command, out io.Writer) error {
	text, err := os.ReadFile(c.file)
	if err != nil {
		return err
	}
	if _, err := config.ParseBundle(text); err != nil {
		return err
	}
	b, err := openBench(ctx, c)
	if err != nil {
		return err
	}
	signature, err := b.Sign(ctx, text)
	if err := errors.Join(err, b.Close()); err != nil {
		return err
	}
	_, err = out.Write(signature)
	return err
}

func serve(ctx context.Context, c command, out io.Writer) error {
	b, err := openBench(ctx, c)
	if err != nil {
		return err
	}
	server, err := b.Serve(ctx, c.address)
	if err != nil {
		return errors.Join(err, b.Close())
	}
	fmt.Fprintf(out, "serving https://%s/\n", server.Addr)
	context.AfterFunc(ctx, func() { _ = server.Close() })
	return errors.Join(server.Wait(), b.Close())
}

func verifyReceipt(_ context.Context, c command, out io.Writer) error {
	key, err := PublicKey(c.key)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(c.file)
	if err != nil {
		return err
	}
	if r, err := bundle.VerifyReceipt(text, key); err == nil {
		fmt.Fprintf(out, "settings of %s: bundle %d is in force\n", r.Device, r.Sequence)
		return nil
	}
	r, err := erase.VerifyReceipt(text, key)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "erasure on %s: %s\n", r.Device, r.Result)
	for _, part := range r.Stores {
		fmt.Fprintf(out, "  %s: %s\n", part.Store, part.Method)
	}
	return nil
}

// PublicKey reads the public key of a device from a PEM file.
func PublicKey(name string) (crypto.PublicKey, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s: no PEM", name)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return key, nil
}

// LogKey reads the public key of a device's event log from a PEM file.
func LogKey(name string) (ed25519.PublicKey, error) {
	parsed, err := PublicKey(name)
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("%s: a %T", name, parsed)
	}
	return key, nil
}
