package config

import (
	"context"
	"errors"
	"fmt"
)

// Applier brings a part of the device to new settings: it opens a port, starts a
// service, calls a Configure method.
//
// Who calls it: [Open] once with the stored settings and a nil old, and
// [Settings.Change], one call at a time. old and new are pointers to the settings
// type of the schema; most write an [ApplierFunc], which has them typed.
//
//   - When Apply returned nil, new is in force in that part, whatever was in force
//     before: old is only a hint, and nil at the start.
//   - It is repeatable: applying what is in force changes nothing.
//   - When Apply returned an error, Apply is called with old and new exchanged;
//     the part then goes back, also if it had done half.
//   - It keeps no settings of its own on a medium: they are applied at every start.
//   - It reads old and new, and never changes them. It must not call Change or
//     Apply of [Settings]: that would wait for ever. The others do not wait.
//   - Its error holds no secret and no value of a setting.
//
// The interface may gain optional siblings (a dry run, a health check for
// settings on trial). It has no kit yet.
type Applier interface {
	Apply(ctx context.Context, old, new any) error
}

// ApplierFunc is an [Applier] for settings of type T. old is nil at the start.
type ApplierFunc[T any] func(ctx context.Context, old, new *T) error

// Apply calls f. Settings of another type are an error.
func (f ApplierFunc[T]) Apply(ctx context.Context, old, new any) error {
	next, ok := new.(*T)
	if !ok {
		return fmt.Errorf("settings are %T, want %T", new, next)
	}
	before, _ := old.(*T)
	return f(ctx, before, next)
}

// NamedApplier is an applier and the name by which errors and events call it.
type NamedApplier struct {
	Name string // 1 to 64 printable characters
	To   Applier
}

// apply brings all appliers from old to new, or back.
func (s *Settings) apply(ctx context.Context, old, new any) error {
	for i, a := range s.opts.Appliers {
		err := a.To.Apply(ctx, old, new)
		if err == nil {
			continue
		}
		s.count(func(c *Stats) { c.Refused++ })
		refused := &ApplyError{Applier: a.Name, Cause: err}
		if old != nil {
			refused.Undo = s.undo(ctx, i, new, old)
		}
		return refused
	}
	return nil
}

// undo brings the appliers up to the last-th back, in reverse. All are asked,
// also when ctx is at its end.
func (s *Settings) undo(ctx context.Context, last int, from, to any) error {
	ctx = context.WithoutCancel(ctx)
	var errs []error
	for i := last; i >= 0; i-- {
		a := s.opts.Appliers[i]
		if err := a.To.Apply(ctx, from, to); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", a.Name, err))
		}
	}
	return errors.Join(errs...)
}
