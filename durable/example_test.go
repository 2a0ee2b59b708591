package durable_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

// A device uses durable.OpenDir("/var/lib/device", nil); the examples use a
// machine in memory.
func open() *durable.Dir {
	dir, err := durable.OpenFS(powercut.New().FS(), nil)
	if err != nil {
		panic(err)
	}
	return dir
}

func ExampleDir() {
	ctx := context.Background()
	dir := open()
	defer dir.Close()
	fmt.Println(dir.Put(ctx, "network/hostname", []byte("meter-7"))) // nil: kept
	name, err := dir.Get(ctx, "network/hostname")
	fmt.Println(string(name), err)
	_, err = dir.Get(ctx, "network/address")
	fmt.Println(errors.Is(err, fs.ErrNotExist))
	// Output:
	// <nil>
	// meter-7 <nil>
	// true
}

// A journal is a Value of a type of its own: intent, act, make durable, result.
func ExampleValue() {
	type journal struct {
		Phase string `json:"phase"`
	}
	ctx := context.Background()
	v := durable.NewValue[journal](open(), "reset", nil)
	fmt.Println(v.Store(ctx, journal{"keys destroyed"}))
	j, err := v.Load(ctx)
	fmt.Println(j.Phase, err)
	// Output:
	// <nil>
	// keys destroyed <nil>
}

func ExampleLog() {
	ctx := context.Background()
	log, err := durable.OpenLog(ctx, open(), "events", nil)
	if err != nil {
		panic(err)
	}
	log.Append(ctx, []byte("started"))
	log.Append(ctx, []byte("denied"))
	fmt.Println(log.Sync(ctx)) // nil: both are kept
	for r, err := range log.Records(ctx, 0) {
		fmt.Println(r.Seq, string(r.Data), err)
	}
	// Output:
	// <nil>
	// 1 started <nil>
	// 2 denied <nil>
}

func ExampleOutbox() {
	ctx, cancel := context.WithCancel(context.Background())
	box, err := durable.OpenOutbox(ctx, open(), "mail", nil)
	if err != nil {
		panic(err)
	}
	box.Add(ctx, []byte("hello")) // kept until delivered
	box.Run(ctx, func(_ context.Context, id uint64, msg []byte) error {
		fmt.Println(id, string(msg))
		cancel()
		return nil
	})
	fmt.Println("pending", box.Pending())
	// Output:
	// 1 hello
	// pending 0
}

func ExampleClock() {
	ctx := context.Background()
	clock, err := durable.OpenClock(ctx, open(), &durable.ClockOptions{
		Build:  time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
		System: func() time.Time { return time.Unix(0, 0) }, // no battery: 1970
	})
	if err != nil {
		panic(err)
	}
	now, quality := clock.Now()
	fmt.Println(now.Year(), quality)
	// Output:
	// 2026 lower bound
}
