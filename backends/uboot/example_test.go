package uboot_test

import (
	"context"
	"fmt"

	"github.com/iot-device-baseline/baseline/backends/uboot"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

func Example() {
	ctx := context.Background()
	boot := powercut.New().FS() // on a device: durable.OpenRaw("/boot", nil)
	cfg := uboot.Config{
		Primary:   uboot.Location{File: "uboot.env"},
		Redundant: uboot.Location{File: "uboot-redund.env"},
		Size:      16 << 10,
	}
	if err := uboot.Create(ctx, boot, cfg, "a", nil); err != nil { // in the factory
		panic(err)
	}
	env, err := uboot.New(boot, cfg, "a")
	if err != nil {
		panic(err)
	}
	if err := env.Try(ctx, "b", 2); err != nil {
		panic(err)
	}
	for range 3 { // the boot loader, at each start
		slot, err := uboot.Choose(ctx, boot, cfg)
		fmt.Println(slot, err)
	}
	// Output:
	// b <nil>
	// b <nil>
	// a <nil>
}
