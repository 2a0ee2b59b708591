package protect_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/protecttest"
)

// TestRollbackModel drives the real Vault through random lives: changes, removals,
// anchors, erasures and rotations; power cuts at any step of these; a counter that fails
// or gives no reply; restarts. An attacker keeps every disk, puts one back as a whole or
// one file of it, and unseals what he likes.
//
//   - rollback: the vault opens and gives something older than the last anchor, or than
//     the state before the first change of a start.
//   - brick: nobody touched the disk, and the vault does not open, or lost what was
//     acknowledged.
//   - erased-readable: a key that an acknowledged erasure destroyed opens something.
func TestRollbackModel(t *testing.T) {
	lives := 700
	if raceEnabled || testing.Short() {
		lives = 40
	}
	right := play(t, protect.TwoAdvances, lives)
	t.Logf("implementation=protect.Vault states=%d rollback=%d brick=%d erased-readable=%d", right.states, right.rollback, right.brick, right.readable)
	for _, what := range right.said {
		t.Error(what)
	}
	assert.Zero(t, right.rollback+right.brick+right.readable)
	if lives == 700 {
		assert.Greater(t, right.states, 20_000)
	}
	for _, wrong := range []struct {
		name     string
		protocol protect.Protocol
	}{
		{"AEAD only", protect.AEADOnly}, {"bump then write", protect.BumpThenWrite}, {"write then bump", protect.WriteThenBump},
		{"blind retry", protect.BlindRetry}, {"one advance", protect.OneAdvance}, {"kill then seal", protect.KillThenSeal},
	} {
		f := play(t, wrong.protocol, 5000) // ends with the first fault
		t.Logf("implementation=%q states=%d rollback=%d brick=%d erased-readable=%d", wrong.name, f.states, f.rollback, f.brick, f.readable)
		assert.Positive(t, f.rollback+f.brick+f.readable, wrong.name)
	}
}

type faults struct {
	states, rollback, brick, readable int
	said                              []string
}

func (f *faults) say(count *int, format string, args ...any) {
	*count++
	if len(f.said) < 5 {
		f.said = append(f.said, fmt.Sprintf(format, args...))
	}
}

// fact is one value that a name had, or may have had.
type fact struct {
	number  int
	present bool
}

// modelled are the names: of two values, a stream, a person's letter, and a value of the
// floor.
var modelled = []string{"a", "b", "film", "letter", "journal"}

// life is one device and what is right for it.
type life struct {
	ctx     context.Context
	rng     *rand.Rand
	opts    *protect.Options
	m       *powercut.Machine
	dir     *durable.Dir
	v       *protect.Vault
	w       *protect.StreamWriter // of the film, or nil
	writes  int                   // what it writes
	counter *flaky
	a       *attacker
	f       *faults

	acts int // how many of those that act knows are done

	number int
	past   map[string][]fact // everything that a name may ever have had
	legit  map[string][]fact // what it may have now
	floor  map[string]int    // older is a rollback
	boot   map[string]int    // the floor once something is changed
	full   bool              // the medium is
	missed map[string]bool   // a removal of it on a full medium was cut before its mark
	erased int               // letters up to this one are destroyed
	disks  []powercut.Image
	log    []string
}

func play(t *testing.T, p protect.Protocol, lives int) *faults {
	f := &faults{}
	for seed := range lives {
		if p != protect.TwoAdvances && f.rollback+f.brick+f.readable > 0 {
			break
		}
		l := &life{
			ctx: somebody(t.Context()), rng: rand.New(rand.NewPCG(1, uint64(seed))), opts: protect.WithProtocol(p), f: f, a: newAttacker(),
			m: powercut.New(), missed: map[string]bool{}, past: map[string][]fact{}, legit: map[string][]fact{}, floor: map[string]int{}, boot: map[string]int{},
		}
		if l.acts = 10; p == protect.TwoAdvances { // a wrong protocol shall be found by what is usual
			l.acts = 16
		}
		_, err := provision(l.ctx, l.m, token, l.opts)
		require.NoError(t, err)
		for _, name := range modelled {
			l.past[name], l.legit[name] = []fact{{}}, []fact{{}}
		}
		l.m.Settle()
		if !l.start() {
			continue
		}
		for range 12 {
			l.a.take(t, l.m.Files())
			l.disks = append(l.disks, l.m.Image())
			if !l.act() {
				break
			}
			l.attack(t)
		}
	}
	return f
}

// start opens the vault; nobody has touched the disk.
func (l *life) start() bool { return l.startWith(protect.Open) }

func (l *life) startWith(with opener) bool {
	l.f.states++
	l.counter, l.w = &flaky{Token: protecttest.NewToken(l.m)}, nil
	var err error
	l.dir, err = durable.OpenFS(tapped{l.m.FS(), l.a}, nil)
	if err == nil {
		l.v, err = with(l.ctx, l.dir, l.counter, l.opts)
	}
	if err == nil {
		err = l.release()
	}
	if err != nil {
		l.f.say(&l.f.brick, "%v: open: %v", l.log, err)
		return false
	}
	l.v.Guard(allow{})
	found, ok := l.right()
	for name, f := range found {
		l.legit[name], l.boot[name] = []fact{f}, f.number
	}
	return ok
}

// right reports whether every name has what it may have, and what that is.
func (l *life) right() (map[string]fact, bool) {
	found := map[string]fact{}
	for _, name := range modelled {
		got, err := l.look(l.v, name)
		if err != nil || !slices.ContainsFunc(l.legit[name], func(f fact) bool { return f == got || !f.present && !got.present }) {
			l.f.say(&l.f.brick, "%v: %s is %v, %v, want one of %v", l.log, name, got, err, l.legit[name])
			return nil, false
		}
		found[name] = got
	}
	return found, true
}

// absentSince is the number of the newest removal that there may have been.
func (l *life) absentSince(name string) int {
	for _, f := range slices.Backward(l.past[name]) {
		if !f.present {
			return f.number
		}
	}
	return 0
}

// look returns what a name has, told by its value. Which removal it was does not show: it
// counts as the newest.
func (l *life) look(v *protect.Vault, name string) (fact, error) {
	c, err := l.of(v, name, false)
	var raw []byte
	if err == nil {
		raw, err = getModelled(l.ctx, c, name)
	}
	if errors.Is(err, fs.ErrNotExist) || name == "letter" && errors.Is(err, protect.ErrMissing) || l.missed[name] && errors.Is(err, protect.ErrTampered) {
		return fact{l.absentSince(name), false}, nil
	}
	if err != nil {
		return fact{}, err
	}
	_, digits, _ := strings.Cut(string(raw), " ")
	n, err := strconv.Atoi(digits)
	return fact{n, true}, err
}

func (l *life) of(v *protect.Vault, name string, make bool) (*protect.Compartment, error) {
	switch {
	case name == "journal":
		return v.Compartment(l.ctx, protect.ClassFloor)
	case name != "letter":
		return v.Compartment(l.ctx, protect.ClassSettings)
	case make:
		return v.Subject(somebodyNew(l.ctx), "alice")
	}
	return v.OpenSubject(l.ctx, "alice")
}

// somebodyNew is code of the device, which answers for itself.
func somebodyNew(context.Context) context.Context { return context.Background() }
