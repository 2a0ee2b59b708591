package password

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/iot-device-baseline/baseline/access"
)

// Verify returns the entity of the person called id if p is his password. A wrong
// password, a name that nobody has and a password of an ended ownership are one
// and the same error, [ErrWrong], at the same cost. iface and session go into the
// entity. A hash of a lower cost than the Hasher's is replaced; when that fails it
// is left for the next login.
func (s *Store) Verify(ctx context.Context, id string, p Password, iface, session string) (*access.Entity, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	// Before the record is read: a change from here on ends the entity.
	e, issued := s.issuer.Issue(access.Facts{ID: id, Kind: access.KindPerson, Interface: iface, Session: session})
	rec, err := s.load(ctx, id)
	if err != nil {
		return nil, s.fail(ctx, p, err)
	}
	match, upgrade, err := s.hasher.Verify(ctx, rec.Hash, p)
	if err != nil {
		return nil, err
	}
	if !match {
		s.failed(ctx, id)
		return nil, fmt.Errorf("password: %w", ErrWrong)
	}
	if issued != nil { // only now: a stranger learns nothing by facts that break a rule
		return nil, issued
	}
	if now := s.guard.Ownership(); now == "" || rec.Ownership != now {
		return nil, fmt.Errorf("password: %w", ErrWrong)
	}
	if upgrade {
		s.upgrade(ctx, rec, p)
	}
	s.tell(ctx, s.failures.due())
	s.log.LogAttrs(ctx, slog.LevelInfo, access.EventLogin, slog.String(access.KeyEntity, id), slog.String(access.KeyInterface, iface))
	return e, nil
}

// load returns the live record of id, or [ErrWrong].
func (s *Store) load(ctx context.Context, id string) (record, error) {
	if checkID(id) != nil {
		return record{}, ErrWrong
	}
	return s.alive(ctx, s.name(id))
}

// alive returns the record under name if it is of the present ownership, or [ErrWrong].
func (s *Store) alive(ctx context.Context, name string) (record, error) {
	rec, err := s.value(name).Load(ctx)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return record{}, ErrWrong
	case err != nil:
		return record{}, fmt.Errorf("load: %w", err)
	case rec.Ownership == "" || rec.Ownership != s.guard.Ownership():
		return record{}, ErrWrong
	}
	return rec, nil
}

// fail answers a login for which there is nothing to compare with, at the cost of
// one for which there is.
func (s *Store) fail(ctx context.Context, p Password, cause error) error {
	if err := s.hasher.Dummy(ctx, p); !errors.Is(err, ErrWrong) {
		return err
	}
	s.failed(ctx, "")
	return fmt.Errorf("password: %w", cause)
}

// upgrade replaces the hash of rec by one of the present cost, unless it was
// changed meanwhile.
func (s *Store) upgrade(ctx context.Context, rec record, p Password) {
	hash, err := s.hasher.hash(ctx, p)
	if err != nil {
		return
	}
	if err := s.replace(ctx, rec, hash); err != nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "access.upgrade-failed", slog.String(access.KeyError, err.Error()))
	}
}

// replace puts hash in the place of rec's, if rec is still what is kept.
func (s *Store) replace(ctx context.Context, rec record, hash string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.value(s.name(rec.ID))
	if now, err := v.Load(ctx); err != nil || now != rec {
		return nil
	}
	rec.Hash = hash
	return v.Store(ctx, rec)
}
