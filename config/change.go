package config

import (
	"context"
	"errors"
	"fmt"
	"reflect"
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
		return errConflict()
	}
	return nil
}

// The revision in force is not in the error: who may write need not be one who may
// read.
func errConflict() error { return fmt.Errorf("config: change: %w", ErrConflict) }

// Change brings other settings into force, or leaves everything as it is. In this
// order: authorise; compare the revision; validate; grade; ask the interlock;
// apply; store. nil means in force and kept: a power cut before that leaves the old
// settings or the new ones, which [Open] applies again.
//
// [access.ConfigWrite] is asked for each setting that the change names or alters
// (27402 5.2.2.1.1), and on "" when it names and alters none, so that what is wrong
// in a text is told only to whom may write something in it. It is asked on "" too
// when the change alters nothing but ends what [Settings.Health] reports. Who is
// denied does not wait for a change under way. The error names a setting only if the
// change named it.
//
// Errors: [access.ErrDenied], [ErrConflict], [ErrInvalid] and [ErrInsecure] with
// all findings, [ErrRefused], the Interlock's, and the Store's ([durable.ErrFull]).
// After each of them the old settings are in force. It costs one Put, two when a
// setting marked floor changes.
func (s *Settings) Change(ctx context.Context, c Change) (Result, error) {
	if access.FromContext(ctx) == nil || s.auth == nil {
		s.count(func(c *Stats) { c.Denied++ })
		_, err := access.Check(ctx, s.auth, access.ConfigWrite, "")
		return Result{}, err
	}
	return s.carryChange(ctx, c, nil)
}

// carryChange carries out a change, that of a bundle or another.
func (s *Settings) carryChange(ctx context.Context, c Change, b *incoming) (Result, error) {
	for {
		p := &plan{Change: c, bundle: b}
		s.draw(p, s.state.Load())
		if err := s.authorize(ctx, p); err != nil {
			return Result{}, err
		}
		res, err := s.change(ctx, p)
		for _, n := range p.notices {
			s.notice(ctx, n)
		}
		if !errors.Is(err, errMeanwhile) {
			return res, err
		}
	}
}

// errMeanwhile: what was permitted before the lock is not any more. It is asked
// again without the lock, as who logs the denial may come back to the settings.
var errMeanwhile = errors.New("no longer permitted")

// quiet asks an authorizer without its log.
type quiet struct{ access.Authorizer }

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
	bundle   *incoming // from which it comes, or nil
	old      *state
	value    reflect.Value // the settings that are wanted
	report   reporter
	named    []string // paths that it names, in its order
	implied  []string // paths that it alters and does not name
	changed  []string // paths that it alters, in the order of the struct
	alters   map[string]bool
	insecure Report   // new insecure choices, all accepted
	left     Report   // insecure choices that an owner before left
	accepted []string // paths of all insecure choices, old and new
	notices  []Notice
}

// change waits for its turn and asks again who may: the wait may have been long, and
// what the change touches depends on what is in force.
func (s *Settings) change(ctx context.Context, p *plan) (Result, error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	if now := s.state.Load(); now != p.old {
		s.draw(p, now)
	}
	if s.permitted(ctx, quiet{s.auth}, p) != nil {
		return Result{}, errMeanwhile
	}
	if err := s.admit(ctx, p.bundle); err != nil {
		return Result{}, err
	}
	if err := s.judge(p); err != nil {
		return Result{}, err
	}
	if len(p.changed) == 0 && s.fit() && p.bundle == nil {
		return Result{Revision: p.old.revision, Report: p.report.list}, nil
	}
	if err := s.carryOut(ctx, p); err != nil {
		return Result{}, err
	}
	s.settleAfter(ctx, p.bundle)
	s.tell(ctx, p)
	return Result{Revision: s.Revision(), Report: p.report.list, Changed: p.changed, Restart: s.schema.restarting(p.changed)}, nil
}

// draw decodes what is wanted in place of old and finds out what it touches.
func (s *Settings) draw(p *plan, old *state) {
	*p = plan{Change: p.Change, bundle: p.bundle, old: old, alters: map[string]bool{}}
	text, base := p.Document, s.schema.defaults
	if p.Patch != nil {
		text, base = p.Patch, old.value
	}
	seen := map[string]bool{}
	touch := func(list *[]string, path string) {
		if !seen[path] {
			seen[path] = true
			*list = append(*list, path)
		}
	}
	visit := func(at pointer) { touch(&p.named, s.schema.root.find(at.String()).setting) }
	p.value, p.report = s.schema.decode(text, base, old.value, decoder{patch: p.Patch != nil, visit: visit})
	s.schema.root.diff(nil, old.value, p.value, func(at pointer) {
		path := at.String()
		p.changed = append(p.changed, path)
		p.alters[path] = true
		touch(&p.implied, path)
	})
}
