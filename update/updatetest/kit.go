package updatetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
)

// Rule is one sentence of the documentation of an interface, with its check. H is
// the harness that the check works with.
type Rule[H harness] struct {
	Interface string // Bootloader, Installer, Sink, Floors, Source
	Name      string
	Sentence  string // as it stands in the documentation
	check     func(k *kit[H]) error
}

// harness is one of the four of this package.
type harness interface {
	lacks() string // names what is missing, or ""
}

// Check says how what h gives breaks the rule, or nil.
func (r Rule[H]) Check(t testing.TB, h H) error {
	if name := h.lacks(); name != "" {
		return errors.New("the harness lacks " + name)
	}
	return r.check(&kit[H]{TB: t, h: h, ctx: t.Context()})
}

// test checks each rule as a subtest.
func test[H harness](t *testing.T, rules []Rule[H], h H) {
	t.Helper()
	for _, r := range rules {
		t.Run(r.Interface+"/"+r.Name, func(t *testing.T) {
			if err := r.Check(t, h); err != nil {
				t.Errorf("%s: %s\nrule: %s", r.Name, err, r.Sentence)
			}
		})
	}
}

// kit is what a check works with.
type kit[H harness] struct {
	testing.TB
	h   H
	ctx context.Context
}

// maxSteps ends a loop over power cuts that never comes to an end.
const maxSteps = 1000

// restarts are more than any number of tries that a boot loader is asked for.
const restarts = 20

// cuts calls try with 0, 1, 2 and so on until it says that the power was not cut.
func cuts(try func(n int) (cut bool, err error)) error {
	for n := range maxSteps {
		cut, err := try(n)
		if err != nil {
			return fmt.Errorf("power cut before step %d: %w", n, err)
		}
		if !cut {
			return nil
		}
	}
	return fmt.Errorf("more than %d steps", maxSteps)
}

// isOneOf says that err is nil or none of those wanted.
func isOneOf(err error, want ...error) error {
	if err == nil {
		return errors.New("accepted")
	}
	if !slices.ContainsFunc(want, func(w error) bool { return errors.Is(err, w) }) {
		return fmt.Errorf("error is %w, want one of %v", err, want)
	}
	return nil
}

// sample are n bytes, each unlike its neighbours; another kind differs at each place.
func sample(kind byte, n int) []byte {
	s := make([]byte, n)
	for i := range s {
		s[i] = byte(37+11*i) ^ kind
	}
	return s
}
