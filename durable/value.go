package durable

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"github.com/iot-device-baseline/baseline/internal/strictjson"
)

// Value is one record of type T in a [Store]: strict JSON behind a format number.
// Every journal of this module is a Value of a state type of its own, under the
// rule intent, act (idempotent), make durable, result.
//
// A Value holds nothing in memory and may be used concurrently; who reads,
// changes and stores needs a lock of his own.
type Value[T any] struct {
	store Store
	name  string
	opts  ValueOptions[T]
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
	v := &Value[T]{store: s, name: name}
	if opts != nil {
		v.opts = *opts
	}
	v.opts.Format = max(v.opts.Format, 1)
	return v
}

// Load returns the record. One that was never stored gives an error that is
// [io/fs.ErrNotExist]; one that is damaged or does not pass Check [ErrCorrupt];
// one of a format that this release does not read [ErrFormat].
func (v *Value[T]) Load(ctx context.Context) (T, error) {
	var zero T
	raw, err := v.store.Get(ctx, v.name)
	if err != nil {
		return zero, err
	}
	value, err := v.decode(raw)
	if err != nil {
		return zero, fmt.Errorf("durable: load %s: %w", v.name, err)
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
	raw, err := v.encode(value)
	if err != nil {
		return fmt.Errorf("durable: store %s: %w", v.name, err)
	}
	return v.store.Put(ctx, v.name, raw)
}

// Delete removes the record.
func (v *Value[T]) Delete(ctx context.Context) error { return v.store.Delete(ctx, v.name) }

func (v *Value[T]) encode(value T) ([]byte, error) {
	if v.opts.Check != nil {
		if err := v.opts.Check(value); err != nil {
			return nil, fmt.Errorf("%w: %w", fs.ErrInvalid, err)
		}
	}
	format, encoded := v.opts.Format, any(value)
	if FormatOf(v.store) < v.opts.Format {
		if v.opts.Downgrade == nil {
			return nil, fmt.Errorf("format %d is not committed: %w", format, ErrFormat)
		}
		var err error
		if format, encoded, err = v.opts.Downgrade(value); err != nil {
			return nil, err
		}
	}
	text, err := json.Marshal(encoded)
	if err != nil {
		return nil, err
	}
	raw := append(append(strconv.AppendInt(nil, int64(format), 10), ' '), text...)
	// A record that could not be loaded again must not replace one that can.
	if _, err := v.decode(raw); err != nil {
		return nil, fmt.Errorf("%w: it could not be loaded again: %v", fs.ErrInvalid, err)
	}
	return raw, nil
}

func (v *Value[T]) decode(raw []byte) (T, error) {
	var value T
	number, text, ok := bytes.Cut(raw, []byte{' '})
	format, err := strconv.ParseUint(string(number), 10, 16)
	if !ok || err != nil || format == 0 {
		return value, fmt.Errorf("no format number: %w", ErrCorrupt)
	}
	switch {
	case int(format) > v.opts.Format, int(format) < v.opts.Format && v.opts.Upgrade == nil:
		return value, fmt.Errorf("record has format %d, this release reads %d: %w", format, v.opts.Format, ErrFormat)
	case int(format) < v.opts.Format:
		value, err = v.opts.Upgrade(int(format), text)
	default:
		err = strictjson.Decode(text, &value, strictjson.Limits{Bytes: v.opts.MaxBytes, Depth: v.opts.MaxDepth, Items: v.opts.MaxItems})
	}
	if err == nil && v.opts.Check != nil {
		err = v.opts.Check(value)
	}
	if err != nil {
		var zero T
		return zero, fmt.Errorf("%w: %v", ErrCorrupt, err)
	}
	return value, nil
}
