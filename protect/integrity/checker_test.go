package integrity_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/protect/integrity"
)

const steps = 10

var then = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// many has 60 files of 0 to 59,000 bytes, all of one time.
func many() fstest.MapFS {
	tree := fstest.MapFS{"link": {Data: []byte("f00"), Mode: fs.ModeSymlink}}
	for i := range 60 {
		tree[fmt.Sprintf("f%02d", i)] = &fstest.MapFile{Data: bytes.Repeat([]byte{byte(i)}, (i*17)%60*1000), ModTime: then}
	}
	return tree
}

func checker(t *testing.T, made, fsys fs.FS) *integrity.Checker {
	t.Helper()
	c, err := integrity.NewChecker(fsys, write(t, made, key("vendor"), release), expect(), &integrity.Options{Steps: steps})
	require.NoError(t, err)
	return c
}

func step(t *testing.T, c *integrity.Checker) *integrity.Report {
	t.Helper()
	r, err := c.Step(t.Context())
	require.NoError(t, err)
	require.Equal(t, r, c.Report())
	return r
}

// alter changes a byte, and neither size nor time.
func alter(tree fstest.MapFS, name string) {
	f := *tree[name]
	f.Data = bytes.Clone(f.Data)
	f.Data[len(f.Data)/2] ^= 1
	tree[name] = &f
}

// TestRound: a round hashes every file once, in about equal shares.
func TestRound(t *testing.T) {
	tree := many()
	c := checker(t, tree, tree)
	require.Nil(t, c.Report())
	first := step(t, c)
	require.True(t, first.Whole())
	require.Equal(t, 60, first.Hashed, "the first step is a whole check")
	share := (first.Bytes + 61*4096) / steps
	for round := range 3 {
		files, size := 0, int64(0)
		for range steps {
			require.Equal(t, 1+round, c.Report().Rounds)
			r := step(t, c)
			require.True(t, r.Whole())
			require.LessOrEqual(t, r.Bytes, share+59_000, "a share and the file that crosses it")
			require.Positive(t, r.Hashed)
			files, size = files+r.Hashed, size+r.Bytes
		}
		require.Equal(t, 60, files)
		require.Equal(t, first.Bytes, size)
	}
	require.Equal(t, 4, c.Report().Rounds)
}

// TestSmallShares: where there are more steps than a round has work for, no step is left
// with the rest.
func TestSmallShares(t *testing.T) {
	tree := fstest.MapFS{}
	for i := range 5 {
		tree[fmt.Sprint(i)] = &fstest.MapFile{}
	}
	c, err := integrity.NewChecker(tree, write(t, tree, key("vendor"), release), expect(), &integrity.Options{Steps: 2000})
	require.NoError(t, err)
	step(t, c)
	files := 0
	for range 2000 {
		r, err := c.Step(t.Context())
		require.NoError(t, err)
		require.LessOrEqual(t, r.Hashed, 1)
		files += r.Hashed
	}
	require.Equal(t, 5, files)
	require.Equal(t, 2, c.Report().Rounds)
}

// TestTimeIsNotTrusted: each file in turn is changed without a trace in size and time,
// and found within a round; and forgotten within a round when it is mended so.
func TestTimeIsNotTrusted(t *testing.T) {
	for i := range 60 {
		name := fmt.Sprintf("f%02d", i)
		tree := many()
		if len(tree[name].Data) == 0 {
			continue
		}
		c := checker(t, many(), tree)
		require.True(t, step(t, c).Whole())
		for range i % steps {
			step(t, c)
		}
		good := tree[name]
		alter(tree, name)
		require.Equal(t, []string{"changed " + name}, within(t, c, steps), name)
		require.Equal(t, "changed "+name, found(step(t, c))[0], "it is not forgotten")
		tree[name] = good
		require.Equal(t, []string{}, within(t, c, steps), name)
	}
}

// within gives the findings of the first of n steps whose findings are new.
func within(t *testing.T, c *integrity.Checker, n int) []string {
	t.Helper()
	before := found(c.Report())
	for range n {
		if now := found(step(t, c)); !slices.Equal(now, before) {
			return now
		}
	}
	t.Fatalf("nothing new in %d steps: %v", n, before)
	return nil
}

// TestNextStep: what shows without reading files is found in the next step.
func TestNextStep(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(fstest.MapFS)
		want []string
	}{
		"time":    {func(m fstest.MapFS) { alter(m, "f59"); m["f59"].ModTime = then.Add(1) }, []string{"changed f59"}},
		"size":    {func(m fstest.MapFS) { m["f59"] = &fstest.MapFile{ModTime: then} }, []string{"changed f59"}},
		"missing": {func(m fstest.MapFS) { delete(m, "f59") }, []string{"missing f59"}},
		"extra":   {func(m fstest.MapFS) { m["new"] = &fstest.MapFile{} }, []string{"extra new"}},
		"link":    {func(m fstest.MapFS) { m["link"] = &fstest.MapFile{Data: []byte("f01"), Mode: fs.ModeSymlink} }, []string{"changed link"}},
		"kind":    {func(m fstest.MapFS) { m["f59"] = &fstest.MapFile{Mode: fs.ModeNamedPipe} }, []string{"changed f59"}},
		"time alone": {func(m fstest.MapFS) {
			f := *m["f59"]
			f.ModTime = time.Time{}
			m["f59"] = &f
		}, []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			tree := many()
			ch := checker(t, tree, tree)
			require.True(t, step(t, ch).Whole())
			good := fstest.MapFS{}
			maps.Copy(good, tree)
			c.edit(tree)
			require.Equal(t, c.want, found(step(t, ch)))
			require.Equal(t, c.want, found(step(t, ch)))
			clear(tree)
			maps.Copy(tree, good)
			within := []string{"?"}
			for range steps { // size and time are again what they were in the manifest's first check
				within = found(step(t, ch))
			}
			require.Empty(t, within)
		})
	}
}

// TestBack: a file that went away is read when it comes back, whatever its time.
func TestBack(t *testing.T) {
	tree := many()
	c := checker(t, tree, tree)
	step(t, c)
	f := tree["f59"]
	delete(tree, "f59")
	require.Equal(t, []string{"missing f59"}, found(step(t, c)))
	tree["f59"] = f
	alter(tree, "f59")
	require.Equal(t, []string{"changed f59"}, found(step(t, c)))
}

// TestRestless: files that change their time all the time neither hide another, nor
// delay the round, nor make a step longer than twice its share.
func TestRestless(t *testing.T) {
	tree := many()
	c := checker(t, tree, tree)
	first := step(t, c)
	share := (first.Bytes + 61*4096) / steps
	quiet, loud := "f50", "f07"
	alter(tree, quiet)
	alter(tree, loud)
	seen := map[string]int{}
	for i := range steps {
		for name, f := range tree {
			if g := *f; name != quiet && name != "link" {
				g.ModTime = then.Add(time.Duration(i+1) * time.Second)
				tree[name] = &g
			}
		}
		r := step(t, c)
		require.LessOrEqual(t, r.Bytes, 2*(share+59_000))
		for _, f := range r.Findings {
			seen[f.Path]++
		}
	}
	assert.Equal(t, 2, c.Report().Rounds)
	assert.Len(t, seen, 2)
	assert.Positive(t, seen[quiet])
	assert.Positive(t, seen[loud])
}

// TestStepCancelled: a step that was cut off is done again from where it was.
func TestStepCancelled(t *testing.T) {
	tree := many()
	n := new(atomic.Int64)
	var stop func()
	at := int64(-1)
	c := checker(t, tree, counted{tree, n, func(k int64) {
		if k == at {
			stop()
		}
	}})
	require.True(t, step(t, c).Whole())
	gone := errors.New("gone")
	for cut := range int64(8) {
		ctx, cancel := context.WithCancelCause(t.Context())
		stop, at = func() { cancel(gone) }, n.Load()+1+cut
		before := c.Report()
		_, err := c.Step(ctx)
		if err != nil {
			require.ErrorIs(t, err, gone)
			require.Equal(t, before, c.Report())
		}
		cancel(nil)
	}
	at = -1
	alter(tree, "f03")
	require.Equal(t, []string{"changed f03"}, within(t, c, 2*steps))

	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	_, err := c.Step(ctx)
	require.ErrorIs(t, err, gone)
}

// TestStepUnbelieved: a Checker whose manifest is not believed asks again each time.
func TestStepUnbelieved(t *testing.T) {
	x, asked := expect(), 0
	x.Keys, x.Verify = nil, func(context.Context, []byte) error {
		if asked++; asked < 3 {
			return errors.New("not yet")
		}
		return nil
	}
	c, err := integrity.NewChecker(many(), write(t, many(), key("vendor"), release), x, nil)
	require.NoError(t, err)
	require.Equal(t, []string{"unsigned"}, found(step(t, c)))
	require.Equal(t, []string{"unsigned"}, found(step(t, c)))
	require.True(t, step(t, c).Whole())
	require.Equal(t, 3, asked)
}

// TestOlderStays: what is wrong with the release is in the report of each step.
func TestOlderStays(t *testing.T) {
	x := expect()
	x.MinNumber = 8
	c, err := integrity.NewChecker(many(), write(t, many(), key("vendor"), release), x, nil)
	require.NoError(t, err)
	for range 3 {
		require.Equal(t, []string{"older"}, found(step(t, c)))
	}
}
