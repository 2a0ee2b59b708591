package baseline

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/iot-device-baseline/baseline/access"
)

// meetDrift gives up a release on trial whose composition is not the approved one.
// Without certainty that it is on trial nothing is given up.
func (d *Device) meetDrift(ctx context.Context) error {
	if len(d.drift) == 0 {
		return nil
	}
	_, reason := d.State()
	rolledBack, err := d.giveUpTrial(d.service(ctx), reason)
	if rolledBack {
		return ErrRolledBack
	}
	if err != nil {
		d.opts.Log.LogAttrs(ctx, access.LevelAudit, access.EventNonconforming, slog.String(access.KeyError, err.Error()))
	}
	if d.opts.OnDrift == DriftRefuse {
		return fmt.Errorf("%w: %s", ErrDrift, reason)
	}
	return nil
}

// giveUpTrial rolls back, if the updater says in time that this is a trial.
func (d *Device) giveUpTrial(ctx context.Context, reason string) (rolledBack bool, err error) {
	if d.updater == nil {
		return false, nil
	}
	d.bringUp(ctx, d.memberOf("Updater", d.updater))
	trial, err := d.onTrial(ctx)
	if err != nil || !trial {
		return false, err
	}
	err = d.bounded(ctx, "Updater rollback", func(ctx context.Context) error { return d.updater.Rollback(ctx, reason) })
	return err == nil, err
}

func (d *Device) onTrial(ctx context.Context) (bool, error) {
	var trial bool // written by an answer that comes too late, and then not read
	err := d.bounded(ctx, "Updater status", func(ctx context.Context) (err error) {
		_, trial, err = d.updater.Status(ctx)
		return err
	})
	if err != nil {
		return false, err
	}
	return trial, nil
}
