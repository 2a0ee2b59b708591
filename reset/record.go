package reset

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
)

const (
	recordName = "reset"
	maxRecord  = 8 << 10 // its space is reserved
)

// maxUntold bounds the resets that nobody was told of yet; the oldest give way.
const maxUntold = 4

// record is everything that is kept: what was ordered and is not finished, or what was
// finished last; and what is still to be told, which another order must not lose.
type record struct {
	Pending *order  `json:"pending,omitempty"`
	Last    *Result `json:"last,omitempty"`
	Untold  []told  `json:"untold,omitempty"`
}

// told is what the event and the notice of a reset say. It names nobody: the next
// owner reads it.
type told struct {
	ID    string `json:"id"` // of the mandate
	Scope string `json:"scope"`
}

// order is a reset that was ordered. Done grows as steps end.
type order struct {
	Mandate access.Mandate `json:"mandate"`
	Done    []Done         `json:"done"`
}

// Result is a reset that ran to its end.
type Result struct {
	ID      string    `json:"id"` // of its mandate
	Scope   string    `json:"scope"`
	Reason  string    `json:"reason"`
	Ordered time.Time `json:"ordered"` // by the clock of the device
	Steps   []Done    `json:"steps"`
	// Accepted says that the device has run since, and that the event is in its log.
	Accepted bool `json:"accepted"`
}

// Done is a step that ended, and by which method.
type Done struct {
	Step   string `json:"step"`
	Method string `json:"method"`
}

func openRecord(s durable.Store) *durable.Value[record] {
	return durable.NewValue(s, recordName, &durable.ValueOptions[record]{Check: checkRecord, MaxBytes: maxRecord})
}

func checkRecord(r record) error {
	if r.Pending != nil && r.Last != nil {
		return errors.New("a reset is pending or finished, not both")
	}
	if r.Last != nil && len(r.Last.Steps) > MaxSteps || len(r.Untold) > maxUntold {
		return errors.New("too many steps, or too much to tell")
	}
	if r.Pending != nil {
		return r.Pending.check()
	}
	return nil
}

// check says why an order is none, wherever it comes from. The mandate itself is
// judged by the guard.
func (o *order) check() error {
	m := o.Mandate
	if len(m.Acts) == 0 || m.Standing || m.Acts[0].Permission != access.ResetRequest || !validName(m.Acts[0].Resource) {
		return errors.New("the mandate orders no reset")
	}
	if len(o.Done) > MaxSteps || !m.Covers(plan(o.scope())) {
		return errors.New("the order is not the one that was given")
	}
	return nil
}

func (o *order) scope() string { return o.Mandate.Acts[0].Resource }

func (o *order) did(step string) bool {
	for _, d := range o.Done {
		if d.Step == step {
			return true
		}
	}
	return false
}

// end is the record once o has ended; rec is the one before.
func (o *order) end(rec record) record {
	untold := append(slices.Clone(rec.Untold), told{ID: o.Mandate.ID, Scope: o.scope()})
	return record{Last: o.result(), Untold: untold[max(0, len(untold)-maxUntold):]}
}

func (o *order) result() *Result {
	return &Result{
		ID: o.Mandate.ID, Scope: o.scope(), Reason: o.Mandate.Reason, Ordered: o.Mandate.Time, Steps: o.Done,
	}
}

// plan is what a mandate is given for.
func plan(scope string) []byte { return []byte("reset " + scope) }

// load returns the record; one that was never stored is empty.
func (r *Resetter) load(ctx context.Context) (record, error) {
	rec, err := r.record.LoadOr(ctx, record{})
	if err != nil {
		return record{}, fmt.Errorf("journal: %w", err)
	}
	return rec, nil
}

func (r *Resetter) keep(ctx context.Context, rec record) error {
	if err := r.record.Store(ctx, rec); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// Last returns the reset that ran to its end last, or an error that is
// [fs.ErrNotExist]. It is a typed read in process.
func (r *Resetter) Last(ctx context.Context) (Result, error) {
	rec, err := r.load(ctx)
	if err == nil && rec.Last == nil {
		err = fs.ErrNotExist
	}
	if err != nil {
		return Result{}, fmt.Errorf("reset: last: %w", err)
	}
	return *rec.Last, nil
}
