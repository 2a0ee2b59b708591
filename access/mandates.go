package access

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"

	"github.com/iot-device-baseline/baseline/durable"
)

// MaxMandates is how many mandates a store keeps.
const MaxMandates = 64

const mandatePrefix = "mandates/"

// Mandates keeps mandates in a Store, one value each, until they are carried out.
// The store must be authenticated, and no erasure may reach it: in a device it is
// the vault's floor compartment. Its methods need no permission: a mandate was
// authorised when it was made. They may be called concurrently.
type Mandates struct {
	store durable.Store
	mu    sync.Mutex
}

// NewMandates returns the mandates in store.
func NewMandates(store durable.Store) *Mandates { return &Mandates{store: store} }

//go:noinline
func (s *Mandates) value(id string) *durable.Value[Mandate] {
	return durable.NewValue(s.store, mandatePrefix+id, &durable.ValueOptions[Mandate]{Check: func(m Mandate) error {
		if m.ID != id {
			return badInput("mandate", "/id", "is the name under which it is kept")
		}
		return checkMandate(m)
	}})
}

// Put keeps m, in place of one with the same id. A 65th mandate is [ErrFull], one
// that breaks a rule an [*InputError].
func (s *Mandates) Put(ctx context.Context, m Mandate) error {
	if err := checkMandate(m); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	names, err := s.store.List(ctx, mandatePrefix)
	if err != nil {
		return fmt.Errorf("access: put mandate: %w", err)
	}
	others := len(names)
	for _, n := range names {
		if n == mandatePrefix+m.ID {
			others--
		}
	}
	if others >= MaxMandates {
		return fmt.Errorf("access: put mandate: %w", ErrFull)
	}
	if err := s.value(m.ID).Store(ctx, m); err != nil {
		return fmt.Errorf("access: put mandate: %w", err)
	}
	return nil
}

// Load returns the mandate called id. A missing one is [fs.ErrNotExist], a damaged
// one [durable.ErrCorrupt].
func (s *Mandates) Load(ctx context.Context, id string) (Mandate, error) {
	if !isHex(id, idHex) {
		return Mandate{}, fmt.Errorf("access: load mandate: %w", fs.ErrNotExist)
	}
	m, err := s.value(id).Load(ctx)
	if err != nil {
		return Mandate{}, fmt.Errorf("access: load mandate: %w", err)
	}
	return m, nil
}

// Delete removes the mandate called id, once its work is done. A missing one is
// no error.
func (s *Mandates) Delete(ctx context.Context, id string) error {
	if !isHex(id, idHex) {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.value(id).Delete(ctx); err != nil {
		return fmt.Errorf("access: delete mandate: %w", err)
	}
	return nil
}

// List returns all mandates that can be read, sorted by id, and the errors of
// those that cannot: one that is damaged holds back no other.
func (s *Mandates) List(ctx context.Context) ([]Mandate, error) {
	names, err := s.store.List(ctx, mandatePrefix)
	if err != nil {
		return nil, fmt.Errorf("access: list mandates: %w", err)
	}
	var out []Mandate
	var bad []error
	for _, name := range names {
		switch m, err := s.Load(ctx, strings.TrimPrefix(name, mandatePrefix)); {
		case errors.Is(err, fs.ErrNotExist): // deleted meanwhile
		case err != nil:
			bad = append(bad, err)
		default:
			out = append(out, m)
		}
	}
	return out, errors.Join(bad...)
}
