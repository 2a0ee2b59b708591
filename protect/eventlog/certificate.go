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

// certificate is what is kept of one.
type certificate struct {
	Note string `json:"note"`
}

func certificateValue(store durable.Store, name string) *durable.Value[certificate] {
	return durable.NewValue[certificate](store, name+"-certificate", &durable.ValueOptions[certificate]{MaxBytes: maxNote})
}

func certificateText(origin string, public ed25519.PublicKey) string {
	return certificateLabel + origin + "\n" + base64.StdEncoding.EncodeToString(public) + "\n"
}

// certify has the device sign the log's key, once in the life of both.
func (l *Log) certify(ctx context.Context, store durable.Store) error {
	device := l.opts.Device
	if device == nil {
		return nil
	}
	value := certificateValue(store, l.opts.Name)
	kept, err := value.Load(ctx)
	if err == nil {
		if public, _, err := openCertificate(kept.Note, device.Public()); err == nil && public.Equal(l.public) {
			l.certificate = kept.Note
			return nil
		}
	} else if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, durable.ErrCorrupt) {
		return fmt.Errorf("certificate: %w", err)
	}
	text := certificateText(l.opts.Origin, l.public)
	sig, err := signAs(device, text)
	if err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	signed := text + "\n— device " + base64.StdEncoding.EncodeToString(sig) + "\n"
	if _, _, err := openCertificate(signed, device.Public()); err != nil {
		return fmt.Errorf("certificate: the device gives no signatures of its own: %w", errors.ErrUnsupported)
	}
	if err := value.Store(ctx, certificate{signed}); err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	l.certificate = signed
	return nil
}

func signAs(key crypto.Signer, text string) ([]byte, error) {
	switch key.Public().(type) {
	case ed25519.PublicKey:
		return key.Sign(rand.Reader, []byte(text), crypto.Hash(0))
	case *ecdsa.PublicKey:
		sum := sha256.Sum256([]byte(text))
		return key.Sign(rand.Reader, sum[:], crypto.SHA256)
	}
	return nil, fmt.Errorf("a device key of type %T, want Ed25519 or ECDSA: %w", key.Public(), errors.ErrUnsupported)
}

// openCertificate returns the log's key and origin, if the device signed that.
func openCertificate(signed string, device crypto.PublicKey) (ed25519.PublicKey, string, error) {
	text, rest, ok := strings.Cut(signed, "\n\n— device ")
	if !ok || len(signed) > maxNote {
		return nil, "", errNote
	}
	text += "\n"
	sig, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSuffix(rest, "\n"))
	if err != nil {
		return nil, "", errNote
	}
	sum := sha256.Sum256([]byte(text))
	switch key := device.(type) {
	case ed25519.PublicKey:
		ok = len(key) == ed25519.PublicKeySize && ed25519.Verify(key, []byte(text), sig)
	case *ecdsa.PublicKey:
		ok = ecdsa.VerifyASN1(key, sum[:], sig)
	default:
		return nil, "", fmt.Errorf("a device key of type %T: %w", device, errors.ErrUnsupported)
	}
	if !ok {
		return nil, "", errors.New("the device did not sign it")
	}
	lines := strings.Split(strings.TrimPrefix(text, certificateLabel), "\n")
	if len(lines) != 3 || !validOrigin(lines[0]) {
		return nil, "", errNote
	}
	public, err := base64.StdEncoding.Strict().DecodeString(lines[1])
	if err != nil || len(public) != ed25519.PublicKeySize {
		return nil, "", errNote
	}
	again := certificateText(lines[0], public) + "\n— device " + base64.StdEncoding.EncodeToString(sig) + "\n"
	if again != signed {
		return nil, "", errNote
	}
	return public, lines[0], nil
}
