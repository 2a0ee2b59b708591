package config

import (
	"context"
	"reflect"
	"slices"
	"unicode/utf8"

	"github.com/iot-device-baseline/baseline/access"
)

// Change is a wanted change: a Document or a Patch.
type Change struct {
	// Document is a whole document. What it leaves out gets its default, except
	// secrets, which stay. [access.ConfigWrite] is asked for each setting that it
	// names or alters: who may write only some settings sends a Patch.
	Document []byte
	// Patch is an RFC 7396 merge patch: members replace settings, null gives a
	// setting its default and removes the entry of a map; lists are replaced.
	Patch []byte
	// IfRevision refuses the change with [ErrConflict] unless this is the revision
	// in force; "" takes any.
	IfRevision string
	// AcceptInsecure are the paths of [Insecure] findings that are accepted
	// knowingly; at most [MaxFindings].
	AcceptInsecure []string
	// Reason goes into the event: at most 256 printable characters.
	Reason string
}

// Result tells what a change did.
type Result struct {
	Revision string   // of the settings now in force
	Report   Report   // warnings and accepted insecure choices of the settings that changed
	Changed  []string // paths of the settings that have another value now
	Restart  []string // those of Changed that take effect with the next restart
}

func (c *Change) check() error {
	switch {
	case (c.Document == nil) == (c.Patch == nil):
		return invalid("", "a change is a document or a patch")
	case len(c.AcceptInsecure) > MaxFindings:
		return invalid("", "too many accepted paths")
	case utf8.RuneCountInString(c.Reason) > 256 || !charsetByName("text").holds(c.Reason):
		return invalid("", "a reason has at most 256 printable characters")
	case len(c.IfRevision) > 64:
		return &conflictError{}
	}
	return nil
}

type conflictError struct{ revision string }

func (e *conflictError) Error() string {
	return "config: change: " + ErrConflict.Error() + ": " + e.revision
}
func (e *conflictError) Unwrap() error { return ErrConflict }

// Change brings other settings into force, or leaves everything as it is. In this
// order: authorise each setting it names or alters (27402 5.2.2.1.1); compare the
// revision; validate; grade; ask the interlock; apply; store. nil means in force
// and kept: a power cut before that leaves the old settings or the new ones, which
// [Open] applies again.
//
// Errors: [access.ErrDenied], [ErrConflict], [ErrInvalid] and [ErrInsecure] with
// all findings, [ErrRefused], the Interlock's, and the Store's ([durable.ErrFull]).
// After each of them the old settings are in force. It costs one Put, two when a
// setting marked floor changes.
func (s *Settings) Change(ctx context.Context, c Change) (Result, error) {
	if access.FromContext(ctx) == nil || s.auth == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.stats.Denied++
		_, err := access.Check(ctx, s.auth, access.ConfigWrite, "")
		return Result{}, err
	}
	if err := c.check(); err != nil {
		return Result{}, err
	}
	s.mu.Lock()
	p := &plan{Change: c, old: s.state.Load()}
	res, err := s.change(ctx, p)
	s.mu.Unlock()
	for _, n := range p.notices {
		s.notice(ctx, n)
	}
	return res, err
}

// Apply is [Settings.Change] with a merge patch, in standard types. revision and
// accept may be empty.
func (s *Settings) Apply(ctx context.Context, patch []byte, revision string, accept []string) (newRevision string, err error) {
	if patch == nil {
		patch = []byte{}
	}
	res, err := s.Change(ctx, Change{Patch: patch, IfRevision: revision, AcceptInsecure: accept})
	return res.Revision, err
}

// plan is a change on its way.
type plan struct {
	Change
	old      *state
	value    reflect.Value // the settings that are wanted
	report   reporter
	touched  []string // paths that it names or alters, sorted
	changed  []string // paths that it alters, in the order of the struct
	alters   map[string]bool
	insecure Report   // new insecure choices, all accepted
	accepted []string // paths of all insecure choices, old and new
	notices  []Notice
}

func (s *Settings) change(ctx context.Context, p *plan) (Result, error) {
	s.draw(p)
	if err := s.judge(ctx, p); err != nil {
		return Result{}, err
	}
	if len(p.changed) == 0 && s.ill.fit() {
		return Result{Revision: p.old.revision, Report: p.report.list}, nil
	}
	if err := s.carryOut(ctx, p); err != nil {
		return Result{}, err
	}
	s.tell(ctx, p)
	res := Result{Revision: s.Revision(), Report: p.report.list, Changed: p.changed}
	for _, path := range p.changed {
		if s.schema.root.find(path).node.tag.restart {
			res.Restart = append(res.Restart, path)
		}
	}
	return res, nil
}

// draw decodes what is wanted and finds out what it touches.
func (s *Settings) draw(p *plan) {
	text, base := p.Document, s.schema.defaults
	if p.Patch != nil {
		text, base = p.Patch, p.old.value
	}
	seen := map[string]bool{}
	p.alters = map[string]bool{}
	visit := func(at pointer) { seen[s.schema.root.find(at.String()).setting] = true }
	p.value, p.report = s.schema.decode(text, base, p.old.value, decoder{patch: p.Patch != nil, visit: visit})
	s.schema.root.diff(nil, p.old.value, p.value, func(at pointer) {
		path := at.String()
		p.changed = append(p.changed, path)
		p.alters[path], seen[path] = true, true
	})
	for path := range seen {
		p.touched = append(p.touched, path)
	}
	slices.Sort(p.touched)
}

// judge says why the change may not be.
func (s *Settings) judge(ctx context.Context, p *plan) error {
	for _, path := range p.touched {
		if err := s.schema.authorize(ctx, s.auth, access.ConfigWrite, path); err != nil {
			s.stats.Denied++
			return err
		}
	}
	if p.IfRevision != "" && p.IfRevision != p.old.revision {
		s.stats.Conflict++
		return &conflictError{p.old.revision}
	}
	if p.report.invalid == 0 {
		s.grade(p)
	}
	if p.report.invalid > 0 {
		s.stats.Invalid++
		return &ReportError{p.report.list.Only(Invalid)}
	}
	refused := slices.DeleteFunc(slices.Clone(p.insecure), func(f Finding) bool {
		return slices.Contains(p.AcceptInsecure, f.Path)
	})
	if len(refused) > 0 {
		s.stats.Insecure++
		return &ReportError{refused}
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
