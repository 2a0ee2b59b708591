package config

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/iot-device-baseline/baseline/access"
)

// Notice is something that a person should know. The composition hands it to
// package notify.
type Notice struct {
	Type   string // NoticeInsecure, NoticeDamaged or NoticeSetting
	Key    string // what it is about; with Type it tells one from a repetition
	Title  string
	Text   string // holds no value of a setting
	Urgent bool
}

// The types of notices.
const (
	NoticeInsecure = "config.insecure" // an insecure choice is in force
	NoticeDamaged  = "config.damaged"  // stored settings could not be used
	NoticeSetting  = "config.setting"  // a stored setting is not valid in this release
)

// illness is what Health reports.
type illness struct {
	replaced  []string // what could not be used at the start, and why
	instead   string   // what is in force for it
	partly    bool     // some stored settings were not valid
	unsure    error    // the record on the medium may not be the one in force
	undo      error    // an applier did not go back
	copies    error    // last good settings or floor could not be written
	interlock error    // End failed
}

// fit reports whether a change that alters nothing needs no work.
func (i *illness) fit() bool {
	return !i.fellBack() && !i.partly && i.unsure == nil && i.undo == nil && i.copies == nil
}

func (i *illness) fellBack() bool { return len(i.replaced) > 0 }

// illness returns what is ill now; what it holds does not change after Open.
func (s *Settings) illness() illness {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ill
}

func (s *Settings) fit() bool {
	ill := s.illness()
	return ill.fit()
}

// note changes what is ill; the caller holds changing.
func (s *Settings) note(f func(*illness)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.ill)
}

// Health reports what the owner of the device should know; an error that is
// [ErrDamaged] is about stored settings that could not be used at the start. The
// next stored change ends all but a failing Interlock. It does not wait for a change
// under way.
func (s *Settings) Health(context.Context) error {
	ill := s.illness()
	type complaint struct {
		what string
		err  error
	}
	list := []complaint{
		{"the medium may hold settings that were refused", ill.unsure},
		{"an applier did not go back", ill.undo},
		{"copy of the settings or the floor", ill.copies},
		{"interlock", ill.interlock},
	}
	if ill.fellBack() {
		list = append(list, complaint{strings.Join(ill.replaced, "; ") + "; in force: " + ill.instead, ErrDamaged})
	}
	if ill.partly {
		list = append(list, complaint{"some have their default", ErrDamaged})
	}
	var errs []error
	for _, c := range list {
		if c.err != nil {
			errs = append(errs, fmt.Errorf("config: health: %s: %w", c.what, c.err))
		}
	}
	return errors.Join(errs...)
}

// fellBack notes that what could not be used.
func (s *Settings) fellBack(ctx context.Context, what string, err error) {
	s.ill.replaced = append(s.ill.replaced, fmt.Sprintf("%s: %v", what, err))
	s.log.LogAttrs(ctx, access.LevelAudit, access.EventConfigReverted,
		slog.String(access.KeyReason, what+" could not be used"), slog.String(access.KeyError, err.Error()))
}

// reverted notes what is in force instead.
func (s *Settings) reverted(ctx context.Context, instead string) {
	s.ill.instead = instead
	s.notice(ctx, Notice{
		Type: NoticeDamaged, Key: "settings", Title: "Settings could not be used", Urgent: true,
		Text: "The stored settings could not be used. In force are " + instead + ". Check them and store them again.",
	})
}

func (s *Settings) notice(ctx context.Context, n Notice) {
	if s.opts.Notice != nil {
		s.opts.Notice(ctx, n)
	}
}

func insecureNotice(general, reason string) Notice {
	return Notice{
		Type: NoticeInsecure, Key: general, Title: "An insecure setting is in force", Urgent: true,
		Text: general + ": " + reason,
	}
}

// tell makes the events and notices of a change that is in force.
func (s *Settings) tell(ctx context.Context, p *plan) {
	by := access.FromContext(ctx)
	attrs := []slog.Attr{slog.String(access.KeyRevision, s.Revision())}
	if p.bundle != nil {
		attrs = append(attrs, slog.String(access.KeyDigest, p.bundle.digest))
	}
	if p.Reason != "" {
		attrs = append(attrs, slog.String("comment", p.Reason)) // free text: it stays on the device
	}
	s.event(ctx, access.EventConfigChanged, by, p.changed, "", attrs...)
	for _, f := range slices.Concat(p.insecure, p.left) {
		s.event(ctx, access.EventConfigInsecure, by, []string{f.Path}, f.Rule)
		n := insecureNotice(s.schema.root.find(f.Path).general, f.Rule)
		if !slices.Contains(p.notices, n) {
			p.notices = append(p.notices, n)
		}
	}
}

// event logs with the paths that it is about: without the names of entries, which
// may be those of persons, and with them under a key that says so.
func (s *Settings) event(ctx context.Context, name string, by *access.Entity, paths []string, reason string, attrs ...slog.Attr) {
	const most = 32
	var general []string
	for _, path := range paths[:min(len(paths), most)] {
		if g := s.schema.root.find(path).general; !slices.Contains(general, g) {
			general = append(general, g)
		}
	}
	attrs = append(attrs, slog.String(access.KeyPath, strings.Join(general, " ")), slog.Int(access.KeyCount, len(paths)))
	if concrete := paths[:min(len(paths), most)]; !slices.Equal(concrete, general) {
		attrs = append(attrs, slog.String(access.KeyResource, strings.Join(concrete, " ")))
	}
	if reason != "" {
		attrs = append(attrs, slog.String(access.KeyReason, reason))
	}
	if by != nil {
		attrs = append(attrs, by.LogValue().Group()...)
	}
	s.log.LogAttrs(ctx, access.LevelAudit, name, attrs...)
}
