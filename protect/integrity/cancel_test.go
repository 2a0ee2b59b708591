package integrity_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/protect/integrity"
)

// counted calls at when the n-th file or folder is opened.
type counted struct {
	fstest.MapFS
	n  *atomic.Int64
	at func(n int64)
}

func (c counted) Open(name string) (fs.File, error) {
	c.at(c.n.Add(1))
	return c.MapFS.Open(name)
}

// TestCancel: a check that was cancelled, wherever it was, gives no report, and a Checker
// is as useful after it as before.
func TestCancel(t *testing.T) {
	manifest := write(t, software(), key("vendor"), release)
	gone := errors.New("the device stops")
	points := int64(0)
	for ; ; points++ {
		ctx, cancel := context.WithCancelCause(t.Context())
		tree := counted{software(), new(atomic.Int64), func(n int64) {
			if n == points {
				cancel(gone)
			}
		}}
		if points == 0 {
			cancel(gone)
		}
		c, err := integrity.NewChecker(tree, manifest, expect(), &integrity.Options{Parallel: 2})
		require.NoError(t, err)
		r, err := c.Check(ctx)
		if err == nil && tree.n.Load() < points {
			break
		}
		if err != nil { // cancelling at the last file may come too late
			require.ErrorIs(t, err, gone)
			require.Nil(t, r)
			require.Nil(t, c.Report())
			require.ErrorIs(t, c.Report().Err(), integrity.ErrUnchecked)
		}
		r, err = c.Check(t.Context())
		require.NoError(t, err)
		require.True(t, r.Whole())
		cancel(nil)
	}
	t.Logf("points=%d", points)
	require.Greater(t, points, int64(7))

	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	require.ErrorIs(t, integrity.WriteManifest(ctx, io.Discard, software(), key("vendor"), release), gone)
	x := expect()
	x.Keys, x.Verify = nil, func(ctx context.Context, _ []byte) error { return ctx.Err() }
	_, err := integrity.Check(ctx, software(), manifest, x, nil)
	require.ErrorIs(t, err, gone, "a verification that was cancelled is no answer")
}

// TestInvalid: what nothing can be checked against, or made of.
func TestInvalid(t *testing.T) {
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	require.NoError(t, err)
	for name, edit := range map[string]func(*integrity.Expect){
		"nobody":          func(x *integrity.Expect) { x.Keys = nil },
		"nil key":         func(x *integrity.Expect) { x.Keys = []crypto.PublicKey{nil} },
		"key not taken":   func(x *integrity.Expect) { x.Keys = []crypto.PublicKey{p224.Public()} },
		"threshold":       func(x *integrity.Expect) { x.Threshold = 2 },
		"below threshold": func(x *integrity.Expect) { x.Threshold = -1 },
		"threshold alone": func(x *integrity.Expect) {
			x.Keys, x.Threshold, x.Verify = nil, 1, func(context.Context, []byte) error { return nil }
		},
	} {
		x := expect()
		edit(&x)
		_, err := integrity.Check(t.Context(), software(), nil, x, nil)
		require.ErrorIs(t, err, integrity.ErrInvalid, name)
	}
	_, err = integrity.Check(t.Context(), nil, nil, expect(), nil)
	require.ErrorIs(t, err, integrity.ErrInvalid)

	for name, edit := range map[string]func(*integrity.Release){
		"product": func(r *integrity.Release) { r.Product = "" },
		"version": func(r *integrity.Release) { r.Version = "1\n" },
		"number":  func(r *integrity.Release) { r.Number = 0 },
		"pattern": func(r *integrity.Release) { r.Exclude = []string{"/var"} },
		"all":     func(r *integrity.Release) { r.Exclude = []string{"*"} },
	} {
		rel := release
		edit(&rel)
		require.ErrorIs(t, integrity.WriteManifest(t.Context(), io.Discard, software(), key("vendor"), rel), integrity.ErrInvalid, name)
	}
	for name, f := range map[string]*fstest.MapFile{
		"pipe":         {Mode: fs.ModeNamedPipe},
		"link out":     {Mode: fs.ModeSymlink, Data: []byte("../etc/passwd")},
		"absolute":     {Mode: fs.ModeSymlink, Data: []byte("/etc/passwd")},
		"link through": {Mode: fs.ModeSymlink, Data: []byte("lib/../../x")},
	} {
		tree := software()
		tree["x"] = f
		var b strings.Builder
		err := integrity.WriteManifest(t.Context(), &b, tree, key("vendor"), release)
		require.ErrorIs(t, err, integrity.ErrInvalid, name)
		assert.ErrorContains(t, err, `"x"`)
		assert.Empty(t, b.String())
	}
	require.ErrorIs(t, integrity.WriteManifest(t.Context(), io.Discard, growing{software()}, key("vendor"), release), integrity.ErrInvalid)
	require.ErrorIs(t, integrity.WriteManifest(t.Context(), io.Discard, software(), nil, release), integrity.ErrInvalid)
	require.ErrorIs(t, integrity.WriteManifest(t.Context(), fullDisk{}, software(), key("vendor"), release), errFull)
}

// growing has files that are longer than they say.
type growing struct{ fstest.MapFS }

func (g growing) Open(name string) (fs.File, error) {
	f, err := g.MapFS.Open(name)
	if info, _ := f.Stat(); err == nil && info.Mode().IsRegular() {
		return longer{f, strings.NewReader(strings.Repeat("x", int(info.Size())+10))}, nil
	}
	return f, err
}

func (g growing) ReadLink(name string) (string, error) { return g.MapFS.ReadLink(name) }

type longer struct {
	fs.File
	r io.Reader
}

func (l longer) Read(p []byte) (int, error) { return l.r.Read(p) }

// TestGrowing: a file that is longer than its size is not read to its end.
func TestGrowing(t *testing.T) {
	r := check(t, growing{software()}, write(t, software(), key("vendor"), release), expect())
	assert.Equal(t, []string{"changed bin/agent", "changed bin/su", "changed etc/empty", "changed etc/name <&> é", "changed lib/libz.so.1"}, found(r))
	assert.Equal(t, int64(10+2+0+3+4+5), r.Bytes, "a byte more of each, and no further")
}

// TestStuck: a file that gives neither bytes nor an error is unreadable.
func TestStuck(t *testing.T) {
	tree := faulty{software(), nil, map[string]error{"bin/su": nothing{}}}
	assert.Equal(t, []string{"unreadable bin/su"}, found(check(t, tree, write(t, software(), key("vendor"), release), expect())))
}

// nothing is the cause of a read that returns no error.
type nothing struct{}

func (nothing) Error() string { return "" }

type fullDisk struct{}

var errFull = errors.New("no space left on device")

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

// TestConcurrent is for the race detector.
func TestConcurrent(t *testing.T) {
	tree := many()
	c := checker(t, tree, tree)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 5 {
				r, err := c.Step(context.Background())
				if i == 0 {
					r, err = c.Check(context.Background())
				}
				if assert.NoError(t, err) {
					assert.True(t, r.Whole())
					assert.True(t, c.Report().Whole())
				}
			}
		})
	}
	wg.Wait()
}
