package config

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
)

// check looks at the arguments of Open.
func (s *Settings) check(store durable.Store) error {
	if store == nil || s.schema == nil {
		return fmt.Errorf("config: open: no store or no schema: %w", fs.ErrInvalid)
	}
	var names []string
	for _, a := range s.opts.Appliers {
		if a.To == nil || a.Name == "" || utf8.RuneCountInString(a.Name) > 64 || !charsetByName("text").holds(a.Name) {
			return fmt.Errorf("config: open: applier %q: has no name or is nil: %w", clip(a.Name), fs.ErrInvalid)
		}
		if slices.Contains(names, a.Name) {
			return fmt.Errorf("config: open: applier %q: is there twice: %w", a.Name, fs.ErrInvalid)
		}
		names = append(names, a.Name)
	}
	if b := s.opts.Bundles; b != nil && b.check != nil {
		return b.check(b, s.schema)
	} else if b != nil {
		return fmt.Errorf("config: open: bundles are not from NewBundles: %w", fs.ErrInvalid)
	}
	return nil
}

// stored is a record as found at the start.
type stored struct {
	record record
	err    error // why there is none
}

func (r stored) missing() bool { return errors.Is(r.err, fs.ErrNotExist) }

// load reads a record. An error that may pass is returned; damage is not.
func load(ctx context.Context, v *durable.Value[record]) (stored, error) {
	r, err := v.Load(ctx)
	if errors.Is(err, durable.ErrHeld) || errors.Is(err, fs.ErrClosed) || ctx.Err() != nil {
		return stored{}, err
	}
	return stored{record: r, err: err}, nil
}

// start brings stored settings into force, the best that there are.
func (s *Settings) start(ctx context.Context) error {
	current, err1 := load(ctx, s.current)
	good, err2 := load(ctx, s.good)
	floor, err3 := load(ctx, s.floor)
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	s.seq = max(current.record.Sequence, good.record.Sequence, floor.record.Sequence)
	var refused error
	if current.err == nil {
		if refused = s.bring(ctx, current.record, s.schema.defaults); refused == nil {
			return s.settle(ctx, current, good, floor)
		}
	}
	if err := s.fallBack(ctx, current, good, floor, refused); err != nil {
		return err
	}
	if errors.Is(refused, ErrRefused) {
		v, _, err := s.schema.restore(current.record, s.schema.defaults)
		s.publish(v, current.record, s.state.Load().inForce)
		return err
	}
	return nil
}

// fallBack brings into force what is left when there are no current settings, or
// none that can be used.
func (s *Settings) fallBack(ctx context.Context, current, good, floor stored, refused error) error {
	if current.missing() && good.missing() {
		return s.fromFloor(ctx, floor)
	}
	s.fellBack(ctx, "the settings", errors.Join(current.err, refused))
	if good.err == nil {
		if refused = s.bring(ctx, good.record, s.schema.defaults); refused == nil {
			s.reverted(ctx, "the last good settings")
			return nil
		}
	}
	s.fellBack(ctx, "the last good settings", errors.Join(good.err, refused))
	s.reverted(ctx, "the defaults and the floor")
	return s.fromFloor(ctx, floor)
}

// fromFloor brings defaults and floor into force: at the first start, after a
// reset, and when nothing else is left.
func (s *Settings) fromFloor(ctx context.Context, floor stored) error {
	if floor.err == nil {
		err := s.bringFloor(ctx, floor.record)
		if err == nil {
			return nil
		}
		s.fellBack(ctx, "the floor", err)
	} else if !floor.missing() {
		s.fellBack(ctx, "the floor", floor.err)
	}
	return s.bring(ctx, record{Settings: []byte("{}")}, s.schema.defaults)
}

// bring decodes r over base as far as it is valid, applies and publishes it.
func (s *Settings) bring(ctx context.Context, r record, base reflect.Value) error {
	v, report, err := s.schema.restore(r, base)
	if err != nil {
		return err
	}
	if err := s.apply(ctx, nil, v.Addr().Interface()); err != nil {
		return err
	}
	s.publish(v, r, v.Addr().Interface())
	s.startFindings(ctx, r, report)
	return nil
}

// restore decodes a stored record as far as it is valid under this schema: what
// another release stored may not be. The others have their default.
func (s *Schema) restore(r record, base reflect.Value) (reflect.Value, Report, error) {
	v, found := s.decode(r.Settings, base, reflect.Value{}, decoder{unknown: Warning, report: reporter{all: true}})
	for range len(s.rules) + 1 {
		graded := reporter{all: true}
		s.grade(&graded, v)
		found.list = append(found.list, graded.list...)
		if graded.invalid == 0 {
			return v, found.list, nil
		}
		for _, f := range graded.list.Only(Invalid) {
			s.root.resetAt(v, f.Path)
		}
		found.list = found.list.without(Insecure) // of values that may be gone
	}
	return v, nil, &ReportError{Report: found.list.Only(Invalid)}
}

func (r Report) without(s Severity) Report {
	return slices.DeleteFunc(r, func(f Finding) bool { return f.Severity == s })
}

// resetAt sets the setting at path to its default, or the whole list or map in which
// it is.
func (n *node) resetAt(v reflect.Value, path string) {
	for seg := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if n.kind != kObject {
			break
		}
		n = n.fields[n.byName[seg]]
		v = v.Field(n.index)
	}
	n.reset(v)
}

// settle keeps settings that came up as the last good ones, and the floor beside
// them. A failure is ill health, but no reason not to start.
func (s *Settings) settle(ctx context.Context, current, good, floor stored) error {
	st := s.state.Load()
	if !s.ill.partly && (good.err != nil || !sameRecord(good.record, current.record)) {
		if err := s.good.Store(ctx, current.record); err != nil {
			s.ill.copies = err
		}
	}
	if want := s.schema.floorOf(st.record, st.value); s.schema.root.floors && !s.floorIs(floor, want) {
		if err := s.floor.Store(ctx, want); err != nil {
			s.ill.copies = err
		}
	}
	return ctx.Err()
}

// floorIs reports whether the stored floor holds the settings of want. None is as
// good as one that differs nowhere from the defaults.
func (s *Settings) floorIs(floor stored, want record) bool {
	if floor.missing() {
		return string(want.Settings) == "{}"
	}
	return floor.err == nil && string(floor.record.Settings) == string(want.Settings)
}

func sameRecord(a, b record) bool {
	return a.Sequence == b.Sequence && a.Nonce == b.Nonce && string(a.Settings) == string(b.Settings)
}

// startFindings tells of stored settings that this release does not take as they are.
func (s *Settings) startFindings(ctx context.Context, r record, report Report) {
	s.ill.partly = false
	for _, f := range report {
		general := s.schema.root.find(f.Path).general
		switch {
		case f.Severity == Invalid:
			s.ill.partly = true
			s.event(ctx, access.EventConfigReverted, nil, []string{f.Path}, "not valid in this release: "+f.Rule)
			s.notice(ctx, Notice{Type: NoticeSetting, Key: general, Title: "A setting has its default again",
				Text: "The stored value of " + general + " is not valid in this release: " + f.Rule + "."})
		case f.Severity == Insecure && (s.changedHands(r) || !slices.Contains(r.Accepted, f.Path)):
			s.event(ctx, access.EventConfigInsecure, nil, []string{f.Path}, f.Rule)
			s.notice(ctx, insecureNotice(general, f.Rule))
		}
	}
}
