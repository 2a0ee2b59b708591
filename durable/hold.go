package durable

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// everyHold is for what may run whatever the hold in force: it is one of no directory.
func everyHold() *Hold { return &Hold{} }

// Hold is a durable mark: nothing in the directory may be used until an operation
// that a power cut may have interrupted (a reset, an erasure of everything) is
// finished. Only who carries that operation out works on [Hold.Store].
//
// The mark can only close the directory, never open it: a damaged one holds too.
type Hold struct {
	dir    *Dir
	reason string
}

const maxReason = 256

// Hold sets the mark, also on a full medium. From then on, also after a restart, the
// Dir's own methods and everything opened on it answer [ErrHeld]. A directory on
// hold cannot be held again: that is ErrHeld too. After another error the mark may
// be set all the same; [Dir.Held] tells.
func (d *Dir) Hold(ctx context.Context, reason string) (*Hold, error) {
	h := &Hold{dir: d, reason: reason}
	err := d.change(ctx, "hold", "", everyHold(), func() error {
		if len(reason) > maxReason {
			return fmt.Errorf("reason of %d bytes, at most %d: %w", len(reason), maxReason, fs.ErrInvalid)
		}
		if old := d.Held(); old != nil {
			return fmt.Errorf("%w: %s", ErrHeld, old.reason)
		}
		err := d.put(holdName, []byte(reason))
		if err == nil || d.marked() {
			d.setHold(h)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return h, nil
}

func (d *Dir) setHold(h *Hold) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hold = h
}

// Held returns the hold in force, or nil.
func (d *Dir) Held() *Hold {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.hold
}

// marked reports whether there is a mark, whatever is in it.
func (d *Dir) marked() bool {
	_, err := d.get(holdName)
	return !errors.Is(err, fs.ErrNotExist)
}

func (d *Dir) readHold() {
	reason, err := d.get(holdName)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return
	case err != nil:
		reason = []byte("reason unreadable")
	}
	d.hold = &Hold{dir: d, reason: string(reason)}
}

// Reason returns what was given to [Dir.Hold].
func (h *Hold) Reason() string { return h.reason }

// Store returns the directory's values, and its logs, as if it were not on this hold.
// On another one they answer [ErrHeld].
func (h *Hold) Store() Store { return unheld{h.dir, h} }

// Release removes the mark. Call it when the operation is finished for good. A
// Hold that is not the one in force gives an error that is [ErrHeld].
func (h *Hold) Release(ctx context.Context) error {
	return h.dir.change(ctx, "release hold", "", everyHold(), func() error {
		if h.dir.Held() != h {
			return fmt.Errorf("not the hold in force: %w", ErrHeld)
		}
		if err := h.dir.delete(holdName); err != nil {
			return err
		}
		h.dir.setHold(nil)
		return nil
	})
}

// unheld is a Dir seen by who holds it.
type unheld struct {
	*Dir
	hold *Hold // hides that of Dir
}

func (u unheld) Get(ctx context.Context, name string) ([]byte, error) {
	if err := u.admit(ctx, name, u.hold); err != nil {
		return nil, fmt.Errorf("durable: get %s: %w", name, err)
	}
	return u.getCertain(name)
}

func (u unheld) Put(ctx context.Context, name string, value []byte) error {
	return u.change(ctx, "put", name, u.hold, func() error { return u.put(name, value) })
}

func (u unheld) Delete(ctx context.Context, name string) error {
	return u.change(ctx, "delete", name, u.hold, func() error { return u.delete(name) })
}

func (u unheld) List(ctx context.Context, prefix string) ([]string, error) {
	if err := u.admit(ctx, "", u.hold); err != nil {
		return nil, fmt.Errorf("durable: list %s: %w", prefix, err)
	}
	return u.list(prefix, "")
}

func (u unheld) Reserve(ctx context.Context, name string, size int) error {
	return u.change(ctx, "reserve", name, u.hold, func() error { return u.reserve(name, size) })
}

func (u unheld) RemoveAll(ctx context.Context, dir string) error {
	return u.change(ctx, "remove all", dir, u.hold, func() error { return u.removeAll(dir) })
}
