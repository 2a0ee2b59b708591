package protect_test

import (
	"crypto/aes"
	"crypto/cipher"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/softkeys"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/protect"
)

// onDisk is a provisioned vault in a real directory.
func onDisk(t testing.TB) (*durable.Dir, *protect.Compartment) {
	dir, err := durable.OpenDir(t.TempDir(), nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = dir.Close() })
	keys, err := softkeys.Open(t.Context(), dir, nil)
	require.NoError(t, err)
	v, err := protect.Provision(t.Context(), dir, keys, nil)
	require.NoError(t, err)
	c, err := v.Compartment(t.Context(), protect.ClassSettings)
	require.NoError(t, err)
	return dir, c
}

// TestPutCosts: a small value costs two fsyncs.
func TestPutCosts(t *testing.T) {
	dir, c := onDisk(t)
	require.NoError(t, c.Put(t.Context(), "first", nil)) // makes the compartment's directory
	before := dir.Stats().Syncs
	require.NoError(t, c.Put(t.Context(), "a", []byte("value")))
	require.NoError(t, c.Put(t.Context(), "a", []byte("other")))
	require.LessOrEqual(t, dir.Stats().Syncs-before, 4)
}

func BenchmarkPut(b *testing.B) {
	dir, c := onDisk(b)
	value := make([]byte, 200)
	require.NoError(b, c.Put(b.Context(), "a", value))
	before := dir.Stats().Syncs
	for b.Loop() {
		if err := c.Put(b.Context(), "a", value); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(dir.Stats().Syncs-before)/float64(b.N), "fsyncs/op")
}

// BenchmarkSeal seals 64 KiB and compares with AES-256-GCM alone, which also makes
// a new slice for its result.
func BenchmarkSeal(b *testing.B) {
	f := protect.NewFixed(protect.ClassSettings, 1, 2)
	value := make([]byte, protect.SegmentSize)
	aead := rawAEAD(b)
	raw := timeOf(func() { aead.Seal(nil, nil, value, nil) })
	b.SetBytes(int64(len(value)))
	for b.Loop() {
		f.Seal("network/wifi", 1, value)
	}
	b.ReportMetric(raw/(float64(b.Elapsed().Nanoseconds())/float64(b.N)), "ratio")
}

// BenchmarkOpen is the way back.
func BenchmarkOpen(b *testing.B) {
	f := protect.NewFixed(protect.ClassSettings, 1, 2)
	sealed := f.Seal("network/wifi", 1, make([]byte, protect.SegmentSize))
	aead := rawAEAD(b)
	box := aead.Seal(nil, nil, make([]byte, protect.SegmentSize), nil)
	raw := timeOf(func() { _, _ = aead.Open(nil, nil, box, nil) })
	b.SetBytes(protect.SegmentSize)
	for b.Loop() {
		if _, err := f.Open("network/wifi", sealed); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(raw/(float64(b.Elapsed().Nanoseconds())/float64(b.N)), "ratio")
}

func rawAEAD(b *testing.B) cipher.AEAD {
	block, err := aes.NewCipher(make([]byte, 32))
	require.NoError(b, err)
	aead, err := cipher.NewGCMWithRandomNonce(block)
	require.NoError(b, err)
	return aead
}

// timeOf returns the nanoseconds of one call.
func timeOf(fn func()) float64 {
	const n = 2000
	start := time.Now()
	for range n {
		fn()
	}
	return float64(time.Since(start).Nanoseconds()) / n
}
