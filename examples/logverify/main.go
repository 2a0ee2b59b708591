// Command logverify says whether exports of event logs are what devices logged (27402
// 5.2.5.2.2). It needs no secret, no device and nothing of this module but
// protect/eventlog: it is what an auditor, a court or a hub runs.
//
//	logverify -device device.pem EXPORT...           by the key of the device
//	logverify -key log.pem EXPORT...                 by the key of the log
//	logverify -key log.pem -checkpoint NOTE EXPORT   and it is the log that the checkpoint is of
//	logverify                                        an example, and six ways to forge it
//
// Exports of one log are given in their order: each must go on where the one before it
// ended, or be of the log that followed. The exit status is 1 if anything does not fit.
package main

import (
	"crypto"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/iot-device-baseline/baseline/protect/eventlog"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "logverify:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("logverify", flag.ContinueOnError)
	device := flags.String("device", "", "`file` with the public key of the device, PEM")
	key := flags.String("key", "", "`file` with the public key of the log, PEM")
	checkpoint := flags.String("checkpoint", "", "`file` with a checkpoint that was kept elsewhere")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case len(args) == 0:
		return demonstrate(out)
	case (*device == "") == (*key == "") || flags.NArg() == 0:
		return errors.New("give one of -device and -key, and at least one export")
	}
	public, err := readKey(*device + *key)
	if err != nil {
		return err
	}
	v := &verifier{out: out, key: public, byDevice: *device != ""}
	for _, name := range flags.Args() {
		if err := v.file(name); err != nil {
			return err
		}
	}
	return v.compare(*checkpoint)
}

// verifier goes through exports in their order.
type verifier struct {
	out      io.Writer
	key      crypto.PublicKey
	byDevice bool
	last     *eventlog.Summary
}

func (v *verifier) file(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return v.export(name, f)
}

func (v *verifier) export(name string, r io.Reader) error {
	s, err := v.verify(r)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	fmt.Fprintf(v.out, "%s: %s, records %d to %d, all as they were logged; clock %s\n", name, s.Origin, s.First, s.Last, s.Quality)
	how, err := joins(v.last, s)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if how != "" {
		fmt.Fprintf(v.out, "%s: %s\n", name, how)
	}
	v.last = s
	return nil
}

func (v *verifier) verify(r io.Reader) (*eventlog.Summary, error) {
	if v.byDevice {
		return eventlog.VerifyDeviceExport(r, v.key)
	}
	public, ok := v.key.(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("a log signs with Ed25519, not with %T", v.key)
	}
	return eventlog.VerifyExport(r, public)
}

// joins says how s goes on from the export before it.
func joins(last, s *eventlog.Summary) (string, error) {
	switch {
	case last == nil:
		return "", nil
	case last.Origin != s.Origin:
		return "", fmt.Errorf("it is of %s, the one before is of %s", s.Origin, last.Origin)
	case s.First == last.Last+1 && s.Before == last.Root:
		return "goes on where the one before it ended", nil
	case s.First == 1 && s.After > last.Last:
		return fmt.Sprintf("is of the log that followed, after record %d", s.After), nil
	case s.First == 1 && s.After == last.Last && s.AfterRoot == last.Root:
		return "is of the log that followed", nil
	}
	return "", fmt.Errorf("it begins with record %d and does not go on from record %d of the one before", s.First, last.Last)
}

// compare compares the last export with a checkpoint of the log.
func (v *verifier) compare(name string) error {
	if name == "" {
		return nil
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	c, err := eventlog.ParseCheckpoint(raw, v.last.Key)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", name, err)
	case c.Origin != v.last.Origin || c.Size > v.last.Last:
		return fmt.Errorf("%s: records up to %d of %s were signed: the export ends before", name, c.Size, c.Origin)
	case c.Size == v.last.Last && c.Root != v.last.Root:
		return fmt.Errorf("%s: other records were signed than the %d of the export", name, c.Size)
	case c.Size < v.last.Last:
		return fmt.Errorf("%s: it is of %d records: export that many, or ask the device for a proof of growth", name, c.Size)
	}
	fmt.Fprintf(v.out, "%s: it is the log that was signed\n", name)
	return nil
}

// readKey reads a public key in PEM.
func readKey(name string) (crypto.PublicKey, error) {
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return parseKey(raw)
}

func parseKey(raw []byte) (crypto.PublicKey, error) {
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, errors.New("no PEM")
	}
	return x509.ParsePKIXPublicKey(block.Bytes)
}
