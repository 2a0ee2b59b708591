package password

import (
	"context"
	"encoding/base32"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
)

// MaxUsers is how many passwords a store keeps.
const MaxUsers = 256

const prefix = "passwords/"

// Options are the options of [NewStore].
type Options struct {
	Log *slog.Logger // takes the events; nil discards
}

// Store keeps the passwords of persons, as hashes, and makes entities of those who
// know theirs. Each password belongs to one ownership (see [access.Guard.Binding]):
// when that ends, it is dead, whether or not it was erased.
//
// It does not throttle: who puts it on an interface puts access/login before it.
// All methods may be called concurrently.
type Store struct {
	store  durable.Store
	guard  *access.Guard
	issuer *access.Issuer
	hasher *Hasher
	log    *slog.Logger
	mu     sync.Mutex
}

// record is one password.
type record struct {
	ID        string `json:"id"`
	Ownership string `json:"ownership"`
	Hash      string `json:"hash"`
}

// NewStore keeps passwords in store, which must be authenticated, in a device a
// compartment of the vault. It does no I/O.
func NewStore(store durable.Store, guard *access.Guard, hasher *Hasher, opts *Options) (*Store, error) {
	if store == nil || guard == nil || hasher == nil {
		return nil, errors.New("password: store, guard and hasher are needed")
	}
	s := &Store{store: store, guard: guard, issuer: guard.Issuer("password"), hasher: hasher}
	if opts != nil {
		s.log = opts.Log
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	return s, nil
}

// Set gives the person called id a password, in place of the one before. It plugs
// into the set function of [access.Guard.Commission]. A password that must not be
// set is [ErrWeak] or [ErrInvalid], a 257th [ErrFull], a bad id [*access.InputError].
//
// Permission: [access.AccessCredentials] on "password/ID", so that a grant on
// "password/{self}" lets people change their own.
func (s *Store) Set(ctx context.Context, id string, p Password) error {
	if err := checkID(id); err != nil {
		return err
	}
	if _, err := access.Check(ctx, s.guard, access.AccessCredentials, "password/"+id); err != nil {
		return err
	}
	if err := p.strong(s.hasher.minimum, id); err != nil {
		return err
	}
	bound := s.guard.Binding(ctx)
	hash, err := s.hasher.hash(ctx, p)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	// Hashing takes long: the right may be gone.
	by, err := access.Check(ctx, s.guard, access.AccessCredentials, "password/"+id)
	if err != nil {
		return err
	}
	if err := s.room(ctx, id); err != nil {
		return err
	}
	if err := s.value(id).Store(ctx, record{ID: id, Ownership: bound, Hash: hash}); err != nil {
		return fmt.Errorf("password: set: %w", err)
	}
	s.audit(ctx, access.EventCredentialSet, by, id)
	return nil
}

// room makes sure that there is room for id.
func (s *Store) room(ctx context.Context, id string) error {
	names, err := s.store.List(ctx, prefix)
	if err != nil {
		return fmt.Errorf("password: set: %w", err)
	}
	for _, n := range names {
		if n == s.name(id) {
			return nil
		}
	}
	if len(names) >= MaxUsers {
		return fmt.Errorf("password: set: %w", ErrFull)
	}
	return nil
}

// Verify returns the entity of the person called id if p is his password. A wrong
// password, a name that nobody has and a password of an ended ownership are one
// and the same error, [ErrWrong], at the same cost. iface and session go into the
// entity. A hash of a lower cost than the Hasher's is replaced; when that fails it
// is left for the next login.
func (s *Store) Verify(ctx context.Context, id string, p Password, iface, session string) (*access.Entity, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	rec, err := s.load(ctx, id)
	if err != nil {
		return nil, s.fail(ctx, id, p, err)
	}
	match, upgrade, err := s.hasher.Verify(ctx, rec.Hash, p)
	if err != nil {
		return nil, err
	}
	if !match {
		s.log.LogAttrs(ctx, slog.LevelWarn, access.EventLoginFailed, slog.String(access.KeySubject, id))
		return nil, fmt.Errorf("password: %w", ErrWrong)
	}
	e, err := s.issuer.Issue(access.Facts{ID: id, Kind: access.KindPerson, Interface: iface, Session: session})
	if err != nil {
		return nil, err
	}
	// After the entity was issued: an ownership that ends from here on ends the entity.
	if now := s.guard.Ownership(); now == "" || rec.Ownership != now {
		return nil, fmt.Errorf("password: %w", ErrWrong)
	}
	if upgrade {
		s.upgrade(ctx, rec, p)
	}
	s.log.LogAttrs(ctx, slog.LevelInfo, access.EventLogin, slog.String(access.KeyEntity, id), slog.String(access.KeyInterface, iface))
	return e, nil
}

// load returns the live record of id, or [ErrWrong].
func (s *Store) load(ctx context.Context, id string) (record, error) {
	if checkID(id) != nil {
		return record{}, ErrWrong
	}
	rec, err := s.value(id).Load(ctx)
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
func (s *Store) fail(ctx context.Context, id string, p Password, cause error) error {
	if err := s.hasher.Dummy(ctx, p); !errors.Is(err, ErrWrong) {
		return err
	}
	// What a stranger typed as his name may be a password.
	s.log.LogAttrs(ctx, slog.LevelWarn, access.EventLoginFailed, slog.Int(access.KeyCount, 1))
	return fmt.Errorf("password: %w", cause)
}

// upgrade replaces the hash of rec by one of the present cost, unless it was
// changed meanwhile.
func (s *Store) upgrade(ctx context.Context, rec record, p Password) {
	hash, err := s.hasher.hash(ctx, p)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if now, err := s.value(rec.ID).Load(ctx); err != nil || now != rec {
		return
	}
	rec.Hash = hash
	if err := s.value(rec.ID).Store(ctx, rec); err != nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "access.upgrade-failed", slog.String(access.KeyError, err.Error()))
	}
}

// Delete removes the password of id. One that does not exist is no error.
//
// Permission: [access.AccessCredentials] on "password/ID".
func (s *Store) Delete(ctx context.Context, id string) error {
	if err := checkID(id); err != nil {
		return err
	}
	by, err := access.Check(ctx, s.guard, access.AccessCredentials, "password/"+id)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.value(id).Delete(ctx); err != nil {
		return fmt.Errorf("password: delete: %w", err)
	}
	s.audit(ctx, access.EventCredentialGone, by, id)
	return nil
}

// List returns the ids of those who have a password of the present ownership,
// sorted, and the errors of records that cannot be read.
//
// Permission: [access.AccessRead] on "passwords".
func (s *Store) List(ctx context.Context) ([]string, error) {
	if _, err := access.Check(ctx, s.guard, access.AccessRead, "passwords"); err != nil {
		return nil, err
	}
	names, err := s.store.List(ctx, prefix)
	if err != nil {
		return nil, fmt.Errorf("password: list: %w", err)
	}
	var ids []string
	var bad []error
	for _, n := range names {
		id, err := encoding().DecodeString(strings.TrimPrefix(n, prefix))
		if err != nil {
			bad = append(bad, fmt.Errorf("password: list: name of a value: %w", durable.ErrCorrupt))
			continue
		}
		switch _, err := s.load(ctx, string(id)); {
		case err == nil:
			ids = append(ids, string(id))
		case !errors.Is(err, ErrWrong):
			bad = append(bad, fmt.Errorf("password: list: %w", err))
		}
	}
	return ids, errors.Join(bad...)
}

func (s *Store) audit(ctx context.Context, event string, by *access.Entity, id string) {
	s.log.LogAttrs(ctx, access.LevelAudit, event, slog.String(access.KeyEntity, by.ID()), slog.String(access.KeySubject, id))
}

func (s *Store) value(id string) *durable.Value[record] {
	return durable.NewValue(s.store, s.name(id), &durable.ValueOptions[record]{Check: func(r record) error {
		if r.ID != id {
			return errors.New("id is not the name under which it is kept")
		}
		if len(r.Ownership) > access.MaxID {
			return errors.New("ownership is too long")
		}
		_, err := parsePHC(r.Hash)
		return err
	}})
}

func (s *Store) name(id string) string { return prefix + encoding().EncodeToString([]byte(id)) }

// encoding makes names of values of ids, which may hold what names may not, in
// the order of the ids.
func encoding() *base32.Encoding {
	return base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)
}

// checkID is nil for an id that an Issuer would accept.
func checkID(id string) error {
	if len(id) > access.MaxID || !access.ValidResource(id) || id == "" || strings.Contains(id, "/") {
		return &access.InputError{What: "password", Path: "/id", Rule: "is 1 to 64 bytes of [a-zA-Z0-9._~-], not only dots"}
	}
	return nil
}
