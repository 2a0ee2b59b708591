package eventlog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/iot-device-baseline/baseline/durable"
)

// anchorEvery is the least time between two anchors that records ask for: a stranger
// who makes events costs the medium no more.
const anchorEvery = 10 * time.Second

const maxAnchor = 2 * maxNote // a note in JSON

// anchor is a signed checkpoint of what was on the medium. It needs no record in the
// log itself.
type anchor struct {
	Note    string `json:"note"`
	Retired bool   `json:"retired,omitempty"`
}

func anchorValue(store durable.Store, name string) *durable.Value[anchor] {
	return durable.NewValue[anchor](store, name+"-checkpoint", &durable.ValueOptions[anchor]{MaxBytes: maxAnchor})
}

// reserveAnchor sets space aside, if the Store can: overwriting on a full medium begins
// with the anchor.
func (l *Log) reserveAnchor(ctx context.Context, store durable.Store) {
	err := durable.Reserve(ctx, store, l.opts.Name+"-checkpoint", maxAnchor)
	if !errors.Is(err, errors.ErrUnsupported) {
		l.ill.reserve = err
	}
}

// anchorDue reports whether records wait for an anchor, and whether it is time. The
// first anchor of a log comes with its first record. Under l.mu.
func (l *Log) anchorDue() (waits, now bool) {
	waits = l.anchor != nil && l.synced > l.anchored && (l.anchored == 0 || l.important >= l.anchored)
	return waits, waits && (l.anchoredAt.IsZero() || time.Since(l.anchoredAt) >= anchorEvery)
}

// followAnchor writes the anchor if it is due. That it could not is told by Health:
// the records are on the medium all the same.
func (l *Log) followAnchor(ctx context.Context) (waits bool) {
	l.mu.Lock()
	_, due := l.anchorDue()
	l.mu.Unlock()
	if due {
		_ = l.keepAnchor(ctx)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	waits, _ = l.anchorDue()
	return waits
}

// keepAnchor signs what is on the medium into the anchor, unless it is there.
func (l *Log) keepAnchor(ctx context.Context) error {
	if l.anchor == nil {
		return nil
	}
	l.anchors.Lock()
	defer l.anchors.Unlock()
	l.mu.Lock()
	c, done := l.onMedium(), l.synced == l.anchored && l.oldest() == l.anchoredOldest || l.synced <= 1
	l.mu.Unlock()
	if done {
		return nil
	}
	err := l.storeAnchor(ctx, c, false)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ill.anchor = err
	l.anchoredAt = time.Now() // also when it failed: it is tried no more often
	if err == nil {
		l.anchored, l.anchoredOldest = c.Size+1, c.First
	}
	return err
}

func (l *Log) storeAnchor(ctx context.Context, c *Checkpoint, retired bool) error {
	note, err := c.sign(l.key, l.public)
	if err != nil {
		return err
	}
	if err := l.anchor.Store(ctx, anchor{Note: note, Retired: retired}); err != nil {
		return fmt.Errorf("eventlog: keep checkpoint: %w", err)
	}
	return nil
}

// onMedium is the checkpoint of what was synced. Under l.mu.
func (l *Log) onMedium() *Checkpoint {
	c := l.checkpoint()
	c.Size, c.Root = l.synced-1, l.syncedTree.root()
	return c
}

// Retire closes the log for good, before whoever calls it destroys it: the anchor says
// so, and the log that is begun in its place cites its end by size and root, and so the
// two are one story. It may be called while the directory of the log is on hold, when
// nothing can be written to it any more: its end is then the last record that is on
// the medium. Repeat it after an error; without an Anchor it is [Log.Close].
func (l *Log) Retire(ctx context.Context) error {
	err := l.Close()
	if l.anchor == nil {
		return err
	}
	// What Close could not write any more goes with the log; it is not cited.
	l.anchors.Lock()
	defer l.anchors.Unlock()
	l.mu.Lock()
	c, begun := l.onMedium(), l.synced > 1
	l.mu.Unlock()
	if !begun && l.before != nil {
		return nil // nothing of it is on the medium: the next one cites the one before
	}
	if err := l.storeAnchor(ctx, c, true); err != nil {
		return fmt.Errorf("eventlog: retire: %w", err)
	}
	return nil
}

// Retire is [Log.Retire] for the log called name, which "" takes for "eventlog", when it
// is not open: after a power cut, say. It cites the end that the anchor knows, which is
// the true one after [Log.Close], and otherwise up to 10 s old. While the log is open
// use [Log.Retire], or else Checkpoint and Close come first, in this order. Without an
// anchor it does nothing. A reset that keeps nothing of the sort deletes the anchor
// instead. Who holds the Store is trusted.
func Retire(ctx context.Context, store durable.Store, name string) error {
	setDefault(&name, "eventlog")
	v := anchorValue(store, name)
	a, err := v.Load(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && !a.Retired {
		a.Retired = true
		err = v.Store(ctx, a)
	}
	if err != nil {
		return fmt.Errorf("eventlog: retire: %w", err)
	}
	return nil
}
