package eventlog_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"log/slog"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect/eventlog"
)

func Example() {
	ctx := access.WithEntity(context.Background(), &access.Entity{}) // in a device: who asks
	dir, err := durable.OpenFS(powercut.New().FS(), nil)             // in a device: a compartment of the vault
	if err != nil {
		panic(err)
	}
	key := ed25519.NewKeyFromSeed(make([]byte, 32)) // in a device: opened from a key store
	log, err := eventlog.Open(ctx, dir, key, &eventlog.Options{Origin: "gateway-7"})
	if err != nil {
		panic(err)
	}
	defer log.Close()
	log.Guard(allow{}) // in a device: the guard

	logger := slog.New(log.Handler())
	logger.LogAttrs(ctx, eventlog.LevelAudit, access.EventLogin, slog.String(access.KeyEntity, "ann"), slog.String(access.KeyMethod, "password"))
	if err := eventlog.Sync(ctx, logger); err != nil {
		panic(err)
	}
	var export bytes.Buffer
	next, err := log.Export(ctx, &export, 0)
	if err != nil {
		panic(err)
	}
	fmt.Println("next export from", next)

	// Somewhere else, with the public key alone:
	summary, err := eventlog.VerifyExport(bytes.NewReader(export.Bytes()), log.PublicKey())
	fmt.Println(summary.Origin, summary.First, summary.Last, err)
	forged := bytes.Replace(export.Bytes(), []byte("password"), []byte("presence"), 1)
	_, err = eventlog.VerifyExport(bytes.NewReader(forged), log.PublicKey())
	fmt.Println(err)
	// Output:
	// next export from 4
	// gateway-7 1 3 <nil>
	// eventlog: record 2: it is not the one that was signed: not what was logged: stored bytes are damaged
}

func ExampleParseCheckpoint() {
	ctx := access.WithEntity(context.Background(), &access.Entity{})
	dir, err := durable.OpenFS(powercut.New().FS(), nil)
	if err != nil {
		panic(err)
	}
	log, err := eventlog.Open(ctx, dir, ed25519.NewKeyFromSeed(make([]byte, 32)), &eventlog.Options{Origin: "gateway-7", Now: someTime})
	if err != nil {
		panic(err)
	}
	defer log.Close()
	log.Guard(allow{})
	note, err := log.Checkpoint(ctx) // to be kept where nobody changes it
	if err != nil {
		panic(err)
	}
	c, err := eventlog.ParseCheckpoint(note, log.PublicKey())
	fmt.Println(c.Origin, c.Size, c.Time, c.Quality, err)
	// Output: gateway-7 1 2026-11-25 12:00:00 +0000 UTC set <nil>
}
