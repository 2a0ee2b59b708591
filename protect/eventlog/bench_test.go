package eventlog_test

import (
	"log/slog"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/protect/eventlog"
)

// BenchmarkAppend appends records of some 200 bytes to a log on a real directory.
// Budget: at least 500,000 a second of processor time, at most 2 allocations. Not
// synced means: not one by one; they are synced by the 256, and what the kernel needs
// for that stands in cpu-s, not in user-s.
func BenchmarkAppend(b *testing.B) {
	for name, attrs := range map[string][]slog.Attr{
		"device": {slog.String(access.KeyReason, "a password that is too short was refused")},
		"person": {slog.String(access.KeyEntity, "ann"), slog.String(access.KeyMethod, "password")},
	} {
		b.Run(name, func(b *testing.B) {
			dir, err := durable.OpenDir(b.TempDir(), nil)
			require.NoError(b, err)
			defer dir.Close()
			l, err := eventlog.Open(b.Context(), dir, logKey(), &eventlog.Options{Origin: "gateway-7"})
			require.NoError(b, err)
			h, r := l.Handler(), slog.NewRecord(time.Unix(1e9, 0), slog.LevelInfo, access.EventConfigReverted, 0)
			r.AddAttrs(attrs...)
			ctx := b.Context()
			b.ReportAllocs()
			user, system := cpu(b)
			for b.Loop() {
				if err := h.Handle(ctx, r); err != nil {
					b.Fatal(err)
				}
			}
			u, s := cpu(b)
			b.ReportMetric(float64(b.N)/(u-user).Seconds(), "records/user-s")
			b.ReportMetric(float64(b.N)/(u-user+s-system).Seconds(), "records/cpu-s")
		})
	}
}

// cpu is the processor time of this process, in its own code and in the kernel.
func cpu(b *testing.B) (user, system time.Duration) {
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano()), time.Duration(u.Stime.Nano())
}
