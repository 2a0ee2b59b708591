package main

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"

	"github.com/google/go-tpm/tpm2/transport"
	"github.com/google/go-tpm/tpm2/transport/linuxtpm"
	"github.com/google/go-tpm/tpm2/transport/linuxudstpm"

	"github.com/iot-device-baseline/baseline/backends/softkeys"
	"github.com/iot-device-baseline/baseline/backends/softkeys/signing"
	"github.com/iot-device-baseline/baseline/backends/tpm"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/protect"
)

// keyStore is the gateway's root of trust: a TPM where there is one, else software. No
// other file knows which.
type keyStore struct {
	protect.KeyStore
	protect.SigningKeys
}

// software is the key store of a gateway without a TPM; it makes its keys when it
// needs them.
func software(ctx context.Context, dir *durable.Dir) (*keyStore, error) {
	keys, err := softkeys.Open(ctx, dir, nil)
	if err != nil {
		return nil, err
	}
	return &keyStore{keys, signing.New(keys)}, nil
}

// hardware security is the vendor's word: this TPM may be a program (swtpm), so nothing
// is claimed. A gateway with a chip says Hardware: true.
func tpmOptions() *tpm.Options { return &tpm.Options{} }

// dialTPM opens a TPM: the kernel's device, or the socket of a program that is one.
func dialTPM(path string) (transport.TPMCloser, error) {
	t, err := linuxudstpm.Open(path)
	if err != nil {
		var other error
		if t, other = linuxtpm.Open(path); other != nil {
			return nil, fmt.Errorf("TPM at %s: %w: %w", path, protect.ErrUnavailable, errors.Join(err, other))
		}
	}
	return t, nil
}

// openKeys opens what the factory has made. A gateway with a TPM never goes on without.
func openKeys(ctx context.Context, dir *durable.Dir, chip string) (*keyStore, error) {
	entries, err := dir.Entries(ctx, "") // also during a reset
	if err != nil {
		return nil, err
	}
	made := slices.Contains(entries, "vault") && !slices.Contains(entries, "softkeys")
	if chip == "" && (made || slices.Contains(entries, "tpm")) {
		return nil, fmt.Errorf("the keys of this gateway are in a TPM: %w", protect.ErrUnavailable)
	}
	return withTPM(ctx, dir, chip, tpm.Open)
}

// makeKeys is openKeys in the factory.
func makeKeys(ctx context.Context, dir *durable.Dir, chip string) (*keyStore, error) {
	return withTPM(ctx, dir, chip, tpm.Provision)
}

type opener func(context.Context, transport.TPMCloser, durable.Store, *tpm.Options) (*tpm.Keys, error)

func withTPM(ctx context.Context, dir *durable.Dir, chip string, open opener) (*keyStore, error) {
	if chip == "" {
		return software(ctx, dir)
	}
	t, err := dialTPM(chip)
	if err != nil {
		return nil, err
	}
	keys, err := open(ctx, t, dir, tpmOptions()) // closes t after an error
	if err != nil {
		return nil, err
	}
	return &keyStore{keys, keys}, nil
}

// Unwrap lets the vault find what the key store can do besides.
func (k *keyStore) Unwrap() protect.KeyStore { return k.KeyStore }

// place is the entry of the key store in the gateway's directory.
func (k *keyStore) place() string {
	if _, ok := k.KeyStore.(*tpm.Keys); ok {
		return "tpm"
	}
	return "softkeys"
}

// makeKey makes a signing key that no host reads, keeps its blob, and returns the public
// half.
func (k *keyStore) makeKey(ctx context.Context, identity durable.Store, name string) (string, error) {
	blob, err := k.CreateKey(ctx, protect.ECDSAP256)
	if err != nil {
		return "", err
	}
	if err := identity.Put(ctx, "key/"+name, blob); err != nil {
		return "", err
	}
	signer, err := k.OpenKey(ctx, blob)
	if err != nil {
		return "", err
	}
	defer signer.Close()
	return publicPEM(signer.Public())
}

func (k *keyStore) openKey(ctx context.Context, identity durable.Store, name string) (crypto.Signer, error) {
	blob, err := identity.Get(ctx, "key/"+name)
	if err != nil {
		return nil, err
	}
	return k.OpenKey(ctx, blob)
}

// makeLogKey makes the key of the event log. It signs often, and is Ed25519, which no TPM
// knows: so it lies in the vault, and in memory while the gateway runs.
func makeLogKey(ctx context.Context, identity durable.Store) (string, error) {
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return "", err
	}
	if err := identity.Put(ctx, "key/log", key.Seed()); err != nil {
		return "", err
	}
	return publicPEM(public)
}

func openLogKey(ctx context.Context, identity durable.Store) (crypto.Signer, error) {
	seed, err := identity.Get(ctx, "key/log")
	if err != nil {
		return nil, err
	}
	if len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("log key: %w", protect.ErrTampered)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}
