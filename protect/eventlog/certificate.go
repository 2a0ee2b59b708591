package eventlog

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/iot-device-baseline/baseline/durable"
)

// A certificate says, signed by the device's own key, which key a log signs with:
//
//	baseline eventlog key 1
//	gateway-7
//	<base64 of the log's public key>
//
//	— device <base64 of the signature>
//
// The signature is Ed25519 over the text before the empty line, or ECDSA in ASN.1 over its
// SHA-256. It is a value beside the log, since the log's records go, and in every export.

const certificateLabel = "baseline eventlog key 1\n"

// keptCertificate is the value.
type keptCertificate struct {
	Note string `json:"note"`
}

func certificateValue(store durable.Store, name string) *durable.Value[keptCertificate] {
	return durable.NewValue[keptCertificate](store, name+"-certificate", &durable.ValueOptions[keptCertificate]{MaxBytes: maxNote})
}

// certificate is a parsed one. Whether the device signed it, only [certificate.by] tells.
type certificate struct {
	origin string
	public ed25519.PublicKey
	sig    []byte
}

func (c *certificate) text() string {
	return certificateLabel + c.origin + "\n" + base64.StdEncoding.EncodeToString(c.public) + "\n"
}

func (c *certificate) note() string {
	return c.text() + "\n— device " + base64.StdEncoding.EncodeToString(c.sig) + "\n"
}

// parseCertificate takes exactly what note writes.
func parseCertificate(note string) (*certificate, error) {
	lines := strings.Split(note, "\n")
	if len(note) > maxNote || len(lines) != 6 || !validOrigin(lines[1]) {
		return nil, errNote
	}
	c := &certificate{origin: lines[1]}
	var err, serr error
	c.public, err = base64.StdEncoding.DecodeString(lines[2])
	c.sig, serr = base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[4], "— device "))
	if err != nil || serr != nil || len(c.public) != ed25519.PublicKeySize || c.note() != note {
		return nil, errNote
	}
	return c, nil
}

// by says why the device did not sign it.
func (c *certificate) by(device crypto.PublicKey) error {
	ok := false
	switch key := device.(type) {
	case ed25519.PublicKey:
		ok = len(key) == ed25519.PublicKeySize && ed25519.Verify(key, []byte(c.text()), c.sig)
	case *ecdsa.PublicKey:
		sum := sha256.Sum256([]byte(c.text()))
		ok = ecdsa.VerifyASN1(key, sum[:], c.sig)
	default:
		return errDeviceKey(device)
	}
	if !ok {
		return errors.New("the device did not sign it")
	}
	return nil
}

// sign has the device sign it.
func (c *certificate) sign(device crypto.Signer) (err error) {
	switch device.Public().(type) {
	case ed25519.PublicKey:
		c.sig, err = device.Sign(rand.Reader, []byte(c.text()), crypto.Hash(0))
	case *ecdsa.PublicKey:
		sum := sha256.Sum256([]byte(c.text()))
		c.sig, err = device.Sign(rand.Reader, sum[:], crypto.SHA256)
	default:
		err = errDeviceKey(device.Public())
	}
	if err == nil && c.by(device.Public()) != nil {
		err = fmt.Errorf("the device gives no signatures of its own: %w", errors.ErrUnsupported)
	}
	return err
}

func errDeviceKey(key crypto.PublicKey) error {
	return fmt.Errorf("a device key of type %T, want Ed25519 or ECDSA: %w", key, errors.ErrUnsupported)
}

// certify has the device sign the log's key, once in the life of both.
func (l *Log) certify(ctx context.Context, store durable.Store) error {
	if l.opts.Device == nil {
		return nil
	}
	c, err := l.certified(ctx, certificateValue(store, l.opts.Name))
	if err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	l.certificate = c.note()
	return nil
}

func (l *Log) certified(ctx context.Context, value *durable.Value[keptCertificate]) (*certificate, error) {
	kept, err := value.Load(ctx)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, durable.ErrCorrupt) {
		return nil, err
	}
	c, err := parseCertificate(kept.Note)
	if err == nil && c.origin == l.opts.Origin && c.public.Equal(l.public) && c.by(l.opts.Device.Public()) == nil {
		return c, nil
	}
	c = &certificate{origin: l.opts.Origin, public: l.public}
	if err := c.sign(l.opts.Device); err != nil {
		return nil, err
	}
	return c, value.Store(ctx, keptCertificate{c.note()})
}
