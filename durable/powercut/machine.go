package powercut

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/iot-device-baseline/baseline/durable"
)

// The failures that a [Machine] plays. A full medium gives [durable.ErrFull].
var (
	// ErrPower is the error of every call from the power cut on.
	ErrPower = errors.New("powercut: power lost")
	// ErrIO is the error of a step at which a fault was injected.
	ErrIO = errors.New("powercut: input/output error")
)

const never = -1

// Machine is a device in memory: files and, beside them, non-file media such as
// the cells of a TPM. It counts the steps of all of them with one counter and
// loses power before the step that it is told. The zero value is not usable.
//
// Methods may be called concurrently.
type Machine struct {
	mu       sync.Mutex
	root     *inode
	media    map[string][]byte // by medium, NUL, key
	dead     [][]byte          // what replaced and removed files held, newest last
	capacity int64
	cow      bool // overwriting takes space
	strategy breakage

	boot    int // handles of an earlier boot are closed
	steps   int // taken since New, over all boots
	cutAt   int // number of the step that finds no power, or never
	off     bool
	faultAt int
	fault   Fault
	trace   func(point) // called with mu held for each step taken
	cutSite *point      // the step that found no power
	persist bool        // the next Attempt that fails is made again
	tried   bool        // it was
}

// New returns a machine with an empty directory, no media, power on and no
// limit of space.
func New() *Machine {
	return &Machine{root: newDir(), media: map[string][]byte{}, cutAt: never, faultAt: never}
}

// FS returns the machine's directory. All its values are equal in effect.
func (m *Machine) FS() durable.FS { return memFS{m} }

// Step counts one step of a non-file medium that keeps its content elsewhere. The
// caller acts only when it gives nil. It gives [ErrPower] from the cut on, and
// [ErrIO] when a fault was injected.
func (m *Machine) Step(medium, op string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	f, err := m.step("step", medium+" "+op, false)
	if err == nil && f != NoFault {
		err = ErrIO
	}
	if err != nil {
		return fmt.Errorf("%s: %s: %w", medium, op, err)
	}
	return nil
}

// Load returns a copy of what a non-file medium holds under key, or nil. It is
// not a step and, having no error to give, it also answers after a cut.
func (m *Machine) Load(medium, key string) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.media[medium+"\x00"+key])
}

// Store puts v under key of a non-file medium, or removes it when v is nil: one
// step, atomic, durable at once. It gives [ErrPower] from the cut on. With [ErrIO]
// it may have taken effect ([NoReply]) or not ([Fail]).
func (m *Machine) Store(medium, key string, v []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	f, err := m.step("store", medium+" "+key, false)
	if err == nil && (f == NoFault || f == NoReply) {
		if v == nil {
			delete(m.media, medium+"\x00"+key)
		} else {
			m.media[medium+"\x00"+key] = append([]byte{}, v...)
		}
	}
	if err == nil && f != NoFault {
		err = ErrIO
	}
	if err != nil {
		return fmt.Errorf("%s: store %s: %w", medium, key, err)
	}
	return nil
}

// SetCapacity limits the bytes that files take together; 0 means no limit. A
// write beyond it writes what fits and gives an error that is [durable.ErrFull].
// Bytes written once are allocated: overwriting them takes no space. A hole made
// by Truncate or by a WriteAt beyond the end takes none until it is written.
// Names, Rename and Remove never fail for space. With less than is used already,
// no space is free.
func (m *Machine) SetCapacity(bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.capacity = bytes
}

// SetCopyOnWrite makes overwriting need free space for what it writes, as on btrfs,
// UBIFS and F2FS; what was there is free again after the write.
func (m *Machine) SetCopyOnWrite(on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cow = on
}

// Steps returns the number of steps taken since New, over all boots.
func (m *Machine) Steps() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.steps
}

// Cut makes the power fail before the step after the next n steps: Cut(0) before
// the very next one. A negative n cancels it.
func (m *Machine) Cut(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cutAt = never
	if n >= 0 {
		m.cutAt = m.steps + n
	}
}

// Fail plays f at the step after the next n steps; n = 0 is the very next one.
// [NoFault] cancels it, and ends [Full].
func (m *Machine) Fail(n int, f Fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.faultAt, m.fault = never, f
	if f != NoFault {
		m.faultAt = m.steps + n
	}
}

// step counts one mutating call, or gives ErrPower. The caller holds mu and plays
// the fault that is returned.
func (m *Machine) step(kind, object string, allocates bool) (Fault, error) {
	if m.off {
		return NoFault, ErrPower
	}
	if m.steps == m.cutAt {
		m.off = true
		m.cutSite = &point{kind: kind, object: object, site: callSite()}
		return NoFault, ErrPower
	}
	at := m.steps
	m.steps++
	if m.trace != nil {
		m.trace(point{kind: kind, object: object, allocates: allocates, site: callSite()})
	}
	switch {
	case m.faultAt == never || at < m.faultAt:
		return NoFault, nil
	case m.fault == Full && allocates:
		return Full, nil
	case m.fault != Full && at == m.faultAt:
		return m.fault, nil
	}
	return NoFault, nil
}

// Clone returns a copy of the whole machine: files with what is pending, non-file
// media, the step counter and what is armed. Open files stay with the original.
func (m *Machine) Clone() *Machine {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.bare()
	c.root = m.root.clone(map[*inode]*inode{})
	c.off, c.cutAt, c.faultAt, c.fault = m.off, m.cutAt, m.faultAt, m.fault
	c.persist, c.tried = m.persist, m.tried
	return c
}

// bare returns a machine with the media and history of m, without its files and
// with nothing armed.
func (m *Machine) bare() *Machine {
	return &Machine{
		media: maps.Clone(m.media), dead: slices.Clone(m.dead), capacity: m.capacity, cow: m.cow, strategy: m.strategy,
		boot: m.boot, steps: m.steps, cutAt: never, faultAt: never,
	}
}
