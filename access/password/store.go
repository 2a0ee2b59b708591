package password

import (
	"context"
	"encoding/base32"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
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

	failures failures
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
// set is [ErrWeak] or [ErrInvalid], a bad id [*access.InputError], and a 257th
// [ErrFull], for which those of ended ownerships do not count: they make room.
// Every entity of the person ends ([access.Issuer.Invalidate]), also his who changes
// his own password: he logs in again.
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
	by, err := s.put(ctx, record{ID: id, Ownership: bound, Hash: hash})
	if err == nil {
		s.audit(ctx, access.EventCredentialSet, by, id)
	}
	return err
}

// put stores rec and returns who did it.
func (s *Store) put(ctx context.Context, rec record) (*access.Entity, error) {
	// Hashing takes long: the right may be gone.
	by, err := s.enter(ctx, access.AccessCredentials, "password/"+rec.ID)
	if err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	if err := s.room(ctx, rec); err != nil {
		return nil, err
	}
	err = s.value(s.name(rec.ID)).Store(ctx, rec)
	// Also when it failed: the new one may be on the medium.
	if err := errors.Join(err, s.issuer.Invalidate(rec.ID)); err != nil {
		return nil, fmt.Errorf("password: set: %w", err)
	}
	return by, nil
}

// enter takes the lock for who may do p on resource and returns who that is. What is
// denied is told without the lock: a log handler may come back to the Store.
func (s *Store) enter(ctx context.Context, p access.Permission, resource string) (*access.Entity, error) {
	for {
		by, err := access.Check(ctx, s.guard, p, resource)
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		if s.guard.Decide(ctx, by, p, resource).Allowed {
			return by, nil
		}
		s.mu.Unlock() // it ended meanwhile: Check says so
	}
}

// room makes sure that there is room for rec.
func (s *Store) room(ctx context.Context, rec record) error {
	names, err := s.store.List(ctx, prefix)
	if err == nil && len(names) >= MaxUsers && !slices.Contains(names, s.name(rec.ID)) {
		err = s.sweep(ctx, names, rec.Ownership)
	}
	if err != nil {
		return fmt.Errorf("password: set: %w", err)
	}
	return nil
}

// sweep removes the passwords of ended ownerships, which let nobody in. bound is the
// ownership that is about to begin, or the present one.
func (s *Store) sweep(ctx context.Context, names []string, bound string) error {
	err := ErrFull
	for _, name := range names {
		rec, bad := s.value(name).Load(ctx)
		if bad != nil || rec.Ownership == bound || rec.Ownership == s.guard.Ownership() {
			continue // what cannot be read may be anybody's
		}
		if err := s.store.Delete(ctx, name); err != nil {
			return err
		}
		err = nil
	}
	return err
}

// Delete removes the password of id and ends every entity of id. One that does not
// exist is no error.
//
// Permission: [access.AccessCredentials] on "password/ID".
func (s *Store) Delete(ctx context.Context, id string) error {
	return s.remove(ctx, "delete", access.AccessCredentials, "password/"+id, id)
}

// remove takes the password of id away, if p on resource allows it.
func (s *Store) remove(ctx context.Context, op string, p access.Permission, resource, id string) error {
	if err := checkID(id); err != nil {
		return err
	}
	by, err := s.enter(ctx, p, resource)
	if err != nil {
		return err
	}
	gone, err := s.removeLocked(ctx, id)
	s.mu.Unlock()
	if err != nil {
		return fmt.Errorf("password: %s: %w", op, err)
	}
	if gone {
		s.audit(ctx, access.EventCredentialGone, by, id)
	}
	return nil
}

// removeLocked reports whether there was something to remove, readable or not.
func (s *Store) removeLocked(ctx context.Context, id string) (gone bool, err error) {
	_, missing := s.store.Get(ctx, s.name(id))
	err = s.store.Delete(ctx, s.name(id))
	return !errors.Is(missing, fs.ErrNotExist), errors.Join(err, s.issuer.Invalidate(id))
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
	for _, name := range names {
		switch rec, err := s.alive(ctx, name); {
		case err == nil:
			ids = append(ids, rec.ID)
		case !errors.Is(err, ErrWrong):
			bad = append(bad, fmt.Errorf("password: list: %w", err))
		}
	}
	return ids, errors.Join(bad...)
}

func (s *Store) audit(ctx context.Context, event string, by *access.Entity, id string) {
	s.log.LogAttrs(ctx, access.LevelAudit, event, slog.String(access.KeyEntity, by.ID()), slog.String(access.KeySubject, id))
}

// value is the record kept under name, of whatever ownership.
//
//go:noinline
func (s *Store) value(name string) *durable.Value[record] {
	return durable.NewValue(s.store, name, &durable.ValueOptions[record]{Check: func(r record) error {
		if s.name(r.ID) != name {
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
