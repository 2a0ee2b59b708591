package reset

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/iot-device-baseline/baseline/access"
)

// Run is [Resetter.Accept] once the device runs, and waits until ctx ends.
func (r *Resetter) Run(ctx context.Context) error {
	if err := r.Accept(ctx); err != nil && ctx.Err() == nil {
		r.opts.Log.LogAttrs(ctx, slog.LevelError, access.EventResetDone, slog.String(access.KeyError, err.Error()))
	}
	<-ctx.Done()
	return ctx.Err()
}

// Accept tells of the resets that ended before this start: the device has come up after
// them. Each is told once, as an event in the log and as a notice, and again after an
// error, also after the next start; then Accept keeps that it was told. The event is
// written now, since the log was on hold, or destroyed, when the reset ended.
func (r *Resetter) Accept(ctx context.Context) error {
	r.working.Lock()
	defer r.working.Unlock()
	err := r.accept(ctx)
	if err != nil {
		err = fmt.Errorf("reset: accept: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.silent = err
	return err
}

func (r *Resetter) accept(ctx context.Context) error {
	rec, err := r.load(ctx)
	if err != nil || len(rec.Untold) == 0 || r.dir.Held() != nil {
		return err
	}
	for _, t := range rec.Untold {
		if err := r.tell(ctx, t); err != nil {
			return err
		}
	}
	rec.Untold = nil
	if rec.Last != nil {
		last := *rec.Last
		last.Accepted = true
		rec.Last = &last
	}
	return r.keep(ctx, rec)
}

// tell logs a reset, makes sure that the log has it, and gives notice of it.
func (r *Resetter) tell(ctx context.Context, t told) error {
	r.opts.Log.LogAttrs(ctx, access.LevelAudit, access.EventResetDone,
		slog.String(access.KeyScope, t.Scope), slog.String(access.KeyMandate, t.ID))
	if r.opts.Sync != nil {
		if err := r.opts.Sync(ctx); err != nil {
			return fmt.Errorf("event: %w", err)
		}
	}
	if r.opts.Notice == nil {
		return nil
	}
	err := r.opts.Notice(access.Detach(ctx), Notice{
		Type: NoticeDone, Key: t.ID, Urgent: true, Title: "The device was reset",
		Text: "Scope: " + t.Scope + ". The security floor was kept.",
	})
	if err != nil {
		return fmt.Errorf("notice: %w", err)
	}
	return nil
}
