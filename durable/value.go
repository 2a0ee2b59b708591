package durable

import (
	"context"
	"errors"
	"io/fs"

	"github.com/iot-device-baseline/baseline/internal/strictjson"
)

// Value is one record of type T in a [Store]: strict JSON behind a format number.
// Every journal of this module is a Value of a state type of its own, under the
// rule intent, act (idempotent), make durable, result.
//
// A Value holds nothing in memory and may be used concurrently; who reads,
// changes and stores needs a lock of his own.
type Value[T any] struct {
	untyped untyped
}

// ValueOptions are the options of [NewValue].
type ValueOptions[T any] struct {
	// Format is the directory format (see [Dir.Commit]) with which the encoding
	// of T came in; default 1.
	Format int
	// Upgrade decodes the JSON of an older format. Without it older records are
	// ErrFormat.
	Upgrade func(format int, old []byte) (T, error)
	// Downgrade encodes for the release before, in the format that release
	// writes, until the running one is committed. It needs Upgrade. Without it
	// nothing can be stored before the commit.
	Downgrade func(T) (format int, value any, err error)
	// Check says why a decoded or given T is not valid; nil accepts all.
	Check func(T) error
	// Limits of the decoded JSON; 0 means 1 MiB, 16 levels, 10,000 items.
	MaxBytes, MaxDepth, MaxItems int
}

// NewValue returns the record called name in s. It does no I/O.
func NewValue[T any](s Store, name string, opts *ValueOptions[T]) *Value[T] {
	v := &Value[T]{untyped{store: s, name: name, format: 1}}
	if opts == nil {
		return v
	}
	o := *opts
	u := &v.untyped
	u.format = max(o.Format, 1)
	u.limits = strictjson.Limits{Bytes: o.MaxBytes, Depth: o.MaxDepth, Items: o.MaxItems}
	if o.Check != nil {
		u.check = func(value any) error { return o.Check(*value.(*T)) }
	}
	if o.Upgrade != nil {
		u.upgrade = func(format int, old []byte, into any) (err error) {
			*into.(*T), err = o.Upgrade(format, old)
			return err
		}
	}
	if o.Downgrade != nil {
		u.downgrade = func(value any) (int, any, error) { return o.Downgrade(*value.(*T)) }
	}
	return v
}

// Load returns the record. One that was never stored gives an error that is
// [io/fs.ErrNotExist]; one that is damaged or does not pass Check [ErrCorrupt];
// one of a format that this release does not read [ErrFormat].
func (v *Value[T]) Load(ctx context.Context) (T, error) {
	var value, zero T
	if err := v.untyped.load(ctx, &value); err != nil {
		return zero, err
	}
	return value, nil
}

// LoadOr is Load, but gives fallback when the record was never stored.
func (v *Value[T]) LoadOr(ctx context.Context, fallback T) (T, error) {
	value, err := v.Load(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return fallback, nil
	}
	return value, err
}

// Store keeps value as the record. A value that does not pass Check, or that could
// not be loaded again (text that is not UTF-8, more than the limits), gives an
// error that is [io/fs.ErrInvalid], and the record stays.
func (v *Value[T]) Store(ctx context.Context, value T) error {
	return v.untyped.keep(ctx, &value, new(T))
}

// Delete removes the record.
func (v *Value[T]) Delete(ctx context.Context) error { return v.untyped.remove(ctx) }
