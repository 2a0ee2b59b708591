package access

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// Limits of a record that leaves the device.
const (
	maxExported  = 256 // bytes of one string
	maxAttrDepth = 4
)

// Redactor turns records of events into what may leave the device: public and
// device values stay, ids of persons become pseudonyms, everything else is
// dropped and counted under [KeyDropped]. So are values that are not plain
// (numbers, times, printable text to 256 bytes), whatever their class. It may be
// used concurrently.
type Redactor struct {
	pseudonym func(ctx context.Context, subject string) (string, error)
}

// NewRedactor returns a Redactor that asks pseudonym, in a device [Pseudonyms.Of].
// With nil, ids of persons are dropped too.
func NewRedactor(pseudonym func(ctx context.Context, subject string) (string, error)) *Redactor {
	return &Redactor{pseudonym: pseudonym}
}

// Record returns what may leave the device of rec. A message that is no name of an
// event becomes "event.unnamed". An error of the pseudonyms is wrapped, and then
// nothing may leave.
func (r *Redactor) Record(ctx context.Context, rec slog.Record) (slog.Record, error) {
	var in []slog.Attr
	rec.Attrs(func(a slog.Attr) bool {
		in = append(in, a)
		return true
	})
	out, err := r.Attrs(ctx, in)
	if err != nil {
		return slog.Record{}, err
	}
	msg := rec.Message
	if !validPermission(Permission(msg)) { // the same grammar
		msg = "event.unnamed"
	}
	res := slog.NewRecord(rec.Time, rec.Level, msg, 0)
	res.AddAttrs(out...)
	return res, nil
}

// Attrs returns what may leave the device of attrs.
func (r *Redactor) Attrs(ctx context.Context, attrs []slog.Attr) ([]slog.Attr, error) {
	dropped := 0
	out, err := r.attrs(ctx, attrs, 0, &dropped)
	if err != nil {
		return nil, err
	}
	if dropped > 0 {
		out = append(out, slog.Int(KeyDropped, dropped))
	}
	return out, nil
}

func (r *Redactor) attrs(ctx context.Context, in []slog.Attr, depth int, dropped *int) ([]slog.Attr, error) {
	var out []slog.Attr
	for _, a := range in {
		a.Value = a.Value.Resolve()
		keep, err := r.attr(ctx, &a, depth, dropped)
		if err != nil {
			return nil, err
		}
		if !keep {
			*dropped++
			continue
		}
		out = append(out, a)
	}
	return out, nil
}

// attr changes a into what may leave, or reports that nothing of it may.
func (r *Redactor) attr(ctx context.Context, a *slog.Attr, depth int, dropped *int) (bool, error) {
	if a.Value.Kind() == slog.KindGroup {
		if depth == maxAttrDepth || a.Key != "" && !validWord(a.Key) {
			return false, nil
		}
		inner, err := r.attrs(ctx, a.Value.Group(), depth+1, dropped)
		a.Value = slog.GroupValue(inner...)
		return len(inner) > 0, err
	}
	switch ClassOf(a.Key) {
	case ClassPublic, ClassDevice:
		return plain(a.Value), nil
	case ClassPerson:
		if !isSubject(a.Key) || r.pseudonym == nil || a.Value.Kind() != slog.KindString || !validID(a.Value.String()) {
			return false, nil
		}
		p, err := r.pseudonym(ctx, a.Value.String())
		if err != nil {
			return false, fmt.Errorf("access: redact: %w", err)
		}
		a.Value = slog.StringValue(p)
		return true, nil
	}
	return false, nil
}

func plain(v slog.Value) bool {
	switch v.Kind() {
	case slog.KindString:
		return printable(v.String(), maxExported)
	case slog.KindTime:
		y := v.Time().In(time.UTC).Year()
		return y >= 0 && y <= 9999
	case slog.KindBool, slog.KindInt64, slog.KindUint64, slog.KindFloat64, slog.KindDuration:
		return true
	}
	return false
}
