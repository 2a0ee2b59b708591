package protect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/iot-device-baseline/baseline/access"
)

// Subject returns the compartment of user data of one subject, and makes it if it
// is missing. id is 1 to [MaxSubject] bytes of [a-zA-Z0-9._~-], not only dots. It
// stands encrypted on the medium.
//
// A request that was on its way when the subject was erased must not bring him back.
// So a new compartment is not made for an entity in ctx that is no longer valid: that
// of another guard or ownership, or whose subject the guard has erased
// ([access.ErrDenied]), and after an erasure for none that was issued before it, and
// without an entity ([ErrMissing], as for a handle from before). This lasts until the
// restart, which no request outlives.
//
// So callers hand on the ctx of the request, with the entity that was issued when it
// came in; a service issues one for each piece of work, not one at the start. One that
// comes back with a new one after the erasure is believed: it, and all who only read, use
// [Vault.OpenSubject], which never makes one.
func (v *Vault) Subject(ctx context.Context, id string) (*Compartment, error) {
	if err := validSubject(id); err != nil {
		return nil, err
	}
	return v.compartment(ctx, ClassUserData, id)
}

// OpenSubject is [Vault.Subject] for a compartment that is there already. One that is
// not gives an error that is [ErrMissing].
func (v *Vault) OpenSubject(ctx context.Context, id string) (*Compartment, error) {
	if err := validSubject(id); err != nil {
		return nil, err
	}
	c, err := v.lookup(ctx, ClassUserData, id)
	if c == nil && err == nil {
		err = fmt.Errorf("protect: open compartment %v: %w", ClassUserData, errNoSubject())
	}
	return c, err
}

func errNoSubject() error {
	return &ObjectError{Class: ClassUserData, Name: "compartment", Action: actReopen, Err: fmt.Errorf("erased, or never made: %w", ErrMissing)}
}

// mayMake says why the entity in ctx makes no compartment of subject. Under v.mu: who
// invalidates an entity and then verifies the erasure finds what was made before.
func (v *Vault) mayMake(ctx context.Context, class Class, subject string) error {
	if class != ClassUserData {
		return nil
	}
	e := access.FromContext(ctx)
	if at := v.erased.of(subject); !at.IsZero() && (e == nil || !e.IssuedAfter(at)) {
		return errNoSubject()
	}
	if e == nil {
		return nil // no request: code of the device, which answers for itself
	}
	bound := v.guard.Load()
	if bound == nil || *bound == nil {
		return nil
	}
	// Which permission does not matter: one that is not held is missing a role, and
	// an entity that is not valid is missing an authentication, whatever it asks for.
	_, err := access.Check(ctx, quiet{*bound}, access.StatusRead, "")
	var denied *access.DeniedError
	if errors.As(err, &denied) && denied.Missing == missingEntity {
		return err
	}
	return nil
}

// missingEntity is what [access.Check] says is missing when the entity is not valid.
const missingEntity = "authentication"

// quiet asks an authorizer without its log.
type quiet struct{ access.Authorizer }

// erasures are the times of the last erasure of each subject since the start, by the
// monotonic clock: setting that of the device brings nobody back.
type erasures struct {
	last map[string]time.Time
	all  time.Time // of everybody, or of those that are too many to tell apart
}

const maxErasures = 1024

// note notes that subjects are erased now; nil is everybody.
func (e *erasures) note(subjects []string) {
	now := time.Now()
	if subjects == nil || len(e.last)+len(subjects) > maxErasures {
		e.last, e.all = nil, now
		return
	}
	if e.last == nil {
		e.last = map[string]time.Time{}
	}
	for _, s := range subjects {
		e.last[s] = now
	}
}

// of returns when subject was erased, or the zero time.
func (e *erasures) of(subject string) time.Time {
	if at := e.last[subject]; at.After(e.all) {
		return at
	}
	return e.all
}
