package password

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/iot-device-baseline/baseline/access"
)

const methodRemoved = "removed: old copies stay in the sealed store until its key is replaced"

// Subjects is the passwords as the inventory of an erasure sees them: it has the
// shape of erase.Store. It may be used concurrently.
type Subjects struct{ s *Store }

// Subjects returns the passwords for an inventory.
func (s *Store) Subjects() *Subjects { return &Subjects{s} }

// Name returns "passwords".
func (s *Subjects) Name() string { return "passwords" }

// Erase removes the password of subject, of whatever ownership and even if its
// record is damaged, and ends the entities of subject. The method tells what became
// of copies on the medium. It may be repeated, also after a power cut; a subject
// without password is no error.
//
// Who erases himself by his own entity is denied from then on, Verify included: see
// [access.Guard.Erase] on the mandate for what runs over several places.
//
// Permission: [access.EraseSubject] on the subject.
func (s *Subjects) Erase(ctx context.Context, subject string) (method string, err error) {
	if err := s.s.remove(ctx, "erase", access.EraseSubject, subject, subject); err != nil {
		return "", err
	}
	return methodRemoved, nil
}

// Verify reads the medium again. It is nil when there is no record of subject,
// [fs.ErrExist] when there is one, readable or not, and otherwise why that cannot
// be said.
//
// Permission: [access.EraseSubject] on the subject.
func (s *Subjects) Verify(ctx context.Context, subject string) error {
	if err := checkID(subject); err != nil {
		return err
	}
	if _, err := access.Check(ctx, s.s.guard, access.EraseSubject, subject); err != nil {
		return err
	}
	_, err := s.s.store.Get(ctx, s.s.name(subject))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("password: verify erasure: %w", err)
	}
	return fmt.Errorf("password: verify erasure: the subject has a password: %w", fs.ErrExist)
}
