package abslot_test

import (
	"context"
	"fmt"

	"github.com/iot-device-baseline/baseline/backends/abslot"
	"github.com/iot-device-baseline/baseline/backends/uboot"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/update"
)

func Example() {
	ctx := context.Background()
	medium := powercut.New().FS() // on a device: durable.OpenRaw
	cfg := uboot.Config{Primary: uboot.Location{File: "uboot.env"}, Redundant: uboot.Location{File: "uboot-redund.env"}, Size: 4096}
	if err := uboot.Create(ctx, medium, cfg, "a", nil); err != nil { // in the factory
		panic(err)
	}
	env, err := uboot.New(medium, cfg, "a")
	if err != nil {
		panic(err)
	}
	system, err := abslot.New(medium, env, [2]abslot.Slot{{Name: "a", File: "system-a"}, {Name: "b", File: "system-b"}}, nil)
	if err != nil {
		panic(err)
	}
	c := update.Component{Name: "system", Length: 11}
	sink, err := system.Prepare(ctx, c, c.Length, 0)
	if err != nil {
		panic(err)
	}
	if _, err = sink.WriteAt([]byte("release 1.1"), 0); err == nil {
		err = sink.Sync(ctx)
	}
	fmt.Println("written", err)
	fmt.Println("activated", system.Activate(ctx, c, 3))
	slot, err := uboot.Choose(ctx, medium, cfg) // the boot loader, after a restart
	fmt.Println("started", slot, err)
	// Output:
	// written <nil>
	// activated <nil>
	// started b <nil>
}
