// Package bench is a manufacturer's bench in a folder: keys, a repository of
// releases, and the server for both. examples/vendor is its command, and
// examples/gateway has one when no other is named.
//
// Real manufacturers keep these keys apart; here they are files side by side.
package bench

import (
	"context"
	"crypto"
	"errors"
	"io"
	"io/fs"
	"net"
	"path/filepath"

	"github.com/iot-device-baseline/baseline/backends/openpgp"
	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/update"
	"github.com/iot-device-baseline/baseline/update/publish"
)

const repositoryDir = "repository"

// Bench is a manufacturer's bench.
type Bench struct {
	dir        string
	raw        *durable.Raw
	repo       *durable.Raw
	repository *publish.Repository
}

// Open opens the bench in the folder dir, which must exist, and makes what is missing:
// the keys, a repository, and a certificate for the host of address.
func Open(ctx context.Context, dir, address string) (*Bench, error) {
	raw, err := durable.OpenRaw(dir, nil)
	if err != nil {
		return nil, err
	}
	b := &Bench{dir: dir, raw: raw}
	if err := b.make(address); err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	if err := b.openRepository(ctx); err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	return b, nil
}

var roles = [...]string{"root", "targets", "snapshot", "timestamp"}

// make makes the files that are missing.
func (b *Bench) make(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	for _, role := range roles {
		if err := b.missing(roleFile(role), func() error { return makeKey(b.raw, role) }); err != nil {
			return err
		}
	}
	if err := b.missing(certFile, func() error { return makeServer(b.raw, host) }); err != nil {
		return err
	}
	err = b.missing(signerFile, func() error {
		key, err := openpgp.NewKey("Gateway settings", "settings@example.com", nil)
		if err != nil {
			return err
		}
		return write(b.raw, signerFile, key)
	})
	if err != nil {
		return err
	}
	if err := b.raw.Mkdir(repositoryDir); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

func (b *Bench) missing(name string, make func() error) error {
	if _, err := read(b.raw, name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return make()
}

func (b *Bench) openRepository(ctx context.Context) (err error) {
	if b.repo, err = durable.OpenRaw(b.path(repositoryDir), nil); err != nil {
		return err
	}
	var keys [len(roles)]publish.Role
	for i, role := range roles {
		key, err := roleKey(b.raw, role)
		if err != nil {
			return err
		}
		keys[i].Signers = []crypto.Signer{key}
	}
	all := publish.Roles{Root: keys[0], Targets: keys[1], Snapshot: keys[2], Timestamp: keys[3]}
	b.repository, err = publish.Init(ctx, b.repo, all, nil)
	if errors.Is(err, fs.ErrExist) {
		b.repository, err = publish.Open(ctx, b.repo, all, nil)
	}
	return err
}

func (b *Bench) path(name string) string { return filepath.Join(b.dir, name) }

// Close closes the bench.
func (b *Bench) Close() error { return errors.Join(b.repo.Close(), b.raw.Close()) }

// Anchors are what is built into an image: the first root of the repository, the
// authority of the server, and the key of signed settings.
func (b *Bench) Anchors() (root, ca, signer []byte, err error) {
	if root, err = b.repository.Root(context.Background()); err != nil {
		return nil, nil, nil, err
	}
	if ca, err = read(b.raw, caFile); err != nil {
		return nil, nil, nil, err
	}
	s, err := b.signer()
	if err != nil {
		return nil, nil, nil, err
	}
	signer, err = s.PublicKey()
	return root, ca, signer, err
}

func (b *Bench) signer() (*openpgp.Signer, error) {
	key, err := read(b.raw, signerFile)
	if err != nil {
		return nil, err
	}
	return openpgp.NewSigner(key, nil)
}

// Release is a release of one image.
type Release struct {
	Product, Channel, Version, Component string
	Number, Floor                        uint64
}

// AddRelease publishes an image.
func (b *Bench) AddRelease(ctx context.Context, r Release, image io.Reader) error {
	_, err := b.repository.AddRelease(ctx, update.Release{
		Product: r.Product, Channel: r.Channel, Version: r.Version, Number: r.Number, Floor: r.Floor,
		Components: []update.Component{{Name: r.Component, Version: r.Version}},
	}, map[string]io.Reader{r.Component: image})
	return err
}

// SignBundle makes the document of a bundle of settings, and signs it.
func (b *Bench) SignBundle(ctx context.Context, bundle config.Bundle) (document, signature []byte, err error) {
	if document, err = bundle.Encode(); err != nil {
		return nil, nil, err
	}
	signature, err = b.Sign(ctx, document)
	return document, signature, err
}

// Sign returns the detached OpenPGP signature of settings over document.
func (b *Bench) Sign(ctx context.Context, document []byte) ([]byte, error) {
	s, err := b.signer()
	if err != nil {
		return nil, err
	}
	return s.Sign(ctx, document)
}
