package reset

import (
	"context"
	"errors"
	"fmt"

	"github.com/iot-device-baseline/baseline/access"
)

// Resume finishes a reset that was ordered and interrupted, and lets the device open
// after one that ended. Call it at every start, also when the directory is not on hold,
// with the vault and the guard open and before anything else is: while the directory
// is on hold everything else answers [durable.ErrHeld]. It asks for no permission,
// since the order carries its mandate. It may be called again after an error.
//
// The hold is released only by a process that found it at its start. One that was cut
// between the order and the hold began as if nothing were to do, and may have opened
// other parts: Resume takes the hold then, does the steps, asks for the restart and
// returns [ErrRestart], and the next start releases it. End the process on that error.
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
	case r.orphan(rec):
		return ErrOrphan
	case rec.Pending == nil && !r.held():
		return nil
	case rec.Pending == nil && r.opened():
		return ErrRestart // this process ordered it, and asked for the restart
	}
	if r.opts.Interlock != nil {
		if err := r.opts.Interlock.Resume(ctx, Operation); err != nil {
			return err
		}
	}
	if rec.Pending != nil {
		err = r.again(ctx, rec)
	}
	if err == nil && r.held() {
		err = r.open(ctx, rec)
	}
	if err != nil {
		return err // it stays pending for the others too
	}
	return r.end(ctx)
}

// open lets everything else open, if this process was shut out itself.
func (r *Resetter) open(ctx context.Context, rec record) error {
	if !r.opened() {
		return r.dir.Held().Release(ctx)
	}
	o := rec.Pending
	return errors.Join(ErrRestart, r.restart(context.WithoutCancel(ctx), o.scope(), o.Mandate.Reason))
}

// again takes up an order. One that allows nothing any more, since another ownership
// has begun, and that destroyed nothing, is dropped.
func (r *Resetter) again(ctx context.Context, rec record) error {
	o := rec.Pending
	if err := r.guard.Health(ctx); err != nil {
		return err // it cannot tell whose order this is
	}
	if _, err := r.guard.Resume(ctx, o.Mandate); errors.Is(err, access.ErrDenied) && !r.held() {
		return r.keep(ctx, record{Untold: rec.Untold})
	}
	return r.carryOut(context.WithoutCancel(ctx), rec, o)
}
