package update_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/update"
)

// source is a way to serve an image badly.
type source func(v *vendor) func(ctx context.Context, name string, offset, length int64) (io.ReadCloser, int64, error)

// zeros never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// dripping brings a byte now and then, until its context ends.
type dripping struct {
	ctx   context.Context
	every time.Duration
}

func (d dripping) Read(p []byte) (int, error) {
	timer := time.NewTimer(d.every)
	defer timer.Stop()
	select {
	case <-d.ctx.Done():
		return 0, d.ctx.Err()
	case <-timer.C:
		return copy(p, "x"), nil
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

func serving(r func(ctx context.Context, image []byte, offset int64) (io.Reader, int64)) source {
	return func(v *vendor) func(context.Context, string, int64, int64) (io.ReadCloser, int64, error) {
		return func(ctx context.Context, name string, offset, _ int64) (io.ReadCloser, int64, error) {
			in, at := r(ctx, v.files[name], offset)
			return io.NopCloser(in), at, nil
		}
	}
}

// A hostile source costs time and traffic within limits. The running release starts.
func TestHostileSource(t *testing.T) {
	for _, tt := range []struct {
		name   string
		open   source
		want   error
		says   string
		opens  int           // at most
		within time.Duration // it takes at most
	}{
		{"short", serving(func(_ context.Context, image []byte, offset int64) (io.Reader, int64) {
			return bytes.NewReader(image[offset:max(offset, 700)]), offset
		}), update.ErrUnavailable, "source ended early", 8, 3 * time.Minute},
		{"nothing at all", serving(func(_ context.Context, _ []byte, offset int64) (io.Reader, int64) {
			return bytes.NewReader(nil), offset
		}), update.ErrUnavailable, "source ended early", 6, 3 * time.Minute},
		{"endless", serving(func(_ context.Context, _ []byte, offset int64) (io.Reader, int64) {
			return zeros{}, offset
		}), update.ErrUntrusted, "the release says", 1, time.Second},
		{"begins too late", serving(func(_ context.Context, image []byte, offset int64) (io.Reader, int64) {
			return bytes.NewReader(image[offset+1:]), offset + 1
		}), update.ErrUnavailable, "begins behind", 6, 3 * time.Minute},
		{"begins before the beginning", serving(func(_ context.Context, image []byte, _ int64) (io.Reader, int64) {
			return bytes.NewReader(image), -1
		}), update.ErrUnavailable, "begins behind", 6, 3 * time.Minute},
		{"changed in the middle", serving(func(_ context.Context, image []byte, offset int64) (io.Reader, int64) {
			return io.MultiReader(bytes.NewReader(image[offset:800]), zeros{}), offset
		}), update.ErrUntrusted, "the release says", 1, time.Second},
		{"fails in the middle, again and again", serving(func(_ context.Context, image []byte, offset int64) (io.Reader, int64) {
			return io.MultiReader(bytes.NewReader(image[offset:max(offset, 800)]), failing{}), offset
		}), update.ErrUnavailable, "connection reset", 8, 3 * time.Minute},
		{"slow", serving(func(ctx context.Context, _ []byte, offset int64) (io.Reader, int64) {
			return dripping{ctx, time.Minute}, offset
		}), update.ErrUnavailable, "too slow", 6, 90 * time.Minute},
		{"silent", serving(func(ctx context.Context, _ []byte, offset int64) (io.Reader, int64) {
			return dripping{ctx, 1000 * time.Hour}, offset
		}), update.ErrUnavailable, "too slow", 6, 90 * time.Minute},
		{"not there", func(v *vendor) func(context.Context, string, int64, int64) (io.ReadCloser, int64, error) {
			return func(context.Context, string, int64, int64) (io.ReadCloser, int64, error) {
				return v.serve("no such", 0, 0)
			}
		}, update.ErrUnavailable, "not exist", 6, 3 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			guard() // not of the bubble
			synctest.Test(t, func(t *testing.T) {
				operator := as(t.Context(), "operator")
				v := newVendor()
				m := lab(t, v, 1)
				v.publish(2, 0, nil)
				v.open = tt.open(v)
				d := booted(t, m, v, nil)
				begun := time.Now()
				err := d.Install(operator, "")
				require.ErrorIs(t, err, tt.want)
				assert.ErrorContains(t, err, tt.says)
				assert.LessOrEqual(t, len(v.opened), tt.opens)
				assert.LessOrEqual(t, time.Since(begun), tt.within)
				assert.Equal(t, "1.1 trial=false floor=0 failed=0", d.state(t))
				e := slots{m, "system"}.load()
				assert.Equal(t, environment{Booted: "a", Next: "a", Good: map[string]bool{"a": true, "b": false}}, e)
				if tt.want == update.ErrUntrusted {
					assert.Zero(t, d.journal(t.Context()).Offset, "it begins anew")
				}
				v.open, v.opened = nil, nil
				require.NoError(t, booted(t, m, v, nil).Install(operator, ""))
				assert.Equal(t, "1.2 trial=true floor=0 failed=0", booted(t, m, v, nil).state(t))
			})
		})
	}
}

// A source that ignores the offset and begins at 0 costs traffic only.
func TestSourceWithoutRanges(t *testing.T) {
	ctx := as(t.Context(), "operator")
	v := newVendor()
	m := lab(t, v, 1)
	v.publish(2, 0, nil)
	v.cutOff(700)
	limit, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, booted(t, m, v, nil).Install(limit, ""), context.DeadlineExceeded)
	v.opened = nil
	v.open = serving(func(_ context.Context, image []byte, _ int64) (io.Reader, int64) { return bytes.NewReader(image), 0 })(v)
	d := booted(t, m, v, nil)
	assert.Equal(t, int64(700), d.journal(ctx).Offset, "what came before the failure was kept, too")
	require.NoError(t, d.Install(ctx, ""))
	assert.Equal(t, []int64{700}, v.opened)
	assert.Equal(t, "1.2 trial=true floor=0 failed=0", booted(t, m, v, nil).state(t))
}

// Bytes that changed on the medium after they were written are found, in the part that is
// resumed and in the whole, and fetched again.
func TestDamagedPlace(t *testing.T) {
	ctx := as(t.Context(), "operator")
	damage := func(t *testing.T, m interface{ Files() map[string][]byte }, s slots) {
		t.Helper()
		f, err := s.m.FS().Open(s.file("b"), 1)
		require.NoError(t, err)
		_, err = f.WriteAt([]byte{m.Files()[s.file("b")][10] ^ 1}, 10)
		require.NoError(t, err)
		require.NoError(t, f.Sync())
	}
	v := newVendor()
	m := lab(t, v, 1)
	s := slots{m, "system"}
	v.publish(2, 0, nil)
	require.NoError(t, partly(t.Context(), m, v))
	damage(t, m, s)
	v.opened = nil
	gate := func(p *update.Parts, _ *update.Options) {
		p.Gates = []update.Gate{gateFunc(func(p update.Phase) string {
			if p == update.PhaseActivate {
				return "wait"
			}
			return ""
		})}
	}
	d := booted(t, m, v, gate)
	require.ErrorIs(t, d.Install(ctx, ""), update.ErrHeld)
	assert.Equal(t, []int64{700, 0}, v.opened, "resumed, and once more from the beginning")

	damage(t, m, s)
	require.ErrorIs(t, d.Install(ctx, ""), update.ErrUntrusted)
	assert.Equal(t, "a", s.load().Next)
	require.NoError(t, booted(t, m, v, nil).Install(ctx, ""))
	assert.Equal(t, "1.2 trial=true floor=0 failed=0", booted(t, m, v, nil).state(t))
}

// One installation at a time; Rollback ends the one under way.
func TestRollbackEndsADownload(t *testing.T) {
	guard() // not of the bubble
	synctest.Test(t, func(t *testing.T) {
		operator := as(t.Context(), "operator")
		v := newVendor()
		m := lab(t, v, 1)
		v.publish(2, 0, nil)
		v.open = serving(func(ctx context.Context, _ []byte, offset int64) (io.Reader, int64) {
			return dripping{ctx, time.Hour}, offset
		})(v)
		d := booted(t, m, v, nil)
		result := make(chan error)
		go func() { result <- d.Install(operator, "") }()
		synctest.Wait()
		assert.ErrorIs(t, d.Install(operator, ""), update.ErrBusy)
		assert.Equal(t, "preparing", d.State())
		version, trial, err := d.Status(operator)
		assert.True(t, err == nil && !trial && version == "1.1", "Status does not wait")
		require.NoError(t, d.Rollback(operator, "a reset comes first"))
		assert.ErrorContains(t, <-result, "given up")
		assert.Equal(t, "idle", d.State())
		assert.False(t, slots{m, "system"}.load().Good["b"])
	})
}
