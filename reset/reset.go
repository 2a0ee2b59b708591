package reset

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"

	"github.com/iot-device-baseline/baseline/access"
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
// Errors: an [access.DeniedError]; [ErrInterrupted] with that of the step;
// [ErrRestart]; the Interlock's; [fs.ErrInvalid] for a scope that there is not.
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
	o, err := r.order(ctx, scope, reason)
	if err != nil {
		return err
	}
	return r.carryOut(context.WithoutCancel(ctx), o)
}

// order keeps what is ordered. Until it returned nil nothing else has changed.
func (r *Resetter) order(ctx context.Context, scope, reason string) (*order, error) {
	if r.opts.Interlock != nil {
		if err := r.opts.Interlock.Begin(ctx, Operation); err != nil {
			return nil, err
		}
	}
	m, err := r.guard.NewMandate(ctx, access.MandateRequest{
		Acts: actsOf(r.steps, scope), Reason: reason, Plan: plan(scope),
	})
	o := &order{Mandate: m}
	if err == nil {
		err = r.keep(ctx, record{Pending: o})
	}
	if err != nil {
		return nil, errors.Join(err, r.end(ctx))
	}
	return o, nil
}

func (r *Resetter) end(ctx context.Context) error {
	if r.opts.Interlock == nil {
		return nil
	}
	return r.opts.Interlock.End(context.WithoutCancel(ctx), Operation)
}

// carryOut does what was ordered: nothing is destroyed before the directory is on hold.
func (r *Resetter) carryOut(ctx context.Context, o *order) error {
	ctx, err := r.guard.Resume(ctx, o.Mandate)
	if err == nil {
		err = r.hold(ctx, o.scope())
	}
	if err == nil {
		err = r.run(ctx, o)
	}
	if err == nil {
		err = r.keep(ctx, record{Last: o.result()})
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInterrupted, err)
	}
	r.opts.Log.LogAttrs(ctx, access.LevelAudit, access.EventResetDone,
		slog.String(access.KeyScope, o.scope()), slog.String(access.KeyMandate, o.Mandate.ID),
		slog.String(access.KeyOnBehalf, o.Mandate.Principal))
	return nil
}

// run does the steps that have not ended, and keeps the end of each.
func (r *Resetter) run(ctx context.Context, o *order) error {
	var left []Step
	for _, s := range r.steps {
		if slices.Contains(s.Scopes, o.scope()) && !o.did(s.Name) {
			left = append(left, s)
		}
	}
	for i, s := range left {
		method, err := s.Run(ctx, o.scope())
		if err != nil {
			return fmt.Errorf("step %s: %w", s.Name, err)
		}
		if !printable(method, maxMethod) {
			method = "not printable"
		}
		o.Done = append(o.Done, Done{Step: s.Name, Method: method})
		if i+1 == len(left) {
			break // the completion comes next
		}
		if err := r.keep(ctx, record{Pending: o}); err != nil {
			return err
		}
	}
	return nil
}

// Resume finishes a reset that was ordered and interrupted, and lets the device open
// after one that ended. Call it at every start, with the vault and the guard open and
// before anything else is: while the directory is on hold everything else answers
// [durable.ErrHeld]. It asks for no permission, since the order carries its mandate.
// It may be called again after an error.
//
// [ErrOrphan]: the directory is on hold for a reset and there is no order. Nothing was
// reset and nothing opens: whoever may orders one.
func (r *Resetter) Resume(ctx context.Context) error {
	r.working.Lock()
	defer r.working.Unlock()
	if err := r.resume(ctx); err != nil {
		return fmt.Errorf("reset: resume: %w", err)
	}
	return nil
}

func (r *Resetter) resume(ctx context.Context) error {
	rec, err := r.load(ctx)
	switch {
	case err != nil:
		return err
	case rec.Pending == nil && !r.held():
		return nil
	case rec.Pending == nil && rec.Last == nil:
		return ErrOrphan
	}
	if r.opts.Interlock != nil {
		if err := r.opts.Interlock.Resume(ctx, Operation); err != nil {
			return err
		}
	}
	if rec.Pending != nil {
		err = r.again(ctx, rec.Pending)
	}
	if err == nil && r.held() {
		err = r.dir.Held().Release(ctx)
	}
	if err != nil {
		return err // it stays pending for the others too
	}
	return r.end(ctx)
}

// again takes up an order. One that allows nothing any more, since another ownership
// has begun, and that destroyed nothing, is dropped.
func (r *Resetter) again(ctx context.Context, o *order) error {
	if err := r.guard.Health(ctx); err != nil {
		return err // it cannot tell whose order this is
	}
	if _, err := r.guard.Resume(ctx, o.Mandate); errors.Is(err, access.ErrDenied) && !r.held() {
		return r.keep(ctx, record{})
	}
	return r.carryOut(context.WithoutCancel(ctx), o)
}
