package protect_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/protect"
)

// The floors are AES-256-GCM alone in the same segments ("ratio-gcm"), and that with what
// the medium costs, one file written in the same parts and synced, or read ("ratio").

var streamSizes = []int{1 << 20, 256 << 20}

func BenchmarkStreamWrite(b *testing.B) {
	for _, size := range streamSizes {
		b.Run(fmt.Sprintf("%dMiB", size>>20), func(b *testing.B) {
			_, c := onDisk(b)
			part := make([]byte, 1<<20)
			b.SetBytes(int64(size))
			for b.Loop() {
				w, err := c.CreateStream(b.Context(), "film")
				require.NoError(b, err)
				for range size / len(part) {
					if _, err := w.Write(part); err != nil {
						b.Fatal(err)
					}
				}
				require.NoError(b, w.Close())
			}
			compare(b, size, func(sealed []byte) time.Duration { return writeRaw(b, size, sealed) })
		})
	}
}

func BenchmarkStreamRead(b *testing.B) {
	for _, size := range streamSizes {
		b.Run(fmt.Sprintf("%dMiB", size>>20), func(b *testing.B) {
			_, c := onDisk(b)
			require.NoError(b, record(b.Context(), c, "film", make([]byte, size), 1<<20))
			part := make([]byte, 1<<20)
			b.SetBytes(int64(size))
			for b.Loop() {
				r, err := c.OpenStream(b.Context(), "film")
				require.NoError(b, err)
				n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{r}, part)
				require.NoError(b, err)
				require.EqualValues(b, size, n)
				require.NoError(b, r.Close())
			}
			compare(b, size, func(sealed []byte) time.Duration { return readRaw(b, size, sealed) })
		})
	}
}

// compare reports the throughput as parts of that of the floors.
func compare(b *testing.B, size int, medium func(sealed []byte) time.Duration) {
	ours := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
	aead := rawAEAD(b)
	plain, sealed := make([]byte, protect.SegmentSize), make([]byte, 0, sealedSegment)
	start := time.Now()
	rounds := max(1, 256<<20/size)
	for range rounds * size / protect.SegmentSize {
		sealed = aead.Seal(sealed[:0], nil, plain, nil)
	}
	gcm := float64(time.Since(start).Nanoseconds()) / float64(rounds)
	b.ReportMetric(gcm/ours, "ratio-gcm")
	b.ReportMetric((gcm+float64(medium(sealed).Nanoseconds()))/ours, "ratio")
}

func writeRaw(b *testing.B, size int, sealed []byte) time.Duration {
	path := filepath.Join(b.TempDir(), "raw")
	start := time.Now()
	f, err := os.Create(path)
	require.NoError(b, err)
	for range size / protect.SegmentSize {
		_, err = f.Write(sealed)
		require.NoError(b, err)
	}
	require.NoError(b, f.Sync())
	require.NoError(b, f.Close())
	return time.Since(start)
}

func readRaw(b *testing.B, size int, sealed []byte) time.Duration {
	path := filepath.Join(b.TempDir(), "raw")
	raw := make([]byte, size)
	require.NoError(b, os.WriteFile(path, raw, 0o600))
	f, err := os.Open(path)
	require.NoError(b, err)
	start := time.Now()
	part := make([]byte, len(sealed))
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{f}, part)
	d := time.Since(start)
	require.NoError(b, err)
	require.EqualValues(b, size, n)
	require.NoError(b, f.Close())
	return d
}
