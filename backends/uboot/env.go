package uboot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/update"
)

// Env is an [update.Bootloader] that keeps its slots in U-Boot's environment. One
// process writes the environment at a time; Env may be used concurrently.
type Env struct {
	fsys   durable.FS
	cfg    Config
	booted string

	mu   sync.Mutex
	base int // index of the copy that is known to lie on the medium, or a state below
}

const (
	fresh   = -1 // not looked at yet: what is read may lie in the system's memory alone
	settled = -2 // what is read lies on the medium
)

var _ update.Bootloader = (*Env)(nil)

// New returns the environment on fsys, such as *durable.Raw of /boot, or of /dev for a
// block device. booted is the slot that the boot loader said it started, read by the
// vendor's code from the kernel's command line. It does no I/O.
//
// A configuration that cannot be is [io/fs.ErrInvalid]; a slot booted that is not
// in it [io/fs.ErrNotExist].
func New(fsys durable.FS, cfg Config, booted string) (*Env, error) {
	cfg, err := cfg.checked()
	if err != nil {
		return nil, fmt.Errorf("uboot: configuration: %w", err)
	}
	e := &Env{fsys: fsys, cfg: cfg, booted: booted, base: fresh}
	if err := e.known(booted); err != nil {
		return nil, fmt.Errorf("uboot: booted: %w", err)
	}
	return e, nil
}

func (e *Env) known(name string) error {
	if slices.Contains(e.cfg.Slots, name) {
		return nil
	}
	return fmt.Errorf("slot %q, there are %q: %w", name, e.cfg.Slots, fs.ErrNotExist)
}

// Create makes the first environment of a device, in its factory: slot good is good
// and starts, the other is bad. vars are further variables, such as bootcmd; they may
// be none of the slots'. An environment that is there stays and is [io/fs.ErrExist]:
// one copy of it is enough. A device whose image comes with an environment, made
// by mkenvimage, does not need Create.
func Create(ctx context.Context, fsys durable.FS, cfg Config, good string, vars map[string]string) error {
	e, err := New(fsys, cfg, good)
	if err == nil {
		err = e.create(ctx, vars)
	}
	if err != nil {
		return fmt.Errorf("uboot: create: %w", err)
	}
	return nil
}

func (e *Env) create(ctx context.Context, more map[string]string) error {
	c, err := read(ctx, e.fsys, e.cfg)
	if err == nil {
		// It may be one that was made just before a failure: what is said to be there
		// must be kept.
		if err := errors.Join(e.settle(c), syncName(e.fsys, e.cfg.Primary), syncName(e.fsys, e.cfg.Redundant)); err != nil {
			return err
		}
		return fs.ErrExist
	}
	if !errors.Is(err, update.ErrDamaged) {
		return err
	}
	vars, err := firstVars(e.cfg, e.booted, more)
	if err != nil {
		return err
	}
	for i, l := range e.cfg.locations() {
		raw, err := encode(vars, byte(1-i), e.cfg.Size)
		if err == nil {
			err = writeCopy(e.fsys, l, raw, true)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// load returns the copies as they lie on the medium, and what the active one says.
// After a write that failed it first undoes it: nobody knows what became of it.
func (e *Env) load(ctx context.Context) (copies, []variable, table, error) {
	c, err := read(ctx, e.fsys, e.cfg)
	if err == nil && e.base >= 0 {
		if err = e.settle(c); err == nil {
			c, err = read(ctx, e.fsys, e.cfg)
		}
	}
	if err != nil {
		return c, nil, nil, err
	}
	vars, t, err := understand(c, e.cfg.Slots)
	return c, vars, t, err
}

// understand never turns to the other copy: the boot loader does not either.
func understand(c copies, slots []string) ([]variable, table, error) {
	vars, err := parse(c.data())
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", update.ErrDamaged, err)
	}
	t, err := readTable(vars, slots)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", update.ErrDamaged, err)
	}
	return vars, t, nil
}

// settle makes what is read and what lies on the medium one. The next change
// overwrites the copy that is not active; before, the active one must be on the
// medium, and a sync that failed, in this process or in one that was killed, leaves
// a copy in the system's memory that only looks so.
func (e *Env) settle(c copies) error {
	if e.base == settled {
		return nil
	}
	to, raw := c.active, c.raw[c.active]
	switch {
	case e.base >= 0 && c.cause[e.base] == nil: // known: undo the other
		to, raw = 1-e.base, next(c.raw[e.base])
	case !c.whole(): // mend the other, and leave the only one alone
		to, raw = 1-c.active, next(c.raw[c.active])
	}
	if err := e.put(c, to, raw); err != nil {
		return err
	}
	e.base = settled
	return nil
}

// put writes a copy. If it fails, the other one is what counts, unless that is
// older.
func (e *Env) put(c copies, to int, raw []byte) error {
	err := writeCopy(e.fsys, e.cfg.locations()[to], raw, c.cause[to] != nil)
	if err != nil && e.base == settled {
		e.base = c.active
	}
	return err
}

// change makes the slots what f says: one write of the copy that is not active.
func (e *Env) change(ctx context.Context, f func(table) (table, error)) error {
	c, vars, t, err := e.load(ctx)
	if err != nil {
		return err
	}
	if t, err = f(t); err != nil {
		return err
	}
	if err := e.settle(c); err != nil {
		return err
	}
	if c, err = read(ctx, e.fsys, e.cfg); err != nil { // settle may have moved it
		return err
	}
	after, err := encode(t.write(vars), c.flag()+1, e.cfg.Size)
	if err != nil || string(after[dataAt:]) == string(c.data()) {
		return err
	}
	return e.put(c, 1-c.active, after)
}

// next is the copy as the one that is newer.
func next(raw []byte) []byte {
	raw = append([]byte{}, raw...)
	raw[flagAt]++ // not under the CRC
	return raw
}
