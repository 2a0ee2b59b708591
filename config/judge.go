package config

import (
	"context"
	"errors"
	"slices"

	"github.com/iot-device-baseline/baseline/access"
)

// authorize says whether the entity in ctx may do what p touches.
func (s *Settings) authorize(ctx context.Context, p *plan) error {
	err := s.permitted(ctx, s.auth, p)
	if err != nil {
		s.count(func(c *Stats) { c.Denied++ })
	}
	return err
}

func (s *Settings) permitted(ctx context.Context, a access.Authorizer, p *plan) error {
	if err := p.bundle.inScope(p); err != nil {
		return err
	}
	for _, path := range p.named {
		if err := s.schema.mayWrite(ctx, a, path); err != nil {
			return err
		}
	}
	for _, path := range p.implied {
		if err := s.schema.mayWrite(ctx, a, path); err != nil {
			return unnamed(err)
		}
	}
	repairs := len(p.changed) == 0 && p.report.invalid == 0 && !s.fit()
	if len(p.named)+len(p.implied) > 0 && !repairs {
		return nil
	}
	_, err := access.Check(ctx, a, access.ConfigWrite, "")
	return err
}

// unnamed takes out of a denial the setting that only the settings in force made
// it about: an empty document would else tell which entries there are.
func unnamed(err error) error {
	var denied *access.DeniedError
	if !errors.As(err, &denied) {
		return err
	}
	return &access.DeniedError{Permission: access.ConfigWrite, Reason: denied.Reason, Missing: denied.Missing}
}

// judge says why the change, which is authorised, may not be.
func (s *Settings) judge(p *plan) error {
	if err := p.check(); err != nil {
		return err
	}
	if p.IfRevision != "" && p.IfRevision != p.old.revision {
		s.count(func(c *Stats) { c.Conflict++ })
		return errConflict()
	}
	if p.report.invalid == 0 {
		s.grade(p)
	}
	if p.report.invalid > 0 {
		s.count(func(c *Stats) { c.Invalid++ })
		return p.report.refusal()
	}
	refused := slices.DeleteFunc(slices.Clone(p.insecure), func(f Finding) bool {
		return slices.Contains(p.AcceptInsecure, f.Path)
	})
	if len(refused) > 0 {
		s.count(func(c *Stats) { c.Insecure++ })
		return &ReportError{Report: refused}
	}
	return nil
}

// grade sorts the findings about the wanted settings: those of settings that stay
// as they are were accepted before.
func (s *Settings) grade(p *plan) {
	all := reporter{all: true}
	s.schema.grade(&all, p.value)
	before := map[string]bool{}
	if all.list.Has(Insecure) {
		for _, path := range s.schema.insecure(p.old.value) {
			before[path] = true
		}
	}
	for _, f := range all.list {
		changed := p.alters[s.schema.root.find(f.Path).setting]
		switch {
		case f.Severity == Insecure && (changed || !before[f.Path]):
			p.insecure = append(p.insecure, f)
			p.report.addPath(f.Path, f.Rule, Insecure)
		case f.Severity == Insecure && s.changedHands(p.old.record):
			p.left = append(p.left, f)
		case f.Severity == Invalid || changed:
			p.report.addPath(f.Path, f.Rule, f.Severity)
		}
		if f.Severity == Insecure {
			p.accepted = append(p.accepted, f.Path)
		}
	}
	if len(p.accepted) > MaxFindings {
		p.report.add(nil, "too many insecure choices", Invalid)
	}
}
