package protect_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/protecttest"
)

// Puts that failed leave one of their values, or that of before, and never an error for
// who reads; and the same one after an anchor and a restart.
func TestPutsThatFail(t *testing.T) {
	ctx := t.Context()
	for _, fault := range []powercut.Fault{powercut.Fail, powercut.NoReply} {
		for first := range 12 {
			for second := range 12 {
				m, v := device(t, token, few())
				c := settingsOf(t, v)
				require.NoError(t, c.Put(ctx, "a", []byte("zero")))
				legit := []string{"zero"}
				for value, step := range map[string]int{"one": first, "two": second} {
					m.Fail(step, fault)
					if err := c.Put(ctx, "a", []byte(value)); err == nil {
						legit = nil
					}
					m.Fail(0, powercut.NoFault)
					legit = append(legit, value)
				}
				got, err := c.Get(ctx, "a")
				require.NoError(t, err, "%d %d", first, second)
				require.Contains(t, legit, string(got))
				require.NoError(t, v.Anchor(ctx))
				m.Settle()
				v, err = open(ctx, m, token, few())
				require.NoError(t, err)
				again, err := settingsOf(t, v).Get(ctx, "a")
				require.NoError(t, err, "%d %d", first, second)
				require.Equal(t, string(got), string(again))
			}
		}
	}
}

// badSector is a file system of which one file gives an error when it is read.
type badSector struct {
	durable.FS
	file string // the end of its name; "" for none
}

var errSector = errors.New("I/O error")

func (b *badSector) Open(name string, flag durable.Flag) (durable.File, error) {
	if b.file != "" && strings.HasSuffix(name, b.file) && flag != durable.Create {
		return nil, errSector
	}
	return b.FS.Open(name, flag)
}

// One file that the medium does not give, told by Health, keeps no other change out; and
// what is in it is there when it is read again, before and after a restart.
func TestBadSector(t *testing.T) {
	ctx := somebody(t.Context())
	m, v := device(t, token, few())
	before := m.Files()
	require.NoError(t, settingsOf(t, v).Put(ctx, "a", []byte("since the anchor")))
	m.Settle()
	bad := &badSector{FS: m.FS()}
	for name := range m.Files() {
		if before[name] == nil && !strings.HasPrefix(name, "vault/index/") && strings.HasPrefix(name, "vault/") {
			bad.file = name
		}
	}
	require.NotEmpty(t, bad.file)
	sector := bad.file
	for _, healed := range []bool{false, true} {
		bad.file = sector
		dir, err := durable.OpenFS(bad, nil)
		require.NoError(t, err)
		v, err = protect.Open(ctx, dir, protecttest.NewToken(m), few())
		require.NoError(t, err)
		c := settingsOf(t, v)
		require.NoError(t, c.Put(ctx, "other", []byte("goes on")))
		require.NoError(t, putUser(ctx, v, "alice", "letter", "goes on"))
		require.ErrorContains(t, v.Anchor(ctx), "cannot be read")
		require.ErrorContains(t, v.Health(ctx), "cannot be read")
		_, err = c.Get(ctx, "a")
		require.ErrorIs(t, err, errSector)
		require.NotErrorIs(t, err, protect.ErrRollback)
		if healed {
			bad.file = ""
			require.NoError(t, v.Anchor(ctx))
			require.NoError(t, v.Health(ctx))
			got, err := c.Get(ctx, "a")
			require.NoError(t, err)
			assert.Equal(t, "since the anchor", string(got))
		}
		m.Settle()
	}
	v, err := open(ctx, m, token, few())
	require.NoError(t, err)
	got, err := content(ctx, v)
	require.NoError(t, err)
	assert.Contains(t, got, "a=since the anchor network/wifi=canary-passphrase other=goes on")
}

// obstacles keep a compartment from being anchored by the first change of a start, and
// let the floor be changed.
var obstacles = map[string]func(t *testing.T, m *powercut.Machine, dir *durable.Dir) (end func()){
	"hold": func(t *testing.T, _ *powercut.Machine, dir *durable.Dir) func() {
		h, err := dir.Hold(t.Context(), "reset")
		require.NoError(t, err)
		return func() { require.NoError(t, h.Release(t.Context())) }
	},
	"full medium": func(_ *testing.T, m *powercut.Machine, _ *durable.Dir) func() {
		m.SetCapacity(1)
		return func() { m.SetCapacity(0) }
	},
}

// No version comes twice, whatever kept a start from anchoring all: what is older than the
// anchor is refused, and what was put after a removal is there; in the floor, which is
// changed meanwhile, and in what is changed afterwards.
func TestVersionsComeOnce(t *testing.T) {
	for obstacle, begin := range obstacles {
		for _, class := range []protect.Class{protect.ClassFloor, protect.ClassSettings} {
			t.Run(fmt.Sprintf("%s/%v", obstacle, class), func(t *testing.T) {
				ctx := t.Context()
				names := []string{"a", "gone", "b"}
				m, v := device(t, token, few())
				in := func() *protect.Compartment {
					c, err := v.Compartment(ctx, class)
					require.NoError(t, err)
					return c
				}
				for _, name := range names { // with room on a full medium
					require.NoError(t, durable.Reserve(ctx, in(), name, 100))
				}
				require.NoError(t, in().Put(ctx, "gone", nil))
				require.NoError(t, in().Delete(ctx, "gone"))
				require.NoError(t, durable.Reserve(ctx, in(), "gone", 100))
				empty := m.Files()
				require.NoError(t, in().Put(ctx, "a", []byte("one")))
				m.Settle()
				// Who takes this away, and brings it back later, must not meet its version again.
				taken := map[string][]byte{}
				for name, raw := range m.Files() {
					if string(empty[name]) != string(raw) && strings.HasPrefix(name, "vault/") && !strings.HasPrefix(name, "vault/index/") {
						taken[name] = raw
						putBack(t, m, name, empty[name])
					}
				}
				require.NotEmpty(t, taken)

				dir, err := durable.OpenFS(m.FS(), nil)
				require.NoError(t, err)
				v, err = protect.Open(ctx, dir, protecttest.NewToken(m), few())
				require.NoError(t, err)
				end := begin(t, m, dir)
				floor, err := v.Compartment(ctx, protect.ClassFloor)
				require.NoError(t, err)
				for _, name := range names {
					if class == protect.ClassFloor {
						require.NoError(t, floor.Put(ctx, name, []byte("two")))
					}
				}
				end()
				for _, name := range names {
					if class != protect.ClassFloor {
						require.NoError(t, in().Put(ctx, name, []byte("two")))
					}
				}
				m.Settle()
				v, err = open(ctx, m, token, few())
				require.NoError(t, err)
				for range 2 { // before and after the first change of a start
					for _, name := range names {
						got, err := in().Get(ctx, name)
						require.NoError(t, err, name)
						assert.Equal(t, "two", string(got), name)
					}
					require.NoError(t, v.Anchor(ctx))
				}
				m.Settle()
				for name, raw := range taken {
					putBack(t, m, name, raw)
				}
				v, err = open(ctx, m, token, few())
				require.NoError(t, err)
				_, err = in().Get(ctx, "a")
				require.ErrorIs(t, err, protect.ErrRollback)
			})
		}
	}
}

// An anchor that failed loses nothing of what is closed after it.
func TestChangesAfterAFailedAnchor(t *testing.T) {
	ctx := t.Context()
	for _, fault := range []powercut.Fault{powercut.Fail, powercut.NoReply} {
		for step := range 40 {
			m, v := device(t, token, few())
			c := settingsOf(t, v)
			require.NoError(t, c.Put(ctx, "a", nil))
			w, err := c.CreateStream(ctx, "film")
			require.NoError(t, err)
			_, err = w.Write([]byte("the film"))
			require.NoError(t, err)
			m.Fail(step, fault)
			failed := v.Anchor(ctx)
			m.Fail(0, powercut.NoFault)
			require.NoError(t, w.Close(), "step %d: %v", step, failed)
			require.NoError(t, v.Anchor(ctx))
			for range 2 { // from the same process, and after a start
				film, err := readStream(ctx, settingsOf(t, v), "film")
				require.NoError(t, err)
				require.Equal(t, "the film", string(film))
				names, err := settingsOf(t, v).List(ctx, "")
				require.NoError(t, err)
				require.Equal(t, []string{"a", "network/wifi"}, names)
				m.Settle()
				v, err = open(ctx, m, token, few())
				require.NoError(t, err)
			}
		}
	}
}

// counterOnly is a key store that counts and revokes nothing.
func counterOnly(_ context.Context, m *powercut.Machine, _ *durable.Dir) (protect.KeyStore, error) {
	k := protecttest.NewToken(m)
	return struct {
		protect.KeyStore
		protect.Counter
	}{k, k}, nil
}

// Without revocation the disk of before an erasure is refused by its tag; and a counter
// that fails at any step leaves a vault that goes on.
func TestErasureOverACounterAlone(t *testing.T) {
	ctx := somebody(t.Context())
	m, v := device(t, counterOnly, few())
	old := m.Image()
	_, err := v.Erase(ctx, "alice")
	require.NoError(t, err)
	m.Settle()
	m.Restore(old)
	_, err = open(ctx, m, counterOnly, few())
	require.ErrorIs(t, err, protect.ErrRollback)

	for _, fault := range []powercut.Fault{powercut.Fail, powercut.NoReply} {
		for step := range 40 {
			m, v := device(t, counterOnly, few())
			m.Fail(step, fault)
			_, err := v.Erase(ctx, "alice")
			m.Fail(0, powercut.NoFault)
			if err != nil {
				_, err = v.Erase(ctx, "alice")
			}
			require.NoError(t, err, "step %d", step)
			require.NoError(t, putUser(ctx, v, "bob", "letter", fmt.Sprint(step)))
			m.Settle()
			v, err = open(ctx, m, counterOnly, few())
			require.NoError(t, err, "step %d", step)
			_, err = v.OpenSubject(ctx, "alice")
			require.ErrorIs(t, err, protect.ErrMissing)
			c, err := v.OpenSubject(ctx, "bob")
			require.NoError(t, err)
			got, err := c.Get(ctx, "letter")
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint(step), string(got))
		}
	}
}
