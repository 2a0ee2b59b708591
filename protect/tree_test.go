package protect_test

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
)

// grow puts values, a reserve and logs below and beside "notices".
func grow(ctx context.Context, s durable.Store) error {
	for _, name := range []string{"notices/1", "notices/deep/2", "notices-not", "other"} {
		if err := s.Put(ctx, name, []byte("value of "+name)); err != nil {
			return err
		}
	}
	if err := durable.Reserve(ctx, s, "notices/full", 100); err != nil {
		return err
	}
	for _, name := range []string{"notices/queue", "notices", "other-log"} {
		l, err := durable.OpenLog(ctx, s, name, nil)
		if err != nil {
			return err
		}
		_, err = l.Append(ctx, []byte("record of "+name))
		if err := errors.Join(err, l.Sync(ctx), l.Close()); err != nil {
			return err
		}
	}
	return nil
}

// TestTreeContract holds a compartment to what durable.Tree says, by the side of a
// plain directory.
func TestTreeContract(t *testing.T) {
	for name, with := range map[string]func(context.Context, *powercut.Machine) (durable.Store, error){
		"compartment": sealedStore, "directory": plainDir,
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			m, _ := device(t, token, few())
			s, err := with(ctx, m)
			require.NoError(t, err)
			s = durable.Sub(s, "part")
			require.NoError(t, grow(ctx, s))
			entries := func(dir string) []string {
				names, err := durable.Entries(ctx, s, dir)
				require.NoError(t, err)
				return names
			}
			assert.Equal(t, []string{"notices", "notices-not", "other", "other-log"}, entries(""))
			assert.Equal(t, []string{"1", "deep", "full", "queue"}, entries("notices"))
			require.NoError(t, durable.RemoveAll(ctx, s, "notices"))
			require.NoError(t, durable.RemoveAll(ctx, s, "notices"), "again")
			assert.Equal(t, []string{"notices-not", "other", "other-log"}, entries(""))
			assert.Empty(t, entries("notices"))
			require.NoError(t, durable.RemoveAll(ctx, s, "other"), "a value")
			require.NoError(t, durable.RemoveAll(ctx, s, "other-log"), "a log")
			assert.Equal(t, []string{"notices-not"}, entries(""))
			l, err := durable.OpenLog(ctx, s, "notices", nil)
			require.NoError(t, err)
			for range l.Records(ctx, 1) {
				t.Error("the log is not empty")
			}
			require.ErrorIs(t, durable.RemoveAll(ctx, s, "notices"), durable.ErrInUse)
			require.NoError(t, l.Close())
			require.NoError(t, durable.RemoveAll(ctx, s, "notices"))
			require.ErrorIs(t, durable.RemoveAll(ctx, s, "No"), fs.ErrInvalid)
			_, err = durable.Entries(ctx, s, "No")
			require.ErrorIs(t, err, fs.ErrInvalid)
		})
	}
}

// TestRemoveAllLeavesNothing counts files: of logs, values and reserves.
func TestRemoveAllLeavesNothing(t *testing.T) {
	ctx := t.Context()
	m, v := device(t, token, few())
	before := len(withoutIndexes(m))
	c, err := v.Compartment(ctx, protect.ClassApplication)
	require.NoError(t, err)
	require.NoError(t, grow(ctx, c))
	for _, name := range []string{"notices", "notices-not", "other", "other-log"} {
		require.Greater(t, len(withoutIndexes(m)), before)
		require.NoError(t, c.RemoveAll(ctx, name))
	}
	assert.Equal(t, before, len(withoutIndexes(m)))
}

// withoutIndexes returns the files of a machine but those by which others are counted.
func withoutIndexes(m *powercut.Machine) map[string][]byte {
	files := m.Files()
	maps.DeleteFunc(files, func(name string, _ []byte) bool { return strings.HasPrefix(name, "vault/index/") })
	return files
}

// TestRemoveAllOfADamagedLog: it does not open any more, by nobody and at no start;
// under its name it can be removed and begun anew, as can a damaged value.
func TestRemoveAllOfADamagedLog(t *testing.T) {
	ctx := t.Context()
	m, v := device(t, token, few())
	c, err := v.Compartment(ctx, protect.ClassApplication)
	require.NoError(t, err)
	require.NoError(t, grow(ctx, c))
	for file := range m.Files() {
		if strings.Contains(file, "+log/") {
			damageFile(t, m, file)
		}
	}
	v, err = open(ctx, m, token, few())
	require.NoError(t, err)
	c, err = v.Compartment(ctx, protect.ClassApplication)
	require.NoError(t, err)
	names, err := c.Entries(ctx, "notices")
	require.NoError(t, err)
	assert.Equal(t, []string{"1", "deep", "queue"}, names, "their names are kept beside them")
	for _, log := range []string{"notices/queue", "other-log"} {
		_, err = readLog(ctx, c, log)
		require.ErrorIs(t, err, durable.ErrCorrupt)
	}
	require.NoError(t, c.RemoveAll(ctx, "notices"))
	require.NoError(t, c.RemoveAll(ctx, "other-log"))
	for _, log := range []string{"notices/queue", "notices", "other-log"} {
		n, err := readLog(ctx, c, log)
		require.NoError(t, err)
		assert.Zero(t, n, "begun anew")
	}

	f := forge(t, m, v)
	for _, file := range f.files("application") {
		f.put(file, []byte("junk"))
	}
	_, err = c.Get(ctx, "other")
	require.ErrorIs(t, err, protect.ErrTampered)
	require.NoError(t, c.RemoveAll(ctx, "other"))
	_, err = c.Get(ctx, "other")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorIs(t, v.Health(ctx), protect.ErrTampered, "the other one")
	require.NoError(t, c.RemoveAll(ctx, "notices-not"))
	require.ErrorIs(t, v.Health(ctx), protect.ErrTampered, "the names of logs")
	_, err = readLog(ctx, c, "another") // which writes them down again
	require.NoError(t, err)
	require.NoError(t, v.Health(ctx))
}

// readLog counts the records of a log.
func readLog(ctx context.Context, s durable.Store, name string) (n int, err error) {
	l, err := durable.OpenLog(ctx, s, name, nil)
	if err != nil {
		return 0, err
	}
	for _, rerr := range l.Records(ctx, 1) {
		n++
		err = errors.Join(err, rerr)
	}
	return n, errors.Join(err, l.Close())
}

// TestRemoveAllStopsBeforeAnOpenLog: nothing is gone then.
func TestRemoveAllStopsBeforeAnOpenLog(t *testing.T) {
	ctx := t.Context()
	_, v := device(t, token, few())
	c := settingsOf(t, v)
	require.NoError(t, grow(ctx, c))
	for _, log := range []string{"notices", "notices/queue"} {
		l, err := c.OpenLog(ctx, log, nil)
		require.NoError(t, err)
		require.ErrorIs(t, c.RemoveAll(ctx, "notices"), durable.ErrInUse)
		names, err := c.List(ctx, "notices/")
		require.NoError(t, err)
		assert.Equal(t, []string{"notices/1", "notices/deep/2"}, names, log)
		require.NoError(t, l.Close())
	}
}

func TestTreeOfAnErasedCompartment(t *testing.T) {
	ctx := somebody(t.Context())
	_, v := device(t, token, few())
	alice, err := v.Subject(ctx, "alice")
	require.NoError(t, err)
	_, err = v.Erase(ctx, "alice")
	require.NoError(t, err)
	require.ErrorIs(t, alice.RemoveAll(ctx, "letter"), protect.ErrMissing)
	_, err = alice.Entries(ctx, "")
	require.ErrorIs(t, err, protect.ErrMissing)
}
