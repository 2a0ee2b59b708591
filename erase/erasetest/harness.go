package erasetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/iot-device-baseline/baseline/erase"
)

// Harness gives the kit stores. Every function fails t when it cannot do its work.
type Harness struct {
	// Open gives a store on a new device on which nothing about anybody is kept.
	Open func(t testing.TB) Setup
	// Reopen gives the store of the same device after it lost its power: s is not used
	// any more and was not closed.
	Reopen func(t testing.TB, s Setup) Setup
	// Interrupt calls act, which works on s, loses the power before the step of the
	// device that comes after the next n, and reopens as Reopen does; cut is false when
	// act was over before.
	Interrupt func(t testing.TB, s Setup, n int, act func()) (after Setup, cut bool)
	// Everybody says that the store has the ability [erase.Everybody]; otherwise it must
	// lack it.
	Everybody bool
}

// Setup is a store and what is around it.
type Setup struct {
	Store erase.Store
	// Plant has the device keep secret about subject, for good when it returns nil.
	Plant func(ctx context.Context, subject, secret string) error
	// Find says whether the device still has secret about subject, as whoever uses the
	// data would find it, or whoever reads the medium as far as the method reaches.
	Find func(ctx context.Context, subject, secret string) (bool, error)
	// May is ctx in which somebody asks who holds every erase permission, MayNot ctx of
	// somebody who holds none.
	May, MayNot func(ctx context.Context) context.Context
	// Device is for the harness itself.
	Device any
}

// Rule is one rule of [erase.Store].
type Rule struct {
	Name     string
	Sentence string // as it stands in the documentation of the interface
	check    func(k *kit) error
}

// TestStore checks every rule of [erase.Store], each as a subtest.
func TestStore(t *testing.T, h Harness) {
	t.Helper()
	for _, r := range Rules() {
		t.Run(r.Name, func(t *testing.T) {
			if err := r.Check(t, h); err != nil {
				t.Errorf("%v\nthe rule: %s", err, r.Sentence)
			}
		})
	}
	t.Run("everybody", func(t *testing.T) {
		if err := CheckEverybody(t, h); err != nil {
			t.Error(err)
		}
	})
}

// Check says how the stores of h break the rule, or nil.
func (r Rule) Check(t testing.TB, h Harness) error {
	if h.Open == nil || h.Reopen == nil || h.Interrupt == nil {
		return errors.New("the harness lacks Open, Reopen or Interrupt")
	}
	return r.check(&kit{TB: t, h: h, ctx: t.Context()})
}

// kit is what a check works with.
type kit struct {
	testing.TB
	h   Harness
	ctx context.Context
}

// The subjects of the kit: letters of both cases, since ids have them.
const (
	alice = "Alice.1"
	bob   = "bob"
)

func secretOf(subject string) string { return "secret-of-" + subject }

// open gives a store in which there is something about both.
func (k *kit) open() (Setup, error) {
	s := k.h.Open(k.TB)
	if s.Store == nil || s.Plant == nil || s.Find == nil || s.May == nil || s.MayNot == nil {
		return s, errors.New("the setup lacks Store, Plant, Find, May or MayNot")
	}
	for _, who := range []string{alice, bob} {
		if err := s.Plant(k.ctx, who, secretOf(who)); err != nil {
			return s, fmt.Errorf("plant: %w", err)
		}
	}
	return s, k.has(s, alice, bob)
}

// has says that exactly the data of subjects is there, as far as it is planted.
func (k *kit) has(s Setup, subjects ...string) error {
	for _, who := range []string{alice, bob} {
		found, err := s.Find(k.ctx, who, secretOf(who))
		if err != nil {
			return fmt.Errorf("find: %w", err)
		}
		want := false
		for _, w := range subjects {
			want = want || w == who
		}
		if found != want {
			return fmt.Errorf("data of %s: found %t, want %t", who, found, want)
		}
	}
	return nil
}
