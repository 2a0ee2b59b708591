package config

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/iot-device-baseline/baseline/access"
)

// carryOut applies, stores and publishes.
//
// Applying comes first and is not journalled: appliers keep nothing, Open applies
// what is stored again, and so the one Put decides whether a power cut leaves the
// old settings or the new ones.
func (s *Settings) carryOut(ctx context.Context, p *plan) (err error) {
	if lock := s.opts.Interlock; lock != nil {
		if err := lock.Begin(ctx, Operation); err != nil {
			return fmt.Errorf("config: change: %w", err)
		}
		defer func() {
			err := lock.End(context.WithoutCancel(ctx), Operation)
			s.note(func(i *illness) { i.interlock = err })
		}()
	}
	old, wanted := p.old.inForce, p.value.Addr().Interface()
	if err := s.apply(ctx, old, wanted); err != nil {
		if refused, ok := errors.AsType[*ApplyError](err); ok {
			s.note(func(i *illness) { i.undo = refused.Undo })
		}
		s.failed(ctx, p, err)
		return err
	}
	s.seq++
	r := s.schema.newRecord(s.seq, p.value, p.accepted)
	r.Bundle, r.Ownership = s.markOf(p, r), s.ownership()
	if err := s.keep(ctx, p, r); err != nil {
		s.count(func(c *Stats) { c.Failed++ })
		undo := s.undo(ctx, len(s.opts.Appliers)-1, wanted, old)
		s.note(func(i *illness) { i.undo = undo })
		s.failed(ctx, p, err)
		return fmt.Errorf("config: change: store: %w", err)
	}
	s.publish(p.value, r, wanted)
	s.count(func(c *Stats) { c.Changes++ })
	s.note(func(i *illness) { *i = illness{interlock: i.interlock} })
	return nil
}

// keep stores the floor, if it changes, and then the settings. After an error the
// old records are put back: which ones are on the medium is not known then.
func (s *Settings) keep(ctx context.Context, p *plan, r record) error {
	floor := s.schema.floorOf(r, p.value)
	was := s.schema.floorOf(p.old.record, p.old.value)
	changed := string(floor.Settings) != string(was.Settings) || s.illness().copies != nil && s.schema.root.floors
	var err error
	if changed {
		err = s.floor.Store(ctx, floor)
	}
	if err == nil {
		err = s.current.Store(ctx, r)
	}
	if err == nil {
		return nil
	}
	unsure := s.putBack(context.WithoutCancel(ctx), p.old, was, changed)
	s.note(func(i *illness) { i.unsure = unsure })
	return err
}

// putBack stores the records of the settings in force. Those of a device that is
// as it came have none.
func (s *Settings) putBack(ctx context.Context, old *state, floor record, withFloor bool) error {
	var errs []error
	if old.record.Sequence > 0 {
		errs = append(errs, s.current.Store(ctx, old.record))
	} else {
		errs = append(errs, s.current.Delete(ctx))
	}
	if withFloor && floor.Sequence > 0 {
		errs = append(errs, s.floor.Store(ctx, floor))
	} else if withFloor {
		errs = append(errs, s.floor.Delete(ctx))
	}
	return errors.Join(errs...)
}

// failed logs that the old settings stay.
func (s *Settings) failed(ctx context.Context, p *plan, err error) {
	s.event(ctx, access.EventConfigReverted, access.FromContext(ctx), p.changed, "not in force", slog.String(access.KeyError, err.Error()))
}
