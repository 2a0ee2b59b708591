package powercut_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

func TestEachBreakageIsFound(t *testing.T) {
	for _, name := range []string{"nofsync", "nodirsync", "swap"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("POWERCUT_BREAK", name)
			for _, op := range []powercut.Op{valueOp("Replace", replace), pair{}.op("Pair")} {
				r := powercut.Explore(t, op)
				assert.Positive(t, r.Bad, "%v", r)
				assert.Len(t, r.Failures, r.Bad)
			}
		})
	}
}

func TestResult(t *testing.T) {
	t.Setenv("POWERCUT_BREAK", "")
	r := powercut.Explore(t, valueOp("Replace", replace))
	assert.Equal(t, 5, r.Points, "open, write, sync, rename, directory sync")
	assert.Equal(t, r.Points, r.PointsReached)
	assert.Empty(t, r.Missed)
	assert.Greater(t, r.States, 10)
	assert.Equal(t, fmt.Sprintf("powercut: Replace op=put points=5/5 states=%d cuts=%d bad=0 tries=0", r.States, r.Cuts), r.String())
	assert.Equal(t, r, powercut.Explore(t, valueOp("Replace", replace)), "deterministic")
}

// The failure names step, call site, survivor, what was wanted and what came.
func TestFailureText(t *testing.T) {
	t.Setenv("POWERCUT_BREAK", "")
	r := powercut.Explore(t, valueOp("InPlace", writeFile))
	require.NotEmpty(t, r.Failures)
	assert.Regexp(t, `^before step 1, write value at powercut_test/strategies_test.go:\d+; .*: want old "the old value" or new "the new one", got ""$`, r.Failures[0])
}

func TestResultErr(t *testing.T) {
	t.Setenv("POWERCUT_BREAK", "")
	require.NoError(t, powercut.Explore(t, valueOp("Replace", replace)).Err())

	err := powercut.Explore(t, valueOp("InPlace", writeFile)).Err()
	require.ErrorContains(t, err, "powercut: InPlace: ")
	assert.Len(t, strings.Split(err.Error(), "\n"), 1+5+1, "five failures and how many more")

	idle := powercut.Op{
		Name: "Idle", Do: func(context.Context, *powercut.Machine) error { return nil },
		State: func(context.Context, *powercut.Machine) (string, error) { return "", nil },
	}
	require.ErrorContains(t, powercut.Explore(t, idle).Err(), "took no step")

	t.Setenv("POWERCUT_BREAK", "nodirsync")
	require.ErrorContains(t, powercut.Explore(t, logOp("Log", testLog{})).Err(), "nodirsync was not noticed")

	missed := powercut.Result{Name: "Op", Points: 2, PointsReached: 1, Missed: []string{"sync f at x.go:1"}}
	require.ErrorContains(t, missed.Err(), "power was never cut before sync f at x.go:1")
}

// The power fails in the handling of a failure as well, and its steps are points.
func TestFaultHandlingIsCut(t *testing.T) {
	t.Setenv("POWERCUT_BREAK", "")
	r := powercut.Explore(t, valueOp("Tidy", func(fsys durable.FS, name, data string) error {
		err := replace(fsys, name, data)
		if err != nil {
			err = errors.Join(err, fsys.Remove(name+".tmp"))
		}
		return err
	}))
	require.NoError(t, r.Err())
	assert.Equal(t, 6, r.Points, "those of replace, and the removal")
	assert.Equal(t, r.Points, r.PointsReached)
	r = powercut.Explore(t, valueOp("Fallback", fallbackInPlace))
	require.NotEmpty(t, r.Failures)
	assert.Regexp(t, `^failure at step 0, .*, then a cut before step 2, write value at .*: want old`, r.Failures[0])
}

// A cut is played before each step of a recovery that writes, too.
func TestRecoveryIsCut(t *testing.T) {
	t.Setenv("POWERCUT_BREAK", "")
	with := powercut.Explore(t, pair{}.op("Pair"))
	read := pair{}.op("Pair")
	read.State = func(_ context.Context, m *powercut.Machine) (string, error) {
		left, err := readFile(m.FS(), "left")
		return left, err
	}
	without := powercut.Explore(t, read)
	assert.Greater(t, with.Cuts, 2*without.Cuts)
}

// A Do that fails the second time must fail in the same way from every survivor.
func TestSecondDoMayFail(t *testing.T) {
	t.Setenv("POWERCUT_BREAK", "")
	once := func(fsys durable.FS, name, data string) error {
		if have, err := readFile(fsys, name); err != nil || have == data {
			return errors.Join(err, fs.ErrExist)
		}
		return replace(fsys, name, data)
	}
	powercut.Run(t, valueOp("Once", once))
}

func TestLegalAllowsAThirdState(t *testing.T) {
	t.Setenv("POWERCUT_BREAK", "")
	op := pair{}.op("Pair")
	op.State = func(_ context.Context, m *powercut.Machine) (string, error) {
		if _, err := readFile(m.FS(), "intent"); err == nil {
			return "in between", nil
		}
		left, lerr := readFile(m.FS(), "left")
		right, rerr := readFile(m.FS(), "right")
		return left + "/" + right, errors.Join(lerr, rerr)
	}
	assert.Positive(t, powercut.Explore(t, op).Bad)
	op.Legal = func(_, _, got string) error {
		if got != "in between" {
			return errors.New("mixed")
		}
		return nil
	}
	powercut.Run(t, op)
}

// recorder is a testing.TB that only notes errors.
type recorder struct {
	testing.TB
	errors []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

type device struct{}

func (device) Put()  {}
func (*device) Get() {}

type generic[T any] struct{}

func (*generic[T]) Store() {}

type keeper interface{ Keep() }

func TestCovered(t *testing.T) {
	op := func(methods ...string) []powercut.Op { return []powercut.Op{{Name: "Op", Methods: methods}} }
	types := []any{(*device)(nil), (*generic[int])(nil), (*keeper)(nil)}
	tests := []struct {
		name  string
		ops   []powercut.Op
		reads []string
		want  []string
	}{
		{"complete", op("device.Put", "generic.Store", "keeper.Keep", "Provision"), []string{"device.Get"}, nil},
		{"missing", op("device.Put", "generic.Store"), []string{"device.Get"}, []string{"powercut: no op goes through keeper.Keep"}},
		{"stale op", op("device.Put", "generic.Store", "keeper.Keep", "device.Old"), []string{"device.Get"}, []string{"powercut: op Op: no method device.Old"}},
		{"stale read", op("device.Put", "generic.Store", "keeper.Keep"), []string{"device.Get", "device.Old"}, []string{"powercut: reads: no method device.Old"}},
		{"in both", op("device.Put", "generic.Store", "keeper.Keep", "device.Get"), []string{"device.Get"}, []string{"powercut: reads: device.Get is also the method of an op"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := &recorder{TB: t}
			powercut.Covered(r, test.ops, test.reads, types...)
			assert.Equal(t, test.want, r.errors)
		})
	}
}
