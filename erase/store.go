package erase

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/iot-device-baseline/baseline/access"
)

// Store is one place in which something about persons is kept. The vault's subjects,
// the guard, the passwords and the notice center of this module are Stores.
//
// Who calls it: [Coordinator], one call at a time; others may. Who writes one: who
// keeps user data. To check it use erasetest.TestStore.
//
//   - Name is 1 to 32 bytes of [a-z0-9-], and always the same.
//   - Erase returning nil means that no restart brings the subject's data back.
//   - Erase answers with the method that was really used, in words: 1 to 120 bytes of
//     printable ASCII.
//   - Erase touches no other subject's data.
//   - Erase may be repeated, also after a power cut; a subject without data is no error.
//   - Erase asks for erase.subject on the subject: who lacks it gets an error that is
//     access.ErrDenied, and nothing is erased.
//   - An id that cannot be a subject's gives an error, and nothing is erased.
//   - Verify reads the medium again: nil says that nothing of the subject is there.
//   - Verify changes nothing.
//   - Methods may be called concurrently.
//
// It may gain optional siblings ([Everybody]).
type Store interface {
	Name() string
	Erase(ctx context.Context, subject string) (method string, err error)
	Verify(ctx context.Context, subject string) error
}

// Everybody is the ability of a [Store] to erase all subjects at once. Its rules are
// those of Erase and Verify; the permission is erase.all. Without it in every place of
// an inventory there is no erasure of everybody. [WithAll] adds it.
type Everybody interface {
	EraseAll(ctx context.Context) (method string, err error)
	VerifyAll(ctx context.Context) error
}

// everybodyOf finds the ability of s, or of what s wraps.
func everybodyOf(s Store) (Everybody, bool) {
	for {
		if e, ok := s.(Everybody); ok {
			return e, true
		}
		w, ok := s.(interface{ Unwrap() Store })
		if !ok {
			return nil, false
		}
		s = w.Unwrap()
	}
}

// WithAll returns s with the ability [Everybody], made of two functions: for a store
// that can do it under another name, as a vault that erases a class.
func WithAll(s Store, erase func(ctx context.Context) (method string, err error), verify func(ctx context.Context) error) Store {
	return &withAll{s, erase, verify}
}

type withAll struct {
	Store
	erase  func(ctx context.Context) (string, error)
	verify func(ctx context.Context) error
}

func (w *withAll) EraseAll(ctx context.Context) (string, error) { return w.erase(ctx) }
func (w *withAll) VerifyAll(ctx context.Context) error          { return w.verify(ctx) }
func (w *withAll) Unwrap() Store                                { return w.Store }

// The failures that a caller can act on. A denial is an [access.DeniedError], and
// what breaks a rule [io/fs.ErrInvalid].
var (
	// ErrUnclaimed: something in the directory, or a compartment, is claimed by no
	// Store, or by two. Add it to the inventory.
	ErrUnclaimed = errors.New("not accounted for in the inventory")
	// ErrBusy: as many erasures as are kept, 4 of one subject, are not finished: nothing
	// was ordered. Repair the store that fails ([Coordinator.Health]) and call
	// [Coordinator.Resume]. Everybody can be erased all the same.
	ErrBusy = errors.New("too many erasures are not finished")
	// ErrIncomplete: a Store failed. The erasure is still ordered and goes on at the
	// next start, or when it is asked for again.
	ErrIncomplete = errors.New("erasure incomplete")
	// ErrErased: the store of a subject's values was asked for before they were erased.
	// Ask for another: [Files.Of].
	ErrErased = errors.New("erased since")
	// ErrUnlogged: everything was erased, and the event of it is not kept.
	ErrUnlogged = errors.New("erased, but not logged")
)

// Limits of an inventory and of what stores answer.
const (
	MaxPlaces   = 16
	MaxMethod   = 120             // bytes
	MaxMethods  = 2*MaxMethod + 3 // bytes, of all runs of an erasure
	MaxRetained = 16
	maxName     = 32
	maxSubject  = access.MaxID
	maxWhat     = 64
	maxReason   = access.MaxReason
)

// MethodNothing is the method of a [Store] that found nothing of the subject. In a
// receipt it stands only where no run found more.
const MethodNothing = "nothing was found to erase"

const ruleSubject = "a subject is 1 to 64 bytes of [a-zA-Z0-9._~-], not only dots"

// ValidSubject reports whether id can name a subject: one segment of a resource, as
// the permission to erase names it.
func ValidSubject(id string) bool {
	return id != "" && len(id) <= maxSubject && !strings.Contains(id, "/") && access.ValidResource(id)
}

func validName(s string) bool {
	return s != "" && len(s) <= maxName && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// printable reports whether s is at most limit bytes of printable ASCII.
func printable(s string, limit int) bool {
	return len(s) <= limit && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// words checks what a Store answered: it goes into a receipt.
func words(method string) (string, error) {
	if method == "" || !printable(method, MaxMethod) {
		return "", fmt.Errorf("the store answered with no method: want 1 to %d bytes of printable ASCII", MaxMethod)
	}
	return method, nil
}
