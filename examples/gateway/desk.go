package main

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/examples/bench"
)

// Folders beside the device's own.
const (
	deskDir  = "desk"  // papers of the owner, as ordinary files for foreign tools
	benchDir = "bench" // the manufacturer's, when no other is named
)

// desk is where papers lie, and the manufacturer's bench when it is here.
type desk struct {
	dir    string
	raw    *durable.Raw
	bench  *bench.Bench
	folder string   // of the bench
	built  *program // what releases are made of
}

// program is this very program.
type program struct {
	*os.File
	size int64
}

func openProgram() (*program, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &program{f, st.Size()}, nil
}

// image returns the program as a release, with the trust anchors of the bench.
func (d *desk) image(img image) (io.Reader, error) {
	var err error
	if img.Root, img.CA, img.Signer, err = d.bench.Anchors(); err != nil {
		return nil, err
	}
	return makeImage(d.built, d.built.size, img)
}

// release publishes img for the stable channel.
func (d *desk) release(ctx context.Context, img image, floor uint64) error {
	return d.releaseTo(ctx, channel, img, floor)
}

func (d *desk) releaseTo(ctx context.Context, channel string, img image, floor uint64) error {
	r, err := d.image(img)
	if err != nil {
		return err
	}
	return d.bench.AddRelease(ctx, bench.Release{
		Product: product, Channel: channel, Version: img.Version, Number: img.Number, Floor: floor, Component: component,
	}, r)
}

// sign makes a bundle of settings.
func (d *desk) sign(ctx context.Context, b config.Bundle) (signed, error) {
	document, signature, err := d.bench.SignBundle(ctx, b)
	return signed{document, signature}, err
}

// save keeps a paper.
func (d *desk) save(name string, text []byte) error {
	f, err := d.raw.Open(name, durable.Create)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(text, 0)
	return errors.Join(err, f.Sync(), f.Close())
}

func (d *desk) read(name string) ([]byte, error) {
	return os.ReadFile(filepath.Join(d.dir, deskDir, name))
}

func (d *desk) publicKey(name string) (crypto.PublicKey, error) {
	return bench.PublicKey(filepath.Join(d.dir, deskDir, name))
}

func (d *desk) logKey() (ed25519.PublicKey, error) {
	return bench.LogKey(filepath.Join(d.dir, deskDir, "log.pem"))
}
