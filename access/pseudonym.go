package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"

	"github.com/iot-device-baseline/baseline/durable"
)

// Pseudonyms are random names under which persons appear outside the device. One
// stays the same until it is forgotten; then nothing on the device tells whose it
// was (PROTOCOLS 11). It may be used concurrently.
type Pseudonyms struct {
	place func(subject string) durable.Store
	mu    sync.Mutex
}

// pseudonym is the record of one.
type pseudonym struct {
	Name string `json:"name"`
}

const pseudonymChars = 20 // 100 bits

// NewPseudonyms keeps the pseudonym of a subject in the Store that place returns
// for it: in a device the subject's own compartment, so that erasing the subject
// erases it. A place that returns the same Store for all is fine where [Pseudonyms.Forget]
// is called. A nil Store is an error that is [fs.ErrNotExist].
func NewPseudonyms(place func(subject string) durable.Store) *Pseudonyms {
	return &Pseudonyms{place: place}
}

// Of returns the pseudonym of subject, the id of an entity, and makes one at the
// first call: "p-" and 20 characters. It is called for authenticated ids only, as
// each new one is a write. A bad id is an [*InputError].
func (p *Pseudonyms) Of(ctx context.Context, subject string) (string, error) {
	v, err := p.value(subject)
	if err != nil {
		return "", err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	rec, err := v.Load(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		rec.Name = newPseudonym()
		err = v.Store(ctx, rec)
	}
	if err != nil {
		return "", fmt.Errorf("access: pseudonym: %w", err)
	}
	return rec.Name, nil
}

// Forget removes the pseudonym of subject. The next Of makes another one that
// nothing connects with it. A subject without one is no error.
func (p *Pseudonyms) Forget(ctx context.Context, subject string) error {
	v, err := p.value(subject)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := v.Delete(ctx); err != nil {
		return fmt.Errorf("access: forget pseudonym: %w", err)
	}
	return nil
}

func (p *Pseudonyms) value(subject string) (*durable.Value[pseudonym], error) {
	if !validID(subject) {
		return nil, badInput("subject", "", ruleID)
	}
	store := p.place(subject)
	if store == nil {
		return nil, fmt.Errorf("access: pseudonym: no store for the subject: %w", fs.ErrNotExist)
	}
	sum := sha256.Sum256([]byte(subject)) // an id can hold what a name of a value cannot
	return durable.NewValue(store, "pseudonyms/"+hex.EncodeToString(sum[:]), &durable.ValueOptions[pseudonym]{
		Check: func(r pseudonym) error {
			if rest, ok := strings.CutPrefix(r.Name, "p-"); !ok || len(rest) != pseudonymChars || !validID(rest) {
				return badInput("pseudonym", "/name", `is "p-" and 20 characters`)
			}
			return nil
		},
	}), nil
}

func newPseudonym() string {
	b := make([]byte, pseudonymChars)
	rand.Read(b)
	for i := range b {
		b[i] = crockford[b[i]&31]
	}
	return "p-" + strings.ToLower(string(b))
}
