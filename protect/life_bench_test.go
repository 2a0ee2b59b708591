package protect_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/softkeys"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
)

// crowded is a machine whose vault has 10,000 values.
func crowded(b *testing.B, store keyStore) *powercut.Machine {
	m := powercut.New()
	v, err := provision(b.Context(), m, store, nil)
	require.NoError(b, err)
	c, err := v.Compartment(b.Context(), protect.ClassApplication)
	require.NoError(b, err)
	for i := range 10_000 {
		require.NoError(b, c.Put(b.Context(), fmt.Sprintf("value/%d", i), []byte("x")))
	}
	m.Settle()
	return m
}

// BenchmarkOpenVault opens a vault with 10,000 values, over keys in software and over a
// token that counts. The budget is 100 ms with software keys.
func BenchmarkOpenVault(b *testing.B) {
	for name, store := range map[string]keyStore{"softkeys": software, "token": token} {
		b.Run(name, func(b *testing.B) {
			m := crowded(b, store)
			for b.Loop() {
				v, err := open(b.Context(), m, store, nil)
				require.NoError(b, err)
				require.NoError(b, v.Close())
			}
		})
	}
}

// BenchmarkFirstChange is the first change of a start in a vault with 10,000 values over a
// token that counts: it reads each of them, and writes the index.
func BenchmarkFirstChange(b *testing.B) {
	m := crowded(b, token)
	for b.Loop() {
		v, err := open(b.Context(), m, token, nil)
		require.NoError(b, err)
		require.NoError(b, settingsOf(b, v).Put(b.Context(), "a", nil))
	}
}

// BenchmarkErase erases a person who has so much data. The budget is that the times are
// within 1.5 times of each other.
func BenchmarkErase(b *testing.B) {
	for _, size := range []int{1 << 20, 1 << 30} {
		b.Run(fmt.Sprintf("%dMiB", size>>20), func(b *testing.B) {
			ctx := somebody(b.Context())
			dir, err := durable.OpenDir(b.TempDir(), nil)
			require.NoError(b, err)
			defer dir.Close()
			keys, err := softkeys.Open(ctx, dir, nil)
			require.NoError(b, err)
			v, err := protect.Provision(ctx, dir, keys, nil)
			require.NoError(b, err)
			v.Guard(allow{})
			running, stop := context.WithCancel(ctx)
			done := make(chan error)
			go func() { done <- v.Run(running) }()
			part := make([]byte, 1<<20)
			for n := 0; b.Loop(); n++ {
				b.StopTimer()
				who := fmt.Sprintf("person-%d", n)
				c, err := v.Subject(ctx, who)
				require.NoError(b, err)
				w, err := c.CreateStream(ctx, "film")
				require.NoError(b, err)
				for range size / len(part) {
					_, err := w.Write(part)
					require.NoError(b, err)
				}
				require.NoError(b, w.Close())
				b.StartTimer()
				_, err = v.Erase(ctx, who)
				require.NoError(b, err)
				b.StopTimer()
				require.Eventually(b, func() bool { return v.Stats().FilesLeft == 0 }, time.Minute, time.Millisecond)
				b.StartTimer()
			}
			stop()
			require.ErrorIs(b, <-done, context.Canceled)
		})
	}
}
