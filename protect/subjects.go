package protect

import (
	"context"
	"fmt"
	"io/fs"
)

// Subjects is the vault's user data as the inventory of an erasure sees it: it has
// the shape of erase.Store.
type Subjects struct{ v *Vault }

// Subjects returns the vault's user data for an inventory.
func (v *Vault) Subjects() *Subjects { return &Subjects{v} }

// Name returns "vault".
func (s *Subjects) Name() string { return "vault" }

// Erase is [Vault.Erase] for one subject.
func (s *Subjects) Erase(ctx context.Context, subject string) (method string, err error) {
	m, err := s.v.Erase(ctx, subject)
	return string(m), err
}

// Verify says that nothing of a subject is left: nil, or an error that is
// [fs.ErrExist]. It is a typed read in process.
func (s *Subjects) Verify(_ context.Context, subject string) error {
	if err := validSubject(subject); err != nil {
		return err
	}
	s.v.mu.RLock()
	defer s.v.mu.RUnlock()
	switch {
	case s.v.closed:
		return fmt.Errorf("protect: verify: %w", fs.ErrClosed)
	case s.v.unsettled:
		return vaultError("key table", actRetry, fmt.Errorf("an interrupted change is not settled: %w", ErrUnavailable))
	case s.v.live.find(ClassUserData, subject) != nil:
		return fmt.Errorf("protect: verify: the subject has a compartment: %w", fs.ErrExist)
	}
	return nil
}
