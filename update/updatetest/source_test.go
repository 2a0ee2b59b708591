package updatetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"

	"github.com/iot-device-baseline/baseline/update"
)

func stick(files map[string][]byte) update.Source {
	fsys := fstest.MapFS{}
	for name, data := range files {
		fsys[name] = &fstest.MapFile{Data: data}
	}
	return update.FS(fsys)
}

func localSource() SourceHarness {
	return SourceHarness{Open: func(_ testing.TB, files map[string][]byte) update.Source { return stick(files) }}
}

// TestStick is the source that package update brings.
func TestStick(t *testing.T) { TestSource(t, localSource()) }

// sourceFunc is a source with a flaw.
type sourceFunc func(ctx context.Context, name string, offset, length int64) (io.ReadCloser, int64, error)

func (f sourceFunc) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, int64, error) {
	return f(ctx, name, offset, length)
}

// unread gives bytes, then err.
func unread(b []byte, err error) io.ReadCloser {
	return io.NopCloser(io.MultiReader(bytes.NewReader(b), errReader{err}))
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// remote plays a server over the files: out of reach, or breaking off.
func remote() SourceHarness {
	h := localSource()
	h.Remote = true
	h.Unreachable = func(testing.TB) update.Source {
		return sourceFunc(func(context.Context, string, int64, int64) (io.ReadCloser, int64, error) {
			return nil, 0, update.ErrUnavailable
		})
	}
	h.Breaking = func(_ testing.TB, files map[string][]byte, n int) update.Source {
		return sourceFunc(func(_ context.Context, name string, offset, _ int64) (io.ReadCloser, int64, error) {
			rest := files[name][offset:]
			if len(rest) <= n {
				return unread(rest, io.EOF), offset, nil
			}
			return unread(rest[:n], io.ErrUnexpectedEOF), offset, nil
		})
	}
	return h
}

// opening gives the sources of h a flaw.
func opening(flaw func(s update.Source) sourceFunc) SourceHarness {
	h := remote()
	h.Open = func(_ testing.TB, files map[string][]byte) update.Source { return flaw(stick(files)) }
	return h
}

func brokenSources() map[string]SourceHarness {
	deaf := remote()
	deaf.Unreachable = func(t testing.TB) update.Source { return stick(nil) }
	stale := remote()
	stale.Breaking = func(_ testing.TB, files map[string][]byte, n int) update.Source {
		return sourceFunc(func(_ context.Context, name string, offset, _ int64) (io.ReadCloser, int64, error) { // begins again, and does not say so
			return unread(files[name][:n], io.ErrUnexpectedEOF), offset, nil
		})
	}
	var calls atomic.Int64
	return map[string]SourceHarness{
		"Open": opening(func(s update.Source) sourceFunc { // to the end
			return func(ctx context.Context, name string, offset, _ int64) (io.ReadCloser, int64, error) {
				return s.Open(ctx, name, offset, -1)
			}
		}),
		"At": opening(func(s update.Source) sourceFunc { // no ranges, and says there are
			return func(ctx context.Context, name string, offset, length int64) (io.ReadCloser, int64, error) {
				r, _, err := s.Open(ctx, name, 0, length)
				return r, offset, err
			}
		}),
		"Missing": opening(func(s update.Source) sourceFunc {
			return func(ctx context.Context, name string, offset, length int64) (io.ReadCloser, int64, error) {
				r, at, err := s.Open(ctx, name, offset, length)
				if errors.Is(err, fs.ErrNotExist) {
					err = errors.New("status 404")
				}
				return r, at, err
			}
		}),
		"Context": opening(func(s update.Source) sourceFunc {
			return func(ctx context.Context, name string, offset, length int64) (io.ReadCloser, int64, error) {
				return s.Open(context.WithoutCancel(ctx), name, offset, length)
			}
		}),
		"Concurrent": opening(func(s update.Source) sourceFunc { // the second one reads what the first asked for
			first := make(chan string, 1)
			return func(ctx context.Context, name string, offset, length int64) (io.ReadCloser, int64, error) {
				switch calls.Add(1) {
				case 1:
					first <- name
				case 2:
					if was := <-first; was == name {
						offset++
					} else {
						name = was
					}
				}
				return s.Open(ctx, name, offset, length)
			}
		}),
		"Unreachable": deaf,
		"EndsEarly":   stale,
	}
}

func TestBrokenSources(t *testing.T) {
	catch(t, SourceRules(true), remote(), brokenSources())
}

// TestWholeSource: a source without ranges is one.
func TestWholeSource(t *testing.T) {
	h := opening(func(s update.Source) sourceFunc {
		return func(ctx context.Context, name string, offset, length int64) (io.ReadCloser, int64, error) {
			if length >= 0 {
				length += offset
			}
			return s.Open(ctx, name, 0, length)
		}
	})
	for _, r := range SourceRules(false) {
		assert.NoError(t, r.Check(t, h), r.Name)
	}
}
