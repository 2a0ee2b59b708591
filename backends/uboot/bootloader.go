package uboot

import (
	"context"
	"errors"
	"fmt"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/update"
)

// ErrNoSlot says that the boot loader would start no slot.
var ErrNoSlot = errors.New("no slot would start")

// Booted implements [update.Bootloader]: what New was told.
func (e *Env) Booted(ctx context.Context) (string, error) { return e.booted, ctx.Err() }

// State implements [update.Bootloader]; the slots come in the order of the
// configuration.
func (e *Env) State(ctx context.Context) ([]update.SlotState, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, _, t, err := e.load(ctx)
	if err != nil {
		return nil, fmt.Errorf("uboot: state: %w", err)
	}
	return t.states(e.cfg.Slots), nil
}

// SetBad implements [update.Bootloader].
func (e *Env) SetBad(ctx context.Context, slot string) error {
	return e.do(ctx, "set bad", slot, func(t table) (table, error) {
		if slot == e.booted {
			return nil, update.ErrRunning
		}
		return t.without(slot), nil
	})
}

// Try implements [update.Bootloader], for 1 to [MaxTries] tries. It gives an error that
// is [io/fs.ErrInvalid] when no other slot is good, since nothing would start after
// the tries.
func (e *Env) Try(ctx context.Context, slot string, tries int) error {
	return e.do(ctx, "try", slot, func(t table) (table, error) { return t.tried(slot, tries) })
}

// MarkGood implements [update.Bootloader]. Another slot that is on trial, also the
// running one, becomes bad: its trial is over.
func (e *Env) MarkGood(ctx context.Context, slot string) error {
	return e.do(ctx, "mark good", slot, func(t table) (table, error) { return t.confirmed(slot), nil })
}

func (e *Env) do(ctx context.Context, op, slot string, f func(table) (table, error)) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	err := e.known(slot)
	if err == nil {
		err = e.change(ctx, f)
	}
	if err != nil {
		return fmt.Errorf("uboot: %s %s: %w", op, slot, err)
	}
	return nil
}

// Health says that one copy is damaged, an error that is [update.ErrDamaged] while all
// works: the other one is in use, and the next change mends it.
func (e *Env) Health(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	c, _, _, err := e.load(ctx)
	if err == nil && !c.whole() {
		err = fmt.Errorf("one of two copies: %w: %w", update.ErrDamaged, errors.Join(c.cause[:]...))
	}
	if err != nil {
		return fmt.Errorf("uboot: health: %w", err)
	}
	return nil
}

// Choose does what the boot script in the package documentation does at a start: it
// returns the first slot in BOOT_ORDER that is good or has tries left, after it has
// taken one of these, durably. It is for simulators, and for boot loaders written in
// Go; a device calls it never.
//
// [ErrNoSlot] means that only a rescue can help.
func Choose(ctx context.Context, fsys durable.FS, cfg Config) (slot string, err error) {
	cfg, err = cfg.checked()
	if err == nil {
		e := &Env{fsys: fsys, cfg: cfg, base: fresh}
		slot, err = e.choose(ctx)
	}
	if err != nil {
		return "", fmt.Errorf("uboot: choose: %w", err)
	}
	return slot, nil
}

func (e *Env) choose(ctx context.Context) (string, error) {
	_, _, t, err := e.load(ctx)
	if err != nil {
		return "", err
	}
	i := t.next()
	if i < 0 {
		return "", ErrNoSlot
	}
	if t[i].state == stateGood {
		return t[i].name, nil
	}
	return t[i].name, e.change(ctx, func(t table) (table, error) {
		t[i].left--
		return t, nil
	})
}
