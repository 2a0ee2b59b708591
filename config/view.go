package config

import (
	"context"
	"iter"
	"reflect"
)

// View reads settings as the type T of their schema. It may be used concurrently,
// and never waits for a change.
type View[T any] struct{ settings *Settings }

// NewView returns the view of s. A T that is not the type given to [For] is
// [ErrSchema].
func NewView[T any](s *Settings) (*View[T], error) {
	if typ := reflect.TypeFor[T](); s == nil || typ != s.schema.root.typ {
		return nil, &SchemaError{Field: typ.String(), Rule: "is not the settings type of the schema"}
	}
	return &View[T]{s}, nil
}

// Load returns the settings in force, all from one revision. It is one atomic
// load and allocates nothing. Everybody shares what it returns: do not change it.
func (v *View[T]) Load() *T { return v.settings.state.Load().inForce.(*T) }

// Watch yields the settings in force and then, until ctx is at its end, what takes
// their place, each consistent in itself. Changes that come faster than the loop
// takes them are skipped, except the last.
func (v *View[T]) Watch(ctx context.Context) iter.Seq[*T] {
	return func(yield func(*T) bool) {
		for {
			st := v.settings.state.Load()
			if ctx.Err() != nil || !yield(st.inForce.(*T)) {
				return
			}
			select {
			case <-st.next:
			case <-ctx.Done():
				return
			}
		}
	}
}
