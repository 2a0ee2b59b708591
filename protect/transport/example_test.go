package transport_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"time"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/protect/transport"
)

func Example() {
	ctx := context.Background()
	key := ed25519.NewKeyFromSeed(make([]byte, 32)) // in a device: opened from a key store
	build := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	identity, err := transport.SelfSigned(ctx, key, "gateway-7.local", transport.Validity{NotBefore: build})
	if err != nil {
		panic(err)
	}
	hub, err := transport.SelfSigned(ctx, ed25519.NewKeyFromSeed([]byte("the key of another device, a hub")), "hub.local", transport.Validity{NotBefore: build})
	if err != nil {
		panic(err)
	}
	peers := &transport.Peers{Pins: [][sha256.Size]byte{transport.Pin(hub.Leaf)}, Names: []string{"hub.local"}}
	clock := func() (time.Time, durable.Quality) { return build, durable.LowerBound } // in a device: Clock.Now
	server, err := transport.Server(identity, peers, &transport.Options{Now: clock})
	if err != nil {
		panic(err)
	}
	fmt.Println(server.MinVersion == tls.VersionTLS13, server.ClientAuth, server.SessionTicketsDisabled)

	_, err = transport.Client(identity, nil, nil)
	fmt.Println(err)
	// Output:
	// true RequireAnyClientCert true
	// transport: client: no peers: any server would do: invalid argument
}
