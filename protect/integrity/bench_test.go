package integrity_test

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/protect/integrity"
)

const (
	benchFiles = 128
	benchSize  = 2 << 20
)

// BenchmarkCheck checks 256 MiB in 128 files, in memory and on a medium that is in the
// page cache, and says as ratio how that compares with SHA-256 over the same bytes in
// memory, on all cores, in turns with it. Budget: at least 0.9.
func BenchmarkCheck(b *testing.B) {
	tree := fstest.MapFS{}
	for i := range benchFiles {
		data := make([]byte, benchSize)
		_, err := rand.Read(data)
		require.NoError(b, err)
		tree[fmt.Sprintf("d%d/f%03d", i%8, i)] = &fstest.MapFile{Data: data}
	}
	_, disk := onDisk(b, tree)
	for _, c := range []struct {
		name string
		fsys fs.FS
	}{{"memory", tree}, {"disk", disk}} {
		manifest := write(b, c.fsys, key("vendor"), release)
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(benchFiles * benchSize)
			b.ReportAllocs()
			var raw, checked time.Duration
			for b.Loop() {
				b.StopTimer()
				raw += hashRaw(tree)
				b.StartTimer()
				begin := time.Now()
				r, err := integrity.Check(b.Context(), c.fsys, manifest, expect(), nil)
				checked += time.Since(begin)
				if err != nil || !r.Whole() {
					b.Fatal(r, err)
				}
			}
			b.ReportMetric(raw.Seconds()/checked.Seconds(), "ratio")
		})
	}
}

// hashRaw takes as long as the bytes of all files cost at least.
func hashRaw(tree fstest.MapFS) time.Duration {
	var data [][]byte
	for _, f := range tree {
		data = append(data, f.Data)
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	begin := time.Now()
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(data); i = int(next.Add(1)) - 1 {
				sha256.Sum256(data[i])
			}
		})
	}
	wg.Wait()
	return time.Since(begin)
}

// BenchmarkManifest verifies and reads a manifest of 10,000 files, none of which is
// there.
func BenchmarkManifest(b *testing.B) {
	tree := fstest.MapFS{}
	for i := range 10_000 {
		tree[fmt.Sprintf("usr/lib/d%02d/f%06d", i/100, i)] = &fstest.MapFile{}
	}
	manifest := write(b, tree, key("vendor"), release)
	b.SetBytes(int64(len(manifest)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := integrity.Check(b.Context(), fstest.MapFS{}, manifest, expect(), nil); err != nil {
			b.Fatal(err)
		}
	}
}
