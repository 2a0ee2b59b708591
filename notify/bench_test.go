package notify_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/iot-device-baseline/baseline/notify"
)

const fans = 10

// plain is what the fan-out of a library is: one goroutine each, errors joined.
func plain(ctx context.Context, n notify.Notice, to []notify.Notifier) error {
	errs := make([]error, len(to))
	var wg sync.WaitGroup
	for i, t := range to {
		wg.Go(func() { errs[i] = t.Notify(ctx, n) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// BenchmarkFanOut sends to 10 channels that do nothing, without queues, and waits
// for all. The ratio is that of its speed to the plain fan-out's, timed in turn.
func BenchmarkFanOut(b *testing.B) {
	nop := notifierFunc(func(context.Context, notify.Notice) error { return nil })
	var opts notify.Options
	var to []notify.Notifier
	for i := range fans {
		opts.Channels = append(opts.Channels, notify.Channel{Name: fmt.Sprintf("c%d", i), To: nop, Direct: true})
		to = append(to, nop)
	}
	c := open(b, newDir(), &opts)
	n, ctx := notice("a"), context.Background()
	var ours, floor time.Duration
	const chunk = 100
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		for range chunk {
			c.FanOut(ctx, n)
		}
		ours += time.Since(start)
		b.StopTimer()
		start = time.Now()
		for range chunk {
			if err := plain(ctx, n, to); err != nil {
				b.Fatal(err)
			}
		}
		floor += time.Since(start)
		b.StartTimer()
	}
	b.ReportMetric(float64(floor)/float64(ours), "ratio")
	b.ReportMetric(float64(ours.Nanoseconds())/float64(b.N*chunk), "ns/fan-out")
	b.ReportMetric(float64(floor.Nanoseconds())/float64(b.N*chunk), "ns/floor")
}

// BenchmarkRaiseRepeat is the hot path of a part that raises the same over and over.
func BenchmarkRaiseRepeat(b *testing.B) {
	c, ctx := open(b, newDir(), nil), as("part")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Raise(ctx, notice("a")); err != nil {
			b.Fatal(err)
		}
	}
}
