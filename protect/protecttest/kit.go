package protecttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/iot-device-baseline/baseline/protect"
)

// Harness gives the kit devices. Every function fails t when it cannot do its work.
type Harness struct {
	// Open gives a key store on a new device that was never used.
	Open func(t testing.TB) protect.KeyStore
	// Reopen gives the key store of the same device after it lost its power: ks is
	// not used any more and was not closed.
	Reopen func(t testing.TB, ks protect.KeyStore) protect.KeyStore
	// Other gives a key store on another device of the same kind.
	Other func(t testing.TB) protect.KeyStore
	// Interrupt calls act, which works on ks, loses the power before the step of
	// the device that comes after the next n, and reopens as Reopen does; cut is
	// false when act was over before. A device that can only be switched off
	// between calls: for n = 0 it calls act not at all and says cut, else it calls act,
	// reopens and does not. Needed for a Counter or a Revoker.
	Interrupt func(t testing.TB, ks protect.KeyStore, n int, act func()) (after protect.KeyStore, cut bool)
	// Abilities are those that the key store has; all others must be absent.
	Abilities Abilities
}

// Abilities names optional siblings of protect.KeyStore.
type Abilities struct {
	SigningKeys, Counter, Revoker, Attester, Measurer bool
}

// Rule is one sentence of the documentation of an interface, with its check.
type Rule struct {
	Interface string // KeyStore, SigningKeys, Counter, Revoker
	Name      string
	Sentence  string // as it stands in the documentation
	check     func(k *kit) error
}

// TestKeyStore checks every rule that applies, each as a subtest.
func TestKeyStore(t *testing.T, h Harness) {
	t.Helper()
	for _, r := range Rules() {
		if r.applies(h.Abilities) {
			t.Run(r.Interface+"/"+r.Name, func(t *testing.T) {
				if err := r.Check(t, h); err != nil {
					t.Errorf("%s: %s\nrule: %s", r.Name, err, r.Sentence)
				}
			})
		}
	}
}

// Rules returns all rules.
func Rules() []Rule {
	return slices.Concat(keyStoreRules(), signingRules(), counterRules(), revokerRules())
}

// Check says how the key stores of h break the rule, or nil.
func (r Rule) Check(t testing.TB, h Harness) error {
	if h.Open == nil || h.Reopen == nil || h.Other == nil {
		return errors.New("the harness lacks Open, Reopen or Other")
	}
	if (h.Abilities.Revoker || h.Abilities.Counter) && h.Interrupt == nil {
		return errors.New("the harness lacks Interrupt")
	}
	return r.check(&kit{TB: t, h: h, ctx: t.Context()})
}

// applies reports whether the rule is of the required interface or of an ability
// that is declared. Rule KeyStore/Info checks that the others are absent.
func (r Rule) applies(a Abilities) bool {
	switch r.Interface {
	case "SigningKeys":
		return a.SigningKeys
	case "Counter":
		return a.Counter
	case "Revoker":
		return a.Revoker
	}
	return true
}

// kit is what a check works with.
type kit struct {
	testing.TB
	h   Harness
	ctx context.Context
}

func (k *kit) open() protect.KeyStore { return k.h.Open(k.TB) }

func (k *kit) reopen(ks protect.KeyStore) protect.KeyStore { return k.h.Reopen(k.TB, ks) }

// sample is a secret that is easy to find in a blob.
func sample(n int) []byte {
	s := make([]byte, n)
	for i := range s {
		s[i] = byte(37 + 11*i)
	}
	return s
}

// sealed returns a key store on a new device and a blob of sample(32).
func (k *kit) sealed() (protect.KeyStore, []byte, error) {
	ks := k.open()
	blob, err := ks.Seal(k.ctx, sample(32))
	if err != nil {
		return nil, nil, fmt.Errorf("seal 32 bytes: %w", err)
	}
	return ks, blob, nil
}

// opens says that blob does not give sample(32).
func (k *kit) opens(ks protect.KeyStore, blob []byte) error {
	secret, err := ks.Unseal(k.ctx, blob)
	if err != nil {
		return fmt.Errorf("unseal: %w", err)
	}
	if string(secret) != string(sample(32)) {
		return errors.New("unseal gave other bytes than were sealed")
	}
	return nil
}

// refused says that blob opens, or that the error is none of those wanted.
func (k *kit) refused(ks protect.KeyStore, blob []byte, want ...error) error {
	secret, err := ks.Unseal(k.ctx, blob)
	return isOneOf(secret != nil, err, want...)
}

func isOneOf(gave bool, err error, want ...error) error {
	if err == nil {
		return errors.New("accepted")
	}
	if gave {
		return fmt.Errorf("gave a result beside the error %w", err)
	}
	if !slices.ContainsFunc(want, func(w error) bool { return errors.Is(err, w) }) {
		return fmt.Errorf("error is %w, want one of %v", err, want)
	}
	return nil
}

// final are the sentinels that say that a blob will not open.
func final() []error {
	return []error{protect.ErrTampered, protect.ErrForeign, protect.ErrLost, protect.ErrRollback, protect.ErrPolicy}
}
