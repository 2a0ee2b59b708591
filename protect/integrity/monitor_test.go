package integrity_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/protect/integrity"
)

// device is what surrounds a Monitor.
type device struct {
	t         *testing.T
	tree      fstest.MapFS
	situation integrity.Situation
	asked     int // for it
	fail      error

	mu   sync.Mutex
	done []string // decisions that were carried out
	log  bytes.Buffer
}

// Open and ReadLink make the tree one that may be edited while it is checked.
func (d *device) Open(name string) (fs.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.tree.Open(name)
}

func (d *device) ReadLink(name string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.tree.ReadLink(name)
}

func (d *device) Lstat(name string) (fs.FileInfo, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.tree.Lstat(name)
}

func (d *device) edit(change func(fstest.MapFS)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(d.tree)
}

func (d *device) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.log.Write(p)
}

// events gives the messages that were logged since the last call, and checks that all
// keys are of the vocabulary.
func (d *device) events() []string {
	d.mu.Lock()
	lines := bytes.Clone(d.log.Bytes())
	d.log.Reset()
	d.mu.Unlock()
	out := []string{}
	for line := range bytes.Lines(lines) {
		var r map[string]any
		require.NoError(d.t, json.Unmarshal(line, &r))
		out = append(out, r["msg"].(string))
		for key := range r {
			known := key == "msg" || key == "time" || key == "level" || key == access.KeyError || access.ClassOf(key) < access.ClassSecret
			assert.True(d.t, known, key)
		}
	}
	return out
}

// monitor makes a device with the software of software(), and its manifest in it.
func monitor(t *testing.T, response integrity.Response) (*device, *integrity.Monitor) {
	t.Helper()
	d := &device{t: t, tree: software()}
	d.tree["own.manifest"] = &fstest.MapFile{Data: write(t, d.tree, key("vendor"), release)}
	m, err := integrity.New(d, integrity.ManifestFile(d, "own.manifest"), expect(), &integrity.MonitorOptions{
		Options: integrity.Options{Steps: steps}, Interval: time.Hour, Policy: integrity.Policy{Response: response},
		Situation: func(context.Context) integrity.Situation { d.asked++; return d.situation },
		Respond: func(_ context.Context, dec integrity.Decision, r *integrity.Report) error {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.done = append(d.done, dec.String())
			assert.Equal(t, dec.Now == integrity.Continue, r.Whole())
			return d.fail
		},
		Log: slog.New(slog.NewJSONHandler(d, nil)),
	})
	require.NoError(t, err)
	return d, m
}

func TestMonitorWhole(t *testing.T) {
	d, m := monitor(t, "")
	require.ErrorIs(t, m.Health(t.Context()), integrity.ErrUnchecked)
	require.Nil(t, m.Report())
	require.NoError(t, m.Recover(t.Context()))
	require.NoError(t, m.Health(t.Context()))
	require.True(t, m.Report().Whole())
	assert.Equal(t, []string{access.EventSoftwareWhole}, d.events())
	assert.Empty(t, d.done)
	assert.Zero(t, d.asked, "to look at another slot is not for nothing")
}

// TestMonitorResponses: a device goes on with altered software only if that is its
// declared response; it is told once; and it comes back.
func TestMonitorResponses(t *testing.T) {
	for response, want := range map[integrity.Response]string{
		integrity.Notify: "tell", integrity.Inoperable: "stop", integrity.FailSafe: "protect", integrity.Recover: "protect", "": "protect",
	} {
		t.Run(string(response), func(t *testing.T) {
			d, m := monitor(t, response)
			d.tree["bin/su"].Data = []byte("SU")
			d.tree["new"] = &fstest.MapFile{}
			for range 3 {
				err := m.Recover(t.Context())
				if response == integrity.Notify {
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, err, integrity.ErrAltered)
				}
				require.ErrorIs(t, m.Health(t.Context()), integrity.ErrAltered)
			}
			assert.Equal(t, []string{want}, d.done, "the same is answered once")
			assert.Equal(t, []string{access.EventFound, access.EventFound, access.EventSoftwareAltered}, d.events())

			d.situation = integrity.Situation{Trial: true, Busy: true}
			require.ErrorIs(t, m.Recover(t.Context()), integrity.ErrAltered, "a recovery waits, so nothing goes on")
			d.situation.Busy = false
			require.ErrorIs(t, m.Recover(t.Context()), integrity.ErrAltered)
			assert.Equal(t, []string{want, want + ", then roll-back", "roll-back"}, d.done)

			d.tree["bin/su"].Data = []byte("su")
			delete(d.tree, "new")
			require.NoError(t, m.Recover(t.Context()))
			require.NoError(t, m.Health(t.Context()))
			assert.Equal(t, "continue", d.done[3])
			events := d.events()
			assert.Equal(t, access.EventSoftwareWhole, events[len(events)-1])
		})
	}
}

func TestMonitorRespondFails(t *testing.T) {
	d, m := monitor(t, integrity.Notify)
	delete(d.tree, "bin/su")
	d.fail = errors.New("bus is down")
	for range 3 {
		require.ErrorIs(t, m.Recover(t.Context()), d.fail)
		require.ErrorIs(t, m.Health(t.Context()), d.fail)
		require.ErrorIs(t, m.Health(t.Context()), integrity.ErrAltered)
	}
	assert.Equal(t, []string{access.EventFound, access.EventSoftwareAltered, access.EventUnanswered}, d.events(), "and told once")
	d.fail = nil
	require.NoError(t, m.Recover(t.Context()))
	require.NoError(t, m.Recover(t.Context()))
	assert.Equal(t, []string{"tell", "tell", "tell", "tell"}, d.done)
}

// TestMonitorManifest: what there is no manifest for is not whole.
func TestMonitorManifest(t *testing.T) {
	for name, c := range map[string]struct {
		manifest func(context.Context) ([]byte, error)
		want     string
	}{
		"gone":       {integrity.ManifestFile(fstest.MapFS{}, "m"), "unsigned"},
		"unreadable": {integrity.ManifestFile(faulty{fstest.MapFS{"m": {}}, nil, map[string]error{"m": errors.New("EIO")}}, "m"), "unreadable"},
		"link":       {integrity.ManifestFile(fstest.MapFS{"m": {Data: []byte("bin/su"), Mode: fs.ModeSymlink}}, "m"), "unreadable"},
		"pipe":       {integrity.ManifestFile(fstest.MapFS{"m": {Mode: fs.ModeNamedPipe}}, "m"), "unreadable"},
		"empty":      {func(context.Context) ([]byte, error) { return nil, nil }, "unsigned"},
		"too long":   {integrity.ManifestFile(fstest.MapFS{"m": {Data: make([]byte, integrity.MaxManifest+2)}}, "m"), "unsigned"},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := integrity.New(software(), c.manifest, expect(), nil)
			require.NoError(t, err)
			require.ErrorIs(t, m.Recover(t.Context()), integrity.ErrAltered)
			assert.Equal(t, []string{c.want}, found(m.Report()))
			assert.False(t, m.Report().Checked)
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d, m := monitor(t, integrity.Notify)
	require.ErrorIs(t, m.Recover(ctx), context.Canceled, "a check that did not end lets nothing go on")
	require.ErrorIs(t, m.Health(t.Context()), integrity.ErrUnchecked)
	assert.Empty(t, d.done)

	m, err := integrity.New(d, func(ctx context.Context) ([]byte, error) { return nil, ctx.Err() }, expect(), nil)
	require.NoError(t, err)
	require.ErrorIs(t, m.Recover(ctx), context.Canceled)
	require.Nil(t, m.Report(), "a manifest that was not waited for is not one that is unreadable")
}

// TestMonitorRun: what changes while the device runs is found within the interval, and
// told once.
func TestMonitorRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, m := monitor(t, integrity.Notify)
		require.NoError(t, m.Recover(t.Context()))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- m.Run(ctx) }()
		time.Sleep(2*time.Hour + time.Second)
		synctest.Wait()
		assert.Equal(t, []string{access.EventSoftwareWhole}, d.events())
		assert.Equal(t, 3, m.Report().Rounds)

		d.edit(func(tree fstest.MapFS) { alter(tree, "bin/agent") })
		time.Sleep(time.Hour)
		synctest.Wait()
		require.ErrorIs(t, m.Health(ctx), integrity.ErrAltered)
		assert.Equal(t, []string{access.EventFound, access.EventSoftwareAltered}, d.events())
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		assert.Empty(t, d.events())
		assert.Equal(t, []string{"tell"}, d.done)

		cancel()
		require.NoError(t, <-ended)
	})
}

// TestMonitorRunBefore: Run checks everything if nothing was checked before, also
// once a manifest is there.
func TestMonitorRunBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, m := monitor(t, integrity.FailSafe)
		own := d.tree["own.manifest"]
		delete(d.tree, "own.manifest")
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- m.Run(ctx) }()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		assert.Equal(t, []string{"unsigned"}, found(m.Report()))
		d.edit(func(tree fstest.MapFS) { tree["own.manifest"] = own })
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		require.NoError(t, m.Health(ctx))
		assert.Equal(t, []string{"protect", "continue"}, d.done)
		cancel()
		require.NoError(t, <-ended)
	})
}

// TestMonitorNames: in the log, a name that the manifest does not have may be a person's,
// and what is wrong with a manifest may be anything.
func TestMonitorNames(t *testing.T) {
	d, m := monitor(t, integrity.Notify)
	d.tree["ann.kdbx"] = &fstest.MapFile{}
	delete(d.tree, "bin/su")
	require.NoError(t, m.Recover(t.Context()))
	classes := map[access.Class]string{}
	for line := range bytes.Lines(d.log.Bytes()) {
		var r map[string]any
		require.NoError(t, json.Unmarshal(line, &r))
		for key, value := range r {
			classes[access.ClassOf(key)] += fmt.Sprint(value, " ")
		}
	}
	assert.Contains(t, classes[access.ClassPerson], "ann")
	assert.Contains(t, classes[access.ClassDevice], "bin/su")
	for class := access.ClassPublic; class <= access.ClassDevice; class++ {
		assert.NotContains(t, classes[class], "ann")
	}

	d, m = monitor(t, integrity.Notify)
	d.tree["own.manifest"].Data = []byte("{}\n")
	require.NoError(t, m.Recover(t.Context()))
	assert.Contains(t, d.log.String(), `"error":"receipt: `)
}

// TestMonitorFlood: files that somebody puts there do not fill the log.
func TestMonitorFlood(t *testing.T) {
	d, m := monitor(t, integrity.Notify)
	for i := range 5000 {
		d.tree[fmt.Sprintf("x\n%d", i)] = &fstest.MapFile{}
	}
	require.NoError(t, m.Recover(t.Context()))
	assert.Len(t, d.events(), 17)
	assert.Equal(t, 5000, m.Report().Total)
	assert.Len(t, m.Report().Findings, 256)
	assert.NotContains(t, m.Health(t.Context()).Error(), "\n")
}
