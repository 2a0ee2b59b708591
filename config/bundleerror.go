package config

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/iot-device-baseline/baseline/access"
)

// The failures of bundles that a caller can act on.
var (
	// ErrBundle: a settings bundle was refused; see [BundleError].
	ErrBundle = errors.New("bundle refused")
	// ErrReplay: it was taken before, or a later one of the same entity was. Send
	// settings under a higher sequence. Is also [ErrBundle].
	ErrReplay = errors.New("not newer than the last bundle of this signer")
)

// BundleError says why a settings bundle was refused before it touched a setting. It
// is [ErrBundle] and, if Cause is not nil, that too: [ErrReplay], [ErrInvalid] for a
// document that is not well formed, [access.ErrDenied] for a signer who may not, or
// the verifier's error.
type BundleError struct {
	Field string // of the document, an RFC 6901 pointer; "" is the whole
	Rule  string // that it breaks
	Cause error
}

func (e *BundleError) Error() string {
	text := "config: bundle: "
	if e.Field != "" {
		text += e.Field + ": "
	}
	text += e.Rule
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

// Unwrap returns [ErrBundle] and Cause.
func (e *BundleError) Unwrap() []error {
	if e.Cause == nil {
		return []error{ErrBundle}
	}
	return []error{ErrBundle, e.Cause}
}

// badBundle is about the form of a document.
func badBundle(field, rule string) error {
	return &BundleError{Field: field, Rule: rule, Cause: ErrInvalid}
}

// foldTime is how long the refusals after the first are only counted, so that who
// sends the same bundle all day does not fill the log.
const foldTime = 10 * time.Second

// refusals folds, for each enrolled signer and for all strangers together.
type refusals struct {
	mu   sync.Mutex
	seen map[string]*refused // by entity of the signer, "" for strangers
}

type refused struct {
	since time.Time
	more  int
}

// add counts a refusal, and says whether it is to be told and how many were not.
func (r *refusals) add(entity string) (tell bool, more int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen == nil {
		r.seen = map[string]*refused{}
	}
	now := time.Now()
	last := r.seen[entity]
	if last != nil && now.Sub(last.since) < foldTime {
		last.more++
		return false, 0
	}
	if last != nil {
		more = last.more
	}
	r.seen[entity] = &refused{since: now}
	return true, more
}

// refuseBundle counts and logs that a bundle was refused. Whoever signed nothing that
// verifies is a stranger. The level is not audit: a stranger could cause a write each
// time.
func (s *Settings) refuseBundle(ctx context.Context, b *incoming, err error) {
	s.count(func(c *Stats) { c.BundlesRefused++ })
	tell, more := s.refusals.add(b.entity)
	if !tell {
		return
	}
	attrs := []slog.Attr{
		slog.String(access.KeyPermission, string(access.ConfigWrite)), slog.String(access.KeyReason, "settings bundle: "+reasonOf(err)),
		slog.String(access.KeyDigest, b.digest), slog.Int(access.KeyRepeated, more),
	}
	if b.entity != "" {
		attrs = append(attrs, slog.String(access.KeyEntity, b.entity))
	}
	s.log.LogAttrs(ctx, slog.LevelWarn, access.EventDenied, attrs...)
}

// reasonOf is in words of this module: a verifier's error may quote anything.
func reasonOf(err error) string {
	var refused *BundleError
	switch {
	case errors.Is(err, ErrReplay):
		return ErrReplay.Error()
	case errors.As(err, &refused) && !errors.Is(err, ErrInvalid):
		return refused.Rule
	case errors.Is(err, access.ErrDenied):
		return "its signer may not"
	case errors.Is(err, ErrInvalid):
		return ErrInvalid.Error()
	case errors.Is(err, ErrInsecure):
		return ErrInsecure.Error()
	}
	return "not carried out"
}
