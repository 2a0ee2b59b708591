package softkeys_test

import (
	"context"
	"fmt"

	"github.com/iot-device-baseline/baseline/backends/softkeys"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

func Example() {
	ctx := context.Background()
	dir, err := durable.OpenFS(powercut.New().FS(), nil) // on a device: durable.OpenDir
	if err != nil {
		panic(err)
	}
	keys, err := softkeys.Open(ctx, dir, nil)
	if err != nil {
		panic(err)
	}
	blob, err := keys.Seal(ctx, []byte("a secret"))
	if err != nil {
		panic(err)
	}
	secret, err := keys.Unseal(ctx, blob)
	fmt.Printf("%s, %v\n", secret, err)
	fmt.Println("bound to", keys.Info().BoundTo)
	// Output:
	// a secret, <nil>
	// bound to nothing: the keys lie on the same medium
}
