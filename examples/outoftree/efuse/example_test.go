package efuse_test

import (
	"context"
	"fmt"

	"example.com/acme/keystore/efuse"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
)

// medium is one in memory; on a device it is durable.OpenDir.
func medium() *durable.Dir {
	dir, err := durable.OpenFS(powercut.New().FS(), nil)
	if err != nil {
		panic(err)
	}
	return dir
}

func Example() {
	ctx := context.Background()
	fuses, data := medium(), medium()
	if err := efuse.Burn(ctx, fuses); err != nil { // in the factory
		panic(err)
	}
	keys, err := efuse.Open(ctx, fuses, &efuse.Options{Sealed: true})
	if err != nil {
		panic(err)
	}
	vault, err := protect.Provision(ctx, data, keys, nil) // then protect.Open
	if err != nil {
		panic(err)
	}
	settings, err := vault.Compartment(ctx, protect.ClassSettings)
	if err != nil {
		panic(err)
	}
	if err := settings.Put(ctx, "network/wifi", []byte("a passphrase")); err != nil {
		panic(err)
	}
	value, err := settings.Get(ctx, "network/wifi")
	fmt.Printf("%s, %v\n", value, err)
	report := vault.Report(ctx)
	fmt.Println(report.KeyStore.Name+",", "hardware:", report.KeyStore.Hardware)
	fmt.Println("erasure:", report.Erasure)
	// Output:
	// a passphrase, <nil>
	// efuse, hardware: true
	// erasure: purge: keys destroyed, every copy closed
}
