package tuf_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/tuf"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/update"
)

// mirror is an update.Source of a repo's files that may misbehave.
type mirror struct {
	mu    sync.Mutex
	files map[string][]byte
	fail  map[string]error     // by name; "" for all
	body  map[string]io.Reader // instead of the file
	at    int64
	asked []string
}

func (m *mirror) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = append(m.asked, name)
	for _, n := range []string{name, ""} {
		if err := m.fail[n]; err != nil {
			return nil, 0, err
		}
	}
	if r := m.body[name]; r != nil {
		return io.NopCloser(r), 0, nil
	}
	b, ok := m.files[name]
	if !ok {
		return nil, 0, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return io.NopCloser(bytes.NewReader(b)), m.at, ctx.Err()
}

// clock is a tuf.Clock that stands.
type clock struct {
	now     time.Time
	quality durable.Quality
}

func (c *clock) Now() (time.Time, durable.Quality) { return c.now, c.quality }

// floors are update.Floors that outlive the Store, as those of a TPM do.
type floors map[string]uint64

func (f floors) Get(_ context.Context, name string) (uint64, error) { return f[name], nil }
func (f floors) Raise(_ context.Context, name string, v uint64) error {
	f[name] = max(f[name], v)
	return nil
}

// device is a client with all that it stands on.
type device struct {
	t        testing.TB
	repo     *repo
	mirror   *mirror
	clock    *clock
	floors   floors
	machine  *powercut.Machine
	dir      *durable.Dir
	embedded []byte
	opts     tuf.Options
	client   *tuf.Client
}

// newDevice is a device that has not refreshed yet, before a repo at version 1.
func newDevice(t testing.TB) *device {
	r := newRepo(t)
	d := &device{
		t: t, repo: r, clock: &clock{start, durable.Authenticated}, floors: floors{}, machine: powercut.New(),
		mirror:   &mirror{files: r.files, fail: map[string]error{}, body: map[string]io.Reader{}},
		embedded: r.files["metadata/1.root.json"],
	}
	d.opts = tuf.Options{Clock: d.clock, Floors: d.floors}
	d.restart()
	return d
}

// restart opens the client again on what its Store keeps.
func (d *device) restart() {
	require.NoError(d.t, d.tryRestart())
}

func (d *device) tryRestart() error {
	if d.dir != nil {
		require.NoError(d.t, d.dir.Close())
	}
	var err error
	d.dir, err = durable.OpenFS(d.machine.FS(), nil)
	require.NoError(d.t, err)
	d.client, err = tuf.Open(context.Background(), d.dir, d.mirror, d.embedded, &d.opts)
	return err
}

// lose empties the Store, or puts back an old image of it.
func (d *device) lose(img powercut.Image) {
	require.NoError(d.t, d.dir.Close())
	d.dir = nil
	d.machine.Restore(img)
	d.restart()
}

func (d *device) refresh() error { return d.client.Refresh(context.Background()) }

func (d *device) find(path string) (update.Target, error) {
	return d.client.Find(context.Background(), path)
}

// kept returns the names in the Store.
func (d *device) kept() []string {
	names, err := d.dir.List(context.Background(), "")
	require.NoError(d.t, err)
	return names
}

// damage makes a kept value unreadable.
func (d *device) damage(name string) {
	require.NoError(d.t, d.dir.Put(context.Background(), name, []byte("{")))
}

// freeze makes the server go on serving what it serves now, whatever the repo does.
func (d *device) freeze() { d.mirror.files = maps.Clone(d.mirror.files) }

// padded is a file with white space behind it that does not end: still sound JSON,
// wherever it is cut.
func (d *device) padded(name string) io.Reader {
	return io.MultiReader(bytes.NewReader(d.repo.files[name]), endless{})
}

// tc is one case: a device that has refreshed once, a change, another Refresh.
type tc struct {
	name   string
	change func(d *device)
	want   error // nil, or a sentinel
	role   string
	then   func(d *device) // what must hold afterwards; the client was restarted
}

var errExpired = errors.New("an ExpiredError") // stands in tc.want

func run(t *testing.T, cases []tc) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d := newDevice(t)
			require.NoError(t, d.refresh())
			before := d.client.Status()
			c.change(d)
			err := d.refresh()
			check(t, c, err)
			if c.want != nil && c.then == nil {
				require.Equal(t, before.Targets, d.client.Status().Targets, "a refused set took force")
				_, err := d.find("images/gateway.bin")
				require.NoError(t, err, "what was verified before is lost")
			}
			if c.then != nil {
				d.restart()
				c.then(d)
			}
		})
	}
}

func check(t *testing.T, c tc, err error) {
	if c.want != errExpired {
		require.ErrorIs(t, err, c.want)
		return
	}
	var e *tuf.ExpiredError
	require.ErrorAs(t, err, &e)
	require.ErrorIs(t, err, update.ErrUntrusted)
	require.Equal(t, c.role, e.Role)
	require.False(t, e.Expires.After(e.Now))
}

// at requires the versions in force.
func at(root, timestamp, snapshot, targets int64) func(*device) {
	return func(d *device) {
		s := d.client.Status()
		require.Equal(d.t, []int64{root, timestamp, snapshot, targets}, []int64{s.Root, s.Timestamp, s.Snapshot, s.Targets})
	}
}
