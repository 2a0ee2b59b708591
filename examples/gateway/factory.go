package main

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"path/filepath"
	"time"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/transport"
)

// made is what leaves the factory besides the device: its label, and its public
// keys for the vendor's records.
type made struct {
	Label     string `json:"label"`
	DeviceKey string `json:"device_key"` // PEM
	LogKey    string `json:"log_key"`    // PEM
}

// provision is what happens once, in the factory, on the device: nothing else ever
// makes a vault or a first secret.
func provision(ctx context.Context, dir, chip string) (m made, err error) {
	state, err := durable.OpenDir(filepath.Join(dir, stateDir), nil)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, state.Close()) }()
	keys, err := makeKeys(ctx, state, chip)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, keys.Close()) }()
	vault, err := protect.Provision(ctx, state, keys, nil)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, vault.Close()) }()
	identity := compartment(ctx, vault, protect.ClassIdentity)
	if m.DeviceKey, err = keys.makeKey(ctx, identity, "device"); err != nil {
		return m, err
	}
	if m.LogKey, err = makeLogKey(ctx, identity); err != nil {
		return m, err
	}
	if err := makePage(ctx, identity, keys); err != nil {
		return m, err
	}
	secret, err := access.Provision(ctx, compartment(ctx, vault, protect.ClassFloor), nil)
	if err != nil {
		return m, err
	}
	m.Label = secret.Reveal() // once, for the label
	return m, nil
}

const pageCertificate = "page.der"

// makePage makes the key of the status page, and its certificate.
func makePage(ctx context.Context, identity durable.Store, keys *keyStore) error {
	if _, err := keys.makeKey(ctx, identity, "page"); err != nil {
		return err
	}
	signer, err := keys.openKey(ctx, identity, "page")
	if err != nil {
		return err
	}
	cert, err := transport.SelfSigned(ctx, signer, device+".local", transport.Validity{NotBefore: madeAfter})
	if err != nil {
		return err
	}
	return identity.Put(ctx, pageCertificate, cert.Certificate[0])
}

// madeAfter is a time that a device can trust without a clock: nothing was built before.
var madeAfter = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func publicPEM(key crypto.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), nil
}

// compartment returns the compartment of a class. One that cannot be opened gives
// its error at every use.
func compartment(ctx context.Context, v *protect.Vault, class protect.Class) durable.Store {
	c, err := v.Compartment(ctx, class)
	if err != nil {
		return closed{err}
	}
	return c
}

// closed is a Store that did not open.
type closed struct{ err error }

func (c closed) Get(context.Context, string) ([]byte, error)    { return nil, c.err }
func (c closed) Put(context.Context, string, []byte) error      { return c.err }
func (c closed) Delete(context.Context, string) error           { return c.err }
func (c closed) List(context.Context, string) ([]string, error) { return nil, c.err }
