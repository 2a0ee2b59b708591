package config

import (
	"context"
	"reflect"

	"github.com/iot-device-baseline/baseline/access"
)

// What a reset leaves, and whose choice it was.
//
// A floor is the least of security that a reset does not undo. An insecure choice is
// none: he who made it may have sold the device, and its next owner accepted nothing.

// bringFloor brings the floor r into force, but for what is insecure. That has its
// default again, also in what is stored. To store it fails is ill health, and no more:
// the next start finds it again.
func (s *Settings) bringFloor(ctx context.Context, r record) error {
	v, report, err := s.schema.restore(r, s.schema.defaults)
	if err != nil {
		return err
	}
	dropped := s.schema.secure(v)
	if err := s.apply(ctx, nil, v.Addr().Interface()); err != nil {
		return err
	}
	if len(dropped) > 0 {
		r = s.schema.floorOf(r, v)
	}
	s.publish(v, r, v.Addr().Interface())
	s.startFindings(ctx, r, report.without(Insecure))
	if len(dropped) > 0 {
		s.noFloor(ctx, dropped)
	}
	if len(dropped) > 0 && !s.ill.partly { // else the release before finds what it stored
		s.ill.copies = s.floor.Store(ctx, r)
	}
	return ctx.Err()
}

// secure gives insecure choices in v their default, and returns them. When that does
// not do, since a rule is about several settings, all of v has its default.
func (s *Schema) secure(v reflect.Value) (dropped Report) {
	graded := reporter{all: true}
	s.grade(&graded, v)
	dropped = graded.list.Only(Insecure)
	for _, f := range dropped {
		s.root.resetAt(v, f.Path)
	}
	again := reporter{all: true}
	if s.grade(&again, v); again.invalid > 0 || again.list.Has(Insecure) {
		s.root.diff(nil, s.defaults, v, func(at pointer) {
			dropped = append(dropped, Finding{Path: at.String(), Rule: "leaves another choice insecure", Severity: Insecure})
		})
		v.Set(s.defaults)
	}
	return dropped
}

// noFloor tells of insecure choices that did not come back.
func (s *Settings) noFloor(ctx context.Context, dropped Report) {
	for _, f := range dropped {
		general := s.schema.root.find(f.Path).general
		s.event(ctx, access.EventConfigReverted, nil, []string{f.Path}, "insecure, and so no floor: "+f.Rule)
		s.notice(ctx, Notice{
			Type: NoticeSetting, Key: general, Title: "A setting has its default again",
			Text: "The value of " + general + " that was kept is insecure, and did not come back: " + f.Rule + ".",
		})
	}
}

// ownership is the present one, or "" while there is none or a device without bundles
// does not say.
func (s *Settings) ownership() string {
	if s.opts.Bundles == nil {
		return ""
	}
	return s.opts.Bundles.Ownership()
}

// changedHands reports whether the choices in r were accepted under an ownership that
// is known to be over.
func (s *Settings) changedHands(r record) bool {
	now := s.ownership()
	return r.Ownership != "" && now != "" && now != r.Ownership
}
