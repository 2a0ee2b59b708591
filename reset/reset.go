package reset

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
)

// Reset carries out scope. nil means that every step has ended; the device is on hold
// until it has started again, which Options.Restart brings about. Once the order is
// kept the reset goes on even if ctx ends. reason is 1 to 200 bytes of printable ASCII
// and stands in the result, so name nobody.
//
// Who asks needs [access.ResetRequest] on the scope and what its steps need. From the
// order on the work is that of a mandate: that the steps end the authority of who
// ordered it, or a power cut, ends nothing.
//
// While a reset is not finished only its own scope can be ordered again, which goes on
// where it stopped; another one is [ErrPending]. When its order was lost or cannot be
// read, a scope to which every step belongs does too.
//
// Errors: an [access.DeniedError]; [ErrInterrupted] with those of the steps;
// [ErrPending]; [ErrRestart]; the Interlock's; [fs.ErrInvalid] for a scope that there
// is not.
func (r *Resetter) Reset(ctx context.Context, scope, reason string) error {
	if !slices.Contains(r.Scopes(), scope) {
		return fmt.Errorf("reset: no scope %.32q: %w", scope, fs.ErrInvalid)
	}
	if reason == "" || !printable(reason, access.MaxReason) {
		return fmt.Errorf("reset: a reason is 1 to %d bytes of printable ASCII: %w", access.MaxReason, fs.ErrInvalid)
	}
	if _, err := access.Check(ctx, r.guard, access.ResetRequest, scope); err != nil {
		return fmt.Errorf("reset: %w", err)
	}
	r.working.Lock()
	defer r.working.Unlock()
	if scope != Restart {
		if err := r.reset(ctx, scope, reason); err != nil {
			return fmt.Errorf("reset: %s: %w", scope, err)
		}
	}
	return r.restart(context.WithoutCancel(ctx), scope, reason)
}

func (r *Resetter) restart(ctx context.Context, scope, reason string) error {
	if r.opts.Restart == nil {
		return nil
	}
	if err := r.opts.Restart(access.Detach(ctx), reason); err != nil {
		return fmt.Errorf("reset: %s: %w: %w", scope, ErrRestart, err)
	}
	return nil
}

func (r *Resetter) reset(ctx context.Context, scope, reason string) error {
	rec, err := r.load(ctx)
	if err != nil && !errors.Is(err, durable.ErrCorrupt) {
		return err
	}
	if err := r.owed(rec, err != nil, scope); err != nil {
		return err
	}
	o, err := r.order(ctx, &rec, scope, reason)
	if err != nil {
		return err
	}
	return r.carryOut(context.WithoutCancel(ctx), rec, o)
}

// owed refuses a scope while another has begun: data that a half done factory reset
// left must not be what a lesser one hands to the next owner.
func (r *Resetter) owed(rec record, lost bool, scope string) error {
	begun := ""
	switch {
	case rec.Pending != nil:
		begun = rec.Pending.scope()
	case r.orphan(rec):
		begun = strings.TrimPrefix(r.dir.Held().Reason(), holdPrefix)
	case !lost:
		return nil
	}
	if scope == begun || rec.Pending == nil && r.whole(scope) {
		return nil
	}
	return fmt.Errorf("%.32q: %w", begun, ErrPending)
}

// whole reports whether every step there is belongs to scope, so that it ends whatever
// was begun.
func (r *Resetter) whole(scope string) bool {
	return !slices.ContainsFunc(r.steps, func(s Step) bool { return !slices.Contains(s.Scopes, scope) })
}

// order keeps what is ordered. Until it returned nil nothing else has changed. Steps
// that an order of the same scope has ended stay ended, unless another owner has come
// since.
func (r *Resetter) order(ctx context.Context, rec *record, scope, reason string) (*order, error) {
	if r.opts.Interlock != nil {
		if err := r.opts.Interlock.Begin(ctx, Operation); err != nil {
			return nil, err
		}
	}
	m, err := r.guard.NewMandate(ctx, access.MandateRequest{
		Acts: actsOf(r.steps, scope), Reason: reason, Plan: plan(scope),
	})
	o := &order{Mandate: m}
	if rec.Pending != nil && r.counts(ctx, rec.Pending) {
		o.Done = rec.Pending.Done
	}
	next := record{Pending: o, Untold: rec.Untold}
	if err == nil {
		err = r.keep(ctx, next)
	}
	if err != nil {
		return nil, errors.Join(err, r.end(ctx))
	}
	*rec = next
	return o, nil
}

// counts reports whether what o has ended is still ended: not once another owner has
// come, whose ownership is to end as well.
func (r *Resetter) counts(ctx context.Context, o *order) bool {
	_, err := r.guard.Resume(ctx, o.Mandate)
	return err == nil
}

func (r *Resetter) end(ctx context.Context) error {
	if r.opts.Interlock == nil {
		return nil
	}
	return r.opts.Interlock.End(context.WithoutCancel(ctx), Operation)
}

// carryOut does what was ordered: nothing is destroyed before the directory is on hold.
func (r *Resetter) carryOut(ctx context.Context, rec record, o *order) error {
	ctx, err := r.guard.Resume(ctx, o.Mandate)
	if err == nil && !r.held() {
		o.Done = nil // what was open since may have brought it back
		err = r.hold(ctx, o.scope())
	}
	if err == nil {
		err = r.run(ctx, rec, o)
	}
	if err == nil {
		err = r.keep(ctx, o.end(rec))
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInterrupted, err)
	}
	return nil
}

// run does the steps that have not ended, and keeps the end of each. One that fails
// holds back no other: what can be destroyed is.
func (r *Resetter) run(ctx context.Context, rec record, o *order) error {
	left, err := r.left(o)
	errs := []error{err}
	for i, s := range left {
		method, err := s.Run(ctx, o.scope())
		if err != nil {
			errs = append(errs, fmt.Errorf("step %s: %w", s.Name, err))
			continue
		}
		if !printable(method, maxMethod) {
			method = "not printable"
		}
		o.Done = append(o.Done, Done{Step: s.Name, Method: method})
		if i+1 == len(left) && errors.Join(errs...) == nil {
			break // the completion comes next
		}
		errs = append(errs, r.keep(ctx, record{Pending: o, Untold: rec.Untold}))
	}
	return errors.Join(errs...)
}

// left returns the steps that have not ended. A release that does not know the scope
// any more cannot end it.
func (r *Resetter) left(o *order) (left []Step, err error) {
	if !slices.Contains(r.Scopes(), o.scope()) {
		return nil, fmt.Errorf("no scope %.32q: %w", o.scope(), fs.ErrInvalid)
	}
	for _, s := range r.steps {
		if slices.Contains(s.Scopes, o.scope()) && !o.did(s.Name) {
			left = append(left, s)
		}
	}
	return left, nil
}
