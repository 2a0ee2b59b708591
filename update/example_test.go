package update_test

import (
	"context"
	"errors"
	"fmt"
	"testing/fstest"

	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/update"
)

// A release from the offer to its confirmation, and one that is given up.
func Example() {
	ctx := as(context.Background(), "operator")
	vendor, m := newVendor(), powercut.New()
	check(factory(m, vendor, 1))

	vendor.publish(2, 2, nil)
	d, err := boot(ctx, m, vendor, nil)
	check(err)
	r, err := d.Check(ctx)
	check(err)
	fmt.Println("offered:", r.Version)
	check(d.Install(ctx, r.Version))
	fmt.Println("state:", d.State())

	d, err = boot(ctx, m, vendor, nil) // the restart
	check(err)
	version, trial, _ := d.Status(ctx)
	fmt.Println("runs:", version, "on trial:", trial)
	check(d.Confirm(ctx))
	floor, _ := d.floors.Get(ctx, "release")
	fmt.Println("confirmed, floor:", floor)

	vendor.publish(3, 2, nil)
	check(d.Install(ctx, ""))
	d, err = boot(ctx, m, vendor, nil)
	check(err)
	check(d.Rollback(ctx, "the display flickers"))
	d, err = boot(ctx, m, vendor, nil)
	check(err)
	version, trial, _ = d.Status(ctx)
	fmt.Println("runs:", version, "on trial:", trial)
	err = d.Install(ctx, "1.3")
	fmt.Println("again:", errors.Is(err, update.ErrBlocked))
	// Output:
	// offered: 1.2
	// state: restart
	// runs: 1.2 on trial: true
	// confirmed, floor: 2
	// runs: 1.2 on trial: false
	// again: true
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// A stick is a Source as untrusted as any.
func ExampleFS() {
	stick := fstest.MapFS{"targets/image": {Data: []byte("0123456789")}}
	r, at, err := update.FS(stick).Open(context.Background(), "targets/image", 4, 3)
	check(err)
	defer r.Close()
	var text [8]byte
	n, _ := r.Read(text[:])
	fmt.Printf("from %d: %s\n", at, text[:n])
	// Output: from 4: 456
}

func ExampleParseRelease() {
	_, err := update.ParseRelease([]byte(`{"product":"pump","channel":"stable","version":"1.2","number":2,"floor":3,
		"components":[],"published":"2026-01-02T03:04:05Z"}`))
	fmt.Println(err)
	fmt.Println(errors.Is(err, update.ErrUntrusted))
	// Output:
	// update: release: /floor: is at most the number: a release that is not confirmed blocks nothing
	// true
}
