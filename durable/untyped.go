package durable

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"strconv"

	"github.com/iot-device-baseline/baseline/internal/strictjson"
)

// untyped is a Value without its type: this code is in the binary once, and not
// once for each type, which on a small device counts. Values are passed as
// pointers to them; the functions are nil where the options had none.
type untyped struct {
	store     Store
	name      string
	format    int
	limits    strictjson.Limits
	check     func(value any) error
	upgrade   func(format int, old []byte, into any) error
	downgrade func(value any) (format int, encoded any, err error)
}

func (u *untyped) load(ctx context.Context, into any) error {
	raw, err := u.store.Get(ctx, u.name)
	if err != nil {
		return err
	}
	if err := u.decode(raw, into); err != nil {
		return fmt.Errorf("durable: load %s: %w", u.name, err)
	}
	return nil
}

// keep stores value; again is a zero value of the type, to try the loading on.
func (u *untyped) keep(ctx context.Context, value, again any) error {
	raw, err := u.encode(value, again)
	if err != nil {
		return fmt.Errorf("durable: store %s: %w", u.name, err)
	}
	return u.store.Put(ctx, u.name, raw)
}

func (u *untyped) encode(value, again any) ([]byte, error) {
	if u.check != nil {
		if err := u.check(value); err != nil {
			return nil, fmt.Errorf("%w: %w", fs.ErrInvalid, err)
		}
	}
	format, encoded := u.format, value
	if FormatOf(u.store) < u.format {
		if u.downgrade == nil {
			return nil, fmt.Errorf("format %d is not committed: %w", format, ErrFormat)
		}
		var err error
		if format, encoded, err = u.downgrade(value); err != nil {
			return nil, err
		}
	}
	text, err := json.Marshal(encoded)
	if err != nil {
		return nil, err
	}
	raw := append(append(strconv.AppendInt(nil, int64(format), 10), ' '), text...)
	// A record that could not be loaded again must not replace one that can.
	if err := u.decode(raw, again); err != nil {
		return nil, fmt.Errorf("%w: it could not be loaded again: %v", fs.ErrInvalid, err)
	}
	return raw, nil
}

func (u *untyped) decode(raw []byte, into any) error {
	number, text, ok := bytes.Cut(raw, []byte{' '})
	format, err := strconv.ParseUint(string(number), 10, 16)
	if !ok || err != nil || format == 0 {
		return fmt.Errorf("no format number: %w", ErrCorrupt)
	}
	switch {
	case int(format) > u.format, int(format) < u.format && u.upgrade == nil:
		return fmt.Errorf("record has format %d, this release reads %d: %w", format, u.format, ErrFormat)
	case int(format) < u.format:
		err = u.upgrade(int(format), text, into)
	default:
		err = strictjson.Decode(text, into, u.limits)
	}
	if err == nil && u.check != nil {
		err = u.check(into)
	}
	if err != nil {
		return fmt.Errorf("%w: %v", ErrCorrupt, err)
	}
	return nil
}

func (u *untyped) remove(ctx context.Context) error { return u.store.Delete(ctx, u.name) }
