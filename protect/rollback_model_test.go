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

// modelled are the names: of two values, a stream, and a person's letter.
var modelled = []string{"a", "b", "film", "letter"}

// life is one device and what is right for it.
type life struct {
	ctx     context.Context
	rng     *rand.Rand
	opts    *protect.Options
	m       *powercut.Machine
	v       *protect.Vault
	counter *flaky
	a       *attacker
	f       *faults

	number int
	past   map[string][]fact // everything that a name may ever have had
	legit  map[string][]fact // what it may have now
	floor  map[string]int    // older is a rollback
	boot   map[string]int    // the floor once something is changed
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
			ctx: somebody(t.Context()), rng: rand.New(rand.NewPCG(7, uint64(seed))), opts: protect.WithProtocol(p), f: f, a: newAttacker(),
			m: powercut.New(), past: map[string][]fact{}, legit: map[string][]fact{}, floor: map[string]int{}, boot: map[string]int{},
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
func (l *life) start() bool {
	var err error
	l.f.states++
	l.counter = &flaky{Token: protecttest.NewToken(l.m)}
	if l.v, err = openWith(l.ctx, l.m, l.a, l.counter, l.opts); err != nil {
		l.f.say(&l.f.brick, "%v: open: %v", l.log, err)
		return false
	}
	for _, name := range modelled {
		got, err := l.look(l.v, name)
		if err != nil || !slices.ContainsFunc(l.legit[name], func(f fact) bool { return f == got || !f.present && !got.present }) {
			l.f.say(&l.f.brick, "%v: %s is %v, %v, want one of %v", l.log, name, got, err, l.legit[name])
			return false
		}
		l.legit[name] = []fact{got}
		l.boot[name] = got.number
	}
	return true
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
	if errors.Is(err, fs.ErrNotExist) || name == "letter" && errors.Is(err, protect.ErrMissing) {
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
	case name != "letter":
		return v.Compartment(l.ctx, protect.ClassSettings)
	case make:
		return v.Subject(somebodyNew(l.ctx), "alice")
	}
	return v.OpenSubject(l.ctx, "alice")
}

// somebodyNew is code of the device, which answers for itself.
func somebodyNew(context.Context) context.Context { return context.Background() }

// act does something that may fail, and starts again after a power cut, or by chance.
func (l *life) act() bool {
	trouble := l.rng.IntN(8)
	step := l.rng.IntN(30)
	switch trouble {
	case 0, 1:
		l.m.Cut(step)
	case 2:
		l.m.Fail(step, powercut.Fail)
	case 3:
		l.m.Fail(step, powercut.NoReply)
	case 4:
		l.counter.trouble = errCounter
	case 5:
		l.counter.trouble = errNoReply
	}
	l.number++
	what := l.rng.IntN(10)
	err := l.do(what)
	l.log = append(l.log, fmt.Sprintf("%d:%d/%d@%d=%v", l.number, what, trouble, step, err == nil))
	off := l.m.Step("probe", "power") != nil
	l.m.Fail(0, powercut.NoFault)
	l.m.Cut(-1)
	l.counter.trouble = nil
	switch {
	case off:
		all := l.m.Survivors()
		l.m = all[l.rng.IntN(len(all))].Machine
	case l.rng.IntN(3) == 0:
		l.m.Settle()
	default:
		return true
	}
	return l.start()
}

// do does one thing and notes what is right afterwards.
func (l *life) do(what int) error {
	switch what {
	case 0, 9:
		return l.anchored(l.v.Anchor(l.ctx))
	case 1:
		return l.v.Rotate(l.ctx)
	case 2, 3:
		_, err := l.v.Erase(l.ctx, "alice")
		l.note("letter", fact{l.number, false}, err)
		if err == nil {
			l.erased = l.number
		}
		return err
	case 4, 5:
		name := modelled[l.rng.IntN(3)]
		c, err := l.of(l.v, name, true)
		if err == nil {
			err = removeModelled(l.ctx, c, name)
			l.note(name, fact{l.number, false}, err)
		}
		return l.changed(err)
	}
	name := modelled[l.rng.IntN(4)]
	c, err := l.of(l.v, name, true)
	if err == nil {
		err = putModelled(l.ctx, c, name, fmt.Appendf(nil, "%s %d", name, l.number))
		l.note(name, fact{l.number, true}, err)
	}
	return l.changed(err)
}

func (l *life) note(name string, f fact, err error) {
	l.past[name] = append(l.past[name], f)
	if err == nil {
		l.legit[name] = nil
	}
	l.legit[name] = append(l.legit[name], f)
}

// changed raises the floor to what was there at this start.
func (l *life) changed(err error) error {
	if err == nil && l.v.Health(l.ctx) == nil { // else it tells what is not anchored
		for name, n := range l.boot {
			l.floor[name] = max(l.floor[name], n)
		}
	}
	return err
}

// anchored raises the floor to what is there now.
func (l *life) anchored(err error) error {
	if err == nil {
		for name, list := range l.legit {
			least := list[0].number
			for _, f := range list {
				least = min(least, f.number)
			}
			l.floor[name] = max(l.floor[name], least)
		}
	}
	return err
}
