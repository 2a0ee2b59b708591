package eventlog_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect/eventlog"
)

func deviceKeys(t testing.TB) map[string]crypto.Signer {
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	_, ed, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	return map[string]crypto.Signer{"P-256": p256, "Ed25519": ed}
}

// signedOften counts what a key signs: with a TPM each is a command.
type signedOften struct {
	crypto.Signer
	n int
}

func (c *signedOften) Sign(r io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	c.n++
	return c.Signer.Sign(r, digest, opts)
}

// TestDeviceCertifies: who has the device's key verifies an export from wherever it begins,
// also after the oldest records went. It costs the device one signature in all.
func TestDeviceCertifies(t *testing.T) {
	for name, key := range deviceKeys(t) {
		t.Run(name, func(t *testing.T) {
			ctx := somebody(t.Context())
			device := &signedOften{Signer: key}
			opts := options()
			opts.Device = device
			m := powercut.New()
			for run := range 3 {
				l := open(t, m, opts)
				l.Guard(allow{})
				require.NoError(t, l.Handler().Handle(ctx, record("test.one", access.LevelAudit)))
				for _, from := range []uint64{0, 3} {
					var b bytes.Buffer
					_, err := l.Export(ctx, &b, from)
					require.NoError(t, err)
					s, err := eventlog.VerifyDeviceExport(bytes.NewReader(b.Bytes()), key.Public())
					require.NoError(t, err)
					require.True(t, s.Key.Equal(publicKey()))
					_, err = eventlog.VerifyExport(bytes.NewReader(b.Bytes()), publicKey())
					require.NoError(t, err)
					for other, stranger := range deviceKeys(t) {
						_, err = eventlog.VerifyDeviceExport(bytes.NewReader(b.Bytes()), stranger.Public())
						require.ErrorIs(t, err, eventlog.ErrTampered, other)
					}
				}
				if run == 1 {
					require.NoError(t, l.Prune(ctx, 4))
				}
				require.NoError(t, l.Close())
			}
			require.Equal(t, 1, device.n)
		})
	}
}

// TestCertificateIsOfThisLog: another log's export is not this device's because one of its
// own certificates is put in front.
func TestCertificateIsOfThisLog(t *testing.T) {
	device := deviceKeys(t)["P-256"]
	export := func(origin string, key crypto.Signer, device crypto.Signer) string {
		dir, err := durable.OpenFS(powercut.New().FS(), nil)
		require.NoError(t, err)
		l, err := eventlog.Open(t.Context(), dir, key, &eventlog.Options{Origin: origin, Device: device})
		require.NoError(t, err)
		l.Guard(allow{})
		var b strings.Builder
		_, err = l.Export(somebody(t.Context()), &b, 0)
		require.NoError(t, err)
		return b.String()
	}
	_, strange, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	ours, other, foreign := export("gateway-7", logKey(), device), export("camera-1", logKey(), device), export("gateway-7", strange, nil)
	certificate, _, _ := strings.Cut(ours, "\n")
	_, rest, _ := strings.Cut(other, "\n")
	for name, forged := range map[string]string{
		"another origin": certificate + "\n" + rest,
		"another key":    certificate + "\n" + foreign,
		"none":           foreign,
		"nothing":        "",
	} {
		_, err := eventlog.VerifyDeviceExport(strings.NewReader(forged), device.Public())
		require.ErrorIs(t, err, eventlog.ErrTampered, name)
	}
	bytesOf := []byte(ours)
	flips := flipAll(bytesOf, func(what string) {
		_, err := eventlog.VerifyDeviceExport(bytes.NewReader(bytesOf), device.Public())
		require.ErrorIs(t, err, eventlog.ErrTampered, what)
		_, err = eventlog.VerifyExport(bytes.NewReader(bytesOf), publicKey())
		require.ErrorIs(t, err, eventlog.ErrTampered, what)
	})
	t.Logf("flips=%d detected=%d", flips, flips)
}

// failing is a device whose key does not answer.
type failing struct{ crypto.Signer }

func (failing) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("the chip does not answer")
}

// TestDeviceThatDoesNotCertify keeps no log from being written; Health tells.
func TestDeviceThatDoesNotCertify(t *testing.T) {
	device := deviceKeys(t)["P-256"]
	weak, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	m := powercut.New()
	for _, bad := range []crypto.Signer{failing{device}, weak} {
		opts := options()
		opts.Device = bad
		l := open(t, m, opts)
		require.NoError(t, l.Handler().Handle(t.Context(), record("test.one", access.LevelAudit)))
		require.ErrorContains(t, l.Health(t.Context()), "certificate")
		require.NoError(t, l.Close())
	}
	opts := options()
	opts.Device = device
	l := open(t, m, opts)
	require.NoError(t, l.Health(t.Context()))
	_, err = eventlog.VerifyDeviceExport(strings.NewReader(""), &weak.PublicKey)
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

// TestFollows: a log that was begun in the place of a retired one says so, and where that ended.
func TestFollows(t *testing.T) {
	ctx := somebody(t.Context())
	m, floor := powercut.New(), powercut.New()
	anchor, err := durable.OpenFS(floor.FS(), nil)
	require.NoError(t, err)
	opts := options()
	opts.Anchor = anchor
	export := func(l *eventlog.Log) *eventlog.Summary {
		l.Guard(allow{})
		slog.New(l.Handler()).Log(ctx, access.LevelAudit, "test.one")
		var b bytes.Buffer
		_, err := l.Export(ctx, &b, 0)
		require.NoError(t, err)
		s, err := eventlog.VerifyExport(&b, publicKey())
		require.NoError(t, err)
		return s
	}
	l := open(t, m, opts)
	first := export(l)
	require.Zero(t, first.After)
	require.NoError(t, l.Retire(context.Background()))
	l = open(t, powercut.New(), opts)
	second := export(l)
	require.NotZero(t, second.After)
	require.NotZero(t, second.AfterRoot)
	require.Greater(t, second.After, first.Last, "with its end")
}
