package powercut_test

import (
	"context"
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

// open makes or cuts a file and writes data to it, without a sync.
func open(fsys durable.FS, name, data string) (durable.File, error) {
	f, err := fsys.Open(name, durable.Create)
	if err != nil {
		return nil, err
	}
	_, err = f.WriteAt([]byte(data), 0)
	return f, err
}

func noSync(fsys durable.FS, name, data string) error {
	if _, err := open(fsys, name+".tmp", data); err != nil {
		return err
	}
	if err := fsys.Rename(name+".tmp", name); err != nil {
		return err
	}
	return syncDir(fsys, ".")
}

func noDirSync(fsys durable.FS, name, data string) error {
	if err := writeFile(fsys, name+".tmp", data); err != nil {
		return err
	}
	return fsys.Rename(name+".tmp", name)
}

func blockingTemp(fsys durable.FS, name, data string) error {
	if _, err := fsys.Open(name+".tmp", durable.ReadOnly); err == nil {
		return fs.ErrExist
	}
	return replace(fsys, name, data)
}

func syncErrorIgnored(fsys durable.FS, name, data string) error {
	f, err := open(fsys, name+".tmp", data)
	if err != nil {
		return err
	}
	_ = f.Sync()
	if err := fsys.Rename(name+".tmp", name); err != nil {
		return err
	}
	return syncDir(fsys, ".")
}

func dirSyncErrorIgnored(fsys durable.FS, name, data string) error {
	if err := noDirSync(fsys, name, data); err != nil {
		return err
	}
	_ = syncDir(fsys, ".")
	return nil
}

func syncRetried(fsys durable.FS, name, data string) error {
	f, err := open(fsys, name+".tmp", data)
	if err != nil {
		return err
	}
	if f.Sync() != nil {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	if err := fsys.Rename(name+".tmp", name); err != nil {
		return err
	}
	return syncDir(fsys, ".")
}

func syncedAfterRename(fsys durable.FS, name, data string) error {
	f, err := open(fsys, name+".tmp", data)
	if err != nil {
		return err
	}
	if err := fsys.Rename(name+".tmp", name); err != nil {
		return err
	}
	if err := syncDir(fsys, "."); err != nil {
		return err
	}
	return f.Sync()
}

func fullIgnored(fsys durable.FS, name, data string) error {
	f, err := open(fsys, name+".tmp", data)
	if err != nil && !errors.Is(err, durable.ErrFull) {
		return err
	}
	if f == nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := fsys.Rename(name+".tmp", name); err != nil {
		return err
	}
	return syncDir(fsys, ".")
}

// fallbackInPlace is right until something fails; then it cannot survive a cut.
func fallbackInPlace(fsys durable.FS, name, data string) error {
	if replace(fsys, name, data) == nil {
		return nil
	}
	return errors.Join(writeFile(fsys, name, data), syncDir(fsys, "."))
}

// doneIsDone syncs nothing when it finds its work done.
func doneIsDone(fsys durable.FS, name, data string) error {
	if have, err := readFile(fsys, name); err == nil && have == data {
		return nil
	}
	return replace(fsys, name, data)
}

// counterOp counts up in a non-file medium.
func counterOp(name string, retries int) powercut.Op {
	value := func(m *powercut.Machine) int {
		n, _ := strconv.Atoi(string(m.Load("tpm", "count")))
		return n
	}
	return powercut.Op{
		Name: name, Methods: []string{"increment"},
		Do: func(_ context.Context, m *powercut.Machine) error {
			var err error
			for range retries + 1 {
				if err = m.Store("tpm", "count", []byte(strconv.Itoa(value(m)+1))); err == nil {
					break
				}
			}
			return err
		},
		State: func(_ context.Context, m *powercut.Machine) (string, error) {
			return strconv.Itoa(value(m)), nil
		},
	}
}

// damageCutAway counts the flipped bits in acknowledged frames, before the last
// one, after which records are gone without an error.
func damageCutAway(t *testing.T, l testLog) int {
	m := powercut.New()
	require.NoError(t, l.before(t.Context(), m))
	bad, last := 0, len(l.frame("one", 0))*8
	powercut.Flip(m, nil, func(m *powercut.Machine, where string) {
		at, bit, _ := strings.Cut(strings.TrimPrefix(where, "log:"), ".")
		i, err := strconv.Atoi(at)
		require.NoError(t, err)
		j, err := strconv.Atoi(bit)
		require.NoError(t, err)
		records, _, err := l.open(m.FS())
		if 8*i+j < last && err == nil && strings.Join(records, ",") != "one,two" {
			bad++
		}
	})
	return bad
}

// sectorTakenForDamage fails for nothing but the missing first sector of a batch.
func sectorTakenForDamage(t *testing.T) int {
	r := powercut.Explore(t, batchOp("batch"))
	for _, f := range r.Failures {
		assert.Contains(t, f, "log: last write without its first ")
	}
	return r.Bad
}

func TestBrokenStrategies(t *testing.T) {
	t.Setenv("POWERCUT_BREAK", "")
	explore := func(op powercut.Op) func(*testing.T) int {
		return func(t *testing.T) int { return powercut.Explore(t, op).Bad }
	}
	put := func(f func(durable.FS, string, string) error) func(*testing.T) int {
		return explore(valueOp("value", f))
	}
	strategies := []struct {
		name string
		bad  func(*testing.T) int
	}{
		{"no fsync", put(noSync)},
		{"no directory fsync", put(noDirSync)},
		{"in-place write", put(writeFile)},
		{"temp name that blocks the next start", put(blockingTemp)},
		{"flag before act", explore(pair{flagFirst: true}.op("pair"))},
		{"recovery that forgets before it acts", explore(pair{forget: true}.op("pair"))},
		{"sync error ignored", put(syncErrorIgnored)},
		{"directory sync error ignored", put(dirSyncErrorIgnored)},
		{"retry of a failed fsync without rewriting", put(syncRetried)},
		{"rename before content is synced", put(syncedAfterRename)},
		{"full medium ignored", put(fullIgnored)},
		{"fallback that writes in place", put(fallbackInPlace)},
		{"tail of zeros taken for frames", explore(logOp("log", testLog{zeroFrames: true}))},
		{"stale frames taken for new ones", explore(logOp("log", testLog{loose: true}))},
		{"frame of a failed fsync left in the cache", explore(logOp("log", testLog{keepFailed: true}))},
		{"missing first sector taken for damage", sectorTakenForDamage},
		{"mid-log damage cut away", func(t *testing.T) int { return damageCutAway(t, testLog{cutDamage: true}) }},
		{"work found done in the cache is not synced", put(doneIsDone)},
		{"object that remembers before it keeps", explore(memoryOp(memory{early: true}, true))},
		{"object that remembers before the directory is synced", explore(memoryOp(memory{}, true))},
		{"object that is less careful after a failure", explore(memoryOp(memory{hasty: true}, true))},
		{"counter increment retried blindly", explore(counterOp("counter", 1))},
	}
	for _, s := range strategies {
		t.Run(s.name, func(t *testing.T) {
			bad := s.bad(t)
			assert.Positive(t, bad)
			t.Logf("broken strategy %s: caught bad=%d", s.name, bad)
		})
	}
}

func TestPowerCutCorrectStrategies(t *testing.T) {
	powercut.Run(t, attempted(valueOp("Replace", replace), new(int)))
	powercut.Run(t, attempted(pair{}.op("Pair"), new(int)))
}

// These have no directory sync, or no sync at all, that could be broken.
func TestCorrectStrategiesWithoutDirectorySync(t *testing.T) {
	t.Setenv("POWERCUT_BREAK", "")
	powercut.Run(t, logOp("Log", testLog{}))
	powercut.Run(t, counterOp("Counter", 0))
	assert.Zero(t, damageCutAway(t, testLog{}))
}
