package update_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/update"
)

// pattern is an image of any size that takes no memory: a block again and again.
type pattern struct {
	block  []byte
	size   int64
	offset int64
}

func newPattern(size int64) *pattern {
	block := make([]byte, 1<<16-1) // no power of two: a lost or doubled buffer shows
	for i := range block {
		block[i] = byte(i * i >> 3)
	}
	return &pattern{block: block, size: size}
}

func (p *pattern) from(offset int64) *pattern { return &pattern{p.block, p.size, offset} }

func (p *pattern) Read(b []byte) (int, error) {
	if p.offset == p.size {
		return 0, io.EOF
	}
	b = b[:min(int64(len(b)), p.size-p.offset)]
	n := copy(b, p.block[p.offset%int64(len(p.block)):])
	p.offset += int64(n)
	return n, nil
}

// is reports whether b stands at offset.
func (p *pattern) is(b []byte, offset int64) bool {
	for len(b) > 0 {
		part := p.block[offset%int64(len(p.block)):]
		part = part[:min(len(part), len(b))]
		if !bytes.Equal(part, b[:len(part)]) {
			return false
		}
		b, offset = b[len(part):], offset+int64(len(part))
	}
	return true
}

// checking is a place that keeps nothing, but knows what it must be given.
type checkingPlace struct {
	want *pattern
	peak *uint64
	m    runtime.MemStats
}

func (c *checkingPlace) WriteAt(b []byte, off int64) (int, error) {
	if !c.want.is(b, off) {
		return 0, errors.New("other bytes than those of the image")
	}
	return len(b), nil
}

func (c *checkingPlace) Sync(context.Context) error {
	runtime.ReadMemStats(&c.m)
	*c.peak = max(*c.peak, c.m.HeapAlloc)
	return nil
}

func (c *checkingPlace) Readback(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(c.want.from(0)), nil
}
func (c *checkingPlace) Close() error { return nil }

// anywhere is an Installer that writes into one Sink.
type anywhere struct {
	slots
	sink  update.Sink
	begun *time.Time
}

func (a anywhere) Prepare(ctx context.Context, c update.Component, size, resume int64) (update.Sink, error) {
	if a.begun != nil && a.begun.IsZero() {
		*a.begun = time.Now()
	}
	_, err := a.slots.Prepare(ctx, c, size, resume)
	return a.sink, err
}

// offer makes the vendor offer an image that comes from p.
func (v *vendor) offer(t testing.TB, p *pattern) update.Digest {
	t.Helper()
	h := sha256.New()
	_, err := io.CopyBuffer(h, struct{ io.Reader }{p.from(0)}, make([]byte, 1<<18))
	require.NoError(t, err)
	digest := update.Digest(h.Sum(nil))
	v.publish(2, 0, func(r *update.Release) {
		r.Components[0].Length, r.Components[0].Digest = p.size, digest
		target := v.targets[r.Components[0].Path]
		target.Length, target.Digest = p.size, digest
		v.targets[r.Components[0].Path] = target
	})
	v.open = func(_ context.Context, _ string, offset, _ int64) (io.ReadCloser, int64, error) {
		return io.NopCloser(p.from(offset)), offset, nil
	}
	return digest
}

// An image of 1 GiB goes through one buffer, twice: into the place and back.
func TestMemoryBound(t *testing.T) {
	size := int64(1 << 30)
	if raceEnabled {
		size = 1 << 26
	}
	v, p, peak := newVendor(), newPattern(size), uint64(0)
	m := lab(t, v, 1)
	v.offer(t, p)
	d := booted(t, m, v, func(parts *update.Parts, o *update.Options) {
		o.Checkpoint = 1 << 20
		parts.Installers = map[string]update.Installer{"system": anywhere{slots: slots{m, "system"}, sink: &checkingPlace{want: p, peak: &peak}}}
	})
	ctx := as(t.Context(), "operator")
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	require.NoError(t, d.Install(ctx, ""))
	runtime.ReadMemStats(&after)
	growth := int64(max(peak, after.HeapAlloc)) - int64(before.HeapAlloc)
	t.Logf("image=%d MiB heap-growth=%.1f MiB", size>>20, float64(growth)/(1<<20))
	assert.LessOrEqual(t, growth, int64(8<<20))
}

// timed is a place on a real medium that tells when the image was in it.
type timed struct {
	place
	ended *time.Time
}

func (t *timed) Close() error {
	if t.ended.IsZero() {
		*t.ended = time.Now()
	}
	return nil
}

// BenchmarkStreamToSlot compares writing an image into a file, with the checkpoints that
// are the default, with the floor: SHA-256, write and as many fsyncs of the file, and
// nothing else. Ratio is that of the streaming; whole-ratio also counts the read-back,
// which the floor does not have.
func BenchmarkStreamToSlot(b *testing.B) {
	const size, checkpoint = 128 << 20, 8 << 20
	raw, err := durable.OpenRaw(b.TempDir(), nil)
	require.NoError(b, err)
	defer raw.Close()
	p := newPattern(size)
	b.SetBytes(size)
	var ratio, whole, rate []float64
	for b.Loop() {
		floor := floorOf(b, raw, p, checkpoint)
		s, w := streamOf(b, raw, p)
		ratio, whole = append(ratio, float64(floor)/float64(s)), append(whole, float64(floor)/float64(w))
		rate = append(rate, size/(1<<20)/s.Seconds())
	}
	b.ReportMetric(median(ratio), "ratio")
	b.ReportMetric(median(whole), "whole-ratio")
	b.ReportMetric(median(rate), "stream-MiB/s")
}

func median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}

func floorOf(b *testing.B, fsys durable.FS, p *pattern, checkpoint int64) time.Duration {
	b.Helper()
	f, err := fsys.Open("floor", durable.Create)
	require.NoError(b, err)
	defer f.Close()
	begun, h, buf, r := time.Now(), sha256.New(), make([]byte, 256<<10), p.from(0)
	for at := int64(0); at < p.size; {
		n, err := io.ReadFull(r, buf)
		require.NoError(b, err)
		h.Write(buf[:n])
		_, err = f.WriteAt(buf[:n], at)
		require.NoError(b, err)
		if at += int64(n); at%checkpoint == 0 {
			require.NoError(b, f.Sync())
		}
	}
	return time.Since(begun)
}

func streamOf(b *testing.B, fsys durable.FS, p *pattern) (stream, whole time.Duration) {
	b.Helper()
	f, err := fsys.Open("slot", durable.Create)
	require.NoError(b, err)
	defer f.Close()
	dir, err := durable.OpenDir(b.TempDir(), nil)
	require.NoError(b, err)
	defer dir.Close()
	v := newVendor()
	m := lab(b, v, 1)
	v.offer(b, p)
	var begun, ended time.Time
	u, err := update.Open(b.Context(), dir, update.Parts{
		Product: product, Channel: channel, Running: versionOf(1), Trust: v, Source: v,
		Installers: map[string]update.Installer{
			"system": anywhere{slots: slots{m, "system"}, sink: &timed{place{f, p.size}, &ended}, begun: &begun},
		},
		Floors: update.NewFloors(dir), Guard: guard(), Host: &host{}, Health: healthFunc(nil),
	}, nil)
	require.NoError(b, err)
	ctx := as(b.Context(), "operator")
	start := time.Now()
	require.NoError(b, u.Install(ctx, ""))
	return ended.Sub(begun), time.Since(start)
}
