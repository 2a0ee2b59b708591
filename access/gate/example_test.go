package gate_test

import (
	"context"
	"fmt"

	"github.com/iot-device-baseline/baseline/access/gate"
)

// A device has one way in and one way out. The owner shuts the way in.
func Example() {
	g, err := gate.New(gate.List{
		Interfaces: []gate.Interface{{Name: "web", Network: "tcp", Address: "127.0.0.1:0", Reason: "the owner's page"}},
		Flows:      []gate.Flow{{Name: "updates", Hosts: []string{"updates.example.com:443"}, Reason: "releases"}},
	}, nil)
	if err != nil {
		panic(err)
	}
	defer g.Close()
	ctx := context.Background()
	err = g.Configure(ctx, gate.Settings{Disabled: []string{"web"}})
	fmt.Println(err)
	_, err = g.Listen(ctx, "web")
	fmt.Println(err)
	dial, err := g.Dialer("updates")
	fmt.Println(err)
	_, err = dial(ctx, "tcp", "elsewhere.example.com:443")
	fmt.Println(err)
	// Output:
	// <nil>
	// gate: listen web: disabled
	// <nil>
	// gate: dial updates: elsewhere.example.com:443: host is not named by the flow
}
