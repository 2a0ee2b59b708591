package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect/eventlog"
)

var update = flag.Bool("update", false, "make testdata anew")

// allow lets everybody do everything.
type allow struct{}

func (allow) Decide(context.Context, *access.Entity, access.Permission, string) access.Decision {
	return access.Decision{Allowed: true, Rule: "test"}
}

// device is one with a log.
type device struct {
	key, logKey crypto.Signer
	log         *eventlog.Log
	ctx         context.Context
}

func newDevice(t *testing.T, origin string, opts eventlog.Options) *device {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	_, logKey, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	dir, err := durable.OpenFS(powercut.New().FS(), nil)
	require.NoError(t, err)
	at := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	opts.Origin, opts.Device = origin, key
	opts.Now = func() (time.Time, durable.Quality) { at = at.Add(time.Second); return at, durable.Authenticated }
	d := &device{key: key, logKey: logKey, ctx: access.WithEntity(t.Context(), &access.Entity{})}
	d.log, err = eventlog.Open(t.Context(), dir, logKey, &opts)
	require.NoError(t, err)
	d.log.Guard(allow{})
	return d
}

func (d *device) events(names ...string) {
	for _, name := range names {
		slog.New(d.log.Handler()).Log(d.ctx, access.LevelAudit, name, access.KeyEntity, "ann", access.KeyMethod, "password")
	}
}

func (d *device) export(t *testing.T, from uint64) ([]byte, uint64) {
	var b bytes.Buffer
	next, err := d.log.Export(d.ctx, &b, from)
	require.NoError(t, err)
	return b.Bytes(), next
}

func public(t *testing.T, key crypto.Signer) []byte {
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func file(t *testing.T, name string, content []byte) string {
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path
}

func TestDemonstration(t *testing.T) {
	if *update {
		for _, name := range []string{"gateway", "camera"} {
			d := newDevice(t, name+"-7", eventlog.Options{})
			d.events(access.EventLogin, access.EventLoginFailed, access.EventAssigned, access.EventLoginFailed)
			raw, _ := d.export(t, 0)
			require.NoError(t, os.WriteFile("testdata/"+name+".jsonl", raw, 0o600))
			if name == "gateway" {
				require.NoError(t, os.WriteFile("testdata/device.pem", public(t, d.key), 0o600))
			}
		}
		return // what is embedded is still the old one
	}
	var out bytes.Buffer
	require.NoError(t, run(nil, &out))
	require.Equal(t, `gateway.jsonl: gateway-7, records 1 to 6, all as they were logged; clock authenticated
a record edited: record 3: it is not the one that the next was chained to
a record deleted: record 3: it is missing
two records exchanged: record 3: it is missing
a record of another device put in: record 4: it is chained to no record of this log
the end cut off: record 5: it is missing, and was signed
the whole export exchanged for another device's: record 1: certificate: the device did not sign it
6 of 6 forgeries found
`, out.String())
}

// TestVerify goes through exports of one log, and of the one that followed.
func TestVerify(t *testing.T) {
	floor, err := durable.OpenFS(powercut.New().FS(), nil)
	require.NoError(t, err)
	d := newDevice(t, "gateway-7", eventlog.Options{Anchor: floor})
	d.events("test.one")
	first, next := d.export(t, 0)
	d.events("test.two")
	second, _ := d.export(t, next)
	note, err := d.log.Checkpoint(d.ctx)
	require.NoError(t, err)
	a, b := file(t, "a", first), file(t, "b", second)
	key, logKey := file(t, "device.pem", public(t, d.key)), file(t, "log.pem", public(t, d.logKey))
	for _, by := range [][]string{{"-device", key}, {"-key", logKey}} {
		var out bytes.Buffer
		require.NoError(t, run(append(by, a, b), &out))
		require.Equal(t, fmt.Sprintf("%s: gateway-7, records 1 to 3, all as they were logged; clock authenticated\n"+
			"%s: gateway-7, records 4 to 5, all as they were logged; clock authenticated\n%s: goes on where the one before it ended\n", a, b, b), out.String())
		require.ErrorContains(t, run(append(by, b, a), &out), "does not go on")
		require.ErrorContains(t, run(append(by, a, a), &out), "does not go on")
		require.NoError(t, run(append(by, "-checkpoint", file(t, "note", note), a, b), &out))
		require.ErrorContains(t, run(append(by, "-checkpoint", file(t, "note", note), a), &out), "the export ends before")
	}
	require.ErrorIs(t, run([]string{"-device", logKey, a}, &bytes.Buffer{}), eventlog.ErrTampered)
	require.Error(t, run([]string{"-key", key, a}, &bytes.Buffer{}), "the device's key is not the log's")
	require.Error(t, run([]string{"-key", logKey}, &bytes.Buffer{}))
	require.Error(t, run([]string{"-key", a, a}, &bytes.Buffer{}))
}
