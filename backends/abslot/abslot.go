package abslot

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

// Slot is one of the two places.
type Slot struct {
	Name string // as the boot loader calls it
	File string // in the durable.FS: a file, or a block device
}

// Options are the options of [New].
type Options struct {
	// Devices says that the slots are block devices, whose length is what it is. Else
	// they are files: one that is not there is made, and Prepare makes it as long as
	// the image.
	Devices bool
}

// ErrNoReturn says that the running slot is on trial and the other one not good:
// going back would leave nothing that starts.
var ErrNoReturn = errors.New("no other slot is good")

// Installer is an [update.Installer]. It may be used concurrently; one process uses
// the slots. Only one sink is open at a time: Prepare and what changes the next start
// end the one before.
type Installer struct {
	fsys    durable.FS
	boot    update.Bootloader
	slots   [2]Slot
	devices bool

	mu   sync.Mutex
	open *sink // the one that may write, or nil
}

var _ update.Installer = (*Installer)(nil)

// New returns an installer for the slots on fsys that boot starts. It does no I/O.
// Slots that cannot be are [io/fs.ErrInvalid].
func New(fsys durable.FS, boot update.Bootloader, slots [2]Slot, opts *Options) (*Installer, error) {
	if opts == nil {
		opts = &Options{}
	}
	for _, s := range slots {
		if s.Name == "" || !fs.ValidPath(s.File) || s.File == "." {
			return nil, fmt.Errorf("abslot: slot %q, file %q: %w", s.Name, s.File, fs.ErrInvalid)
		}
	}
	if slots[0].Name == slots[1].Name || slots[0].File == slots[1].File {
		return nil, fmt.Errorf("abslot: the slots are one: %w", fs.ErrInvalid)
	}
	return &Installer{fsys: fsys, boot: boot, slots: slots, devices: opts.Devices}, nil
}

// places are the slots as the boot loader sees them.
type places struct {
	running, other update.SlotState
	file           string // of the other
}

func (in *Installer) places(ctx context.Context) (p places, err error) {
	booted, err := in.boot.Booted(ctx)
	if err != nil {
		return p, err
	}
	i := slices.IndexFunc(in.slots[:], func(s Slot) bool { return s.Name == booted })
	if i < 0 {
		return p, fmt.Errorf("slot %q runs: %w", booted, fs.ErrNotExist)
	}
	states, err := in.boot.State(ctx)
	if err != nil {
		return p, err
	}
	p.file = in.slots[1-i].File
	for name, state := range map[string]*update.SlotState{booted: &p.running, in.slots[1-i].Name: &p.other} {
		k := slices.IndexFunc(states, func(s update.SlotState) bool { return s.Name == name })
		if k < 0 {
			return p, fmt.Errorf("the boot loader has no slot %q: %w", name, fs.ErrNotExist)
		}
		*state = states[k]
	}
	return p, nil
}

// Inventory implements [update.Installer].
func (in *Installer) Inventory(ctx context.Context) (update.Installed, error) {
	p, err := in.places(ctx)
	if err != nil {
		return update.Installed{}, fmt.Errorf("abslot: inventory: %w", err)
	}
	inv := update.Installed{
		Running: p.running.Name, Other: p.other.Name,
		Trial: !p.running.Good, Armed: p.other.Next, Good: p.other.Good, Tries: p.running.Tries,
	}
	if inv.Armed {
		inv.Tries = p.other.Tries
	}
	return inv, nil
}

// Activate implements [update.Installer]. While the running slot is on trial it has
// done its work, and changes nothing: the other slot is the one to come back to.
func (in *Installer) Activate(ctx context.Context, _ update.Component, tries int) error {
	return in.change(ctx, "activate", func(p places) error {
		if !p.running.Good {
			return nil
		}
		return in.boot.Try(ctx, p.other.Name, tries)
	})
}

// Confirm implements [update.Installer].
func (in *Installer) Confirm(ctx context.Context, _ update.Component) error {
	return in.change(ctx, "confirm", func(p places) error { return in.boot.MarkGood(ctx, p.running.Name) })
}

// Rollback implements [update.Installer]. The slot before must be good, else it gives
// [ErrNoReturn] and changes nothing. A running slot that was confirmed stays good, as
// the second choice: no boot loader lets the running slot be made bad but by the end
// of its trial.
func (in *Installer) Rollback(ctx context.Context, _ update.Component) error {
	return in.change(ctx, "rollback", func(p places) error {
		switch {
		case p.other.Good:
			return in.boot.MarkGood(ctx, p.other.Name)
		case p.running.Good: // armed, or nothing: there is no restart to undo
			return in.boot.SetBad(ctx, p.other.Name)
		}
		return ErrNoReturn
	})
}

// change changes what starts next; nothing is written to the slot any more.
func (in *Installer) change(ctx context.Context, op string, f func(places) error) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.open = nil
	p, err := in.places(ctx)
	if err == nil {
		err = f(p)
	}
	if err != nil {
		return fmt.Errorf("abslot: %s: %w", op, err)
	}
	return nil
}
