package notifytest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/iot-device-baseline/baseline/notify"
)

// Rule is one rule of [notify.Notifier].
type Rule struct {
	Name     string
	Sentence string // as it stands in the documentation of the interface
	// Check says how h breaks the rule, or nil. A rule about an answer that h's
	// receiver cannot give is kept.
	Check func(t testing.TB, h Harness) error
}

// Rules returns the rules of [notify.Notifier], all of them.
func Rules() []Rule {
	return []Rule{
		{"accepted", "A nil error means that the receiver has the notice, or keeps it safe for delivery.", checkAccepted},
		{"again", "Any other error means that the notice is sent again later, under the same ID and Sequence.", checkAgain},
		{"duplicate", "A notice that arrives again under an ID and Sequence that the receiver knows is no error.", checkDuplicate},
		{"permanent", "A failure that no retry mends is marked with [Permanent], and no other is.", checkPermanent},
		{"later", "A receiver's wish to be left alone for a time is passed on with [RetryAfter].", checkLater},
		{"context", "Notify returns soon after ctx is done, with an error that is the ctx's.", checkContext},
		{"limits", "A notice that does not pass [Notice.Check] is refused with [Permanent], and nothing of it leaves.", checkLimits},
		{"unchanged", "The notice is not changed, its Data included, and not kept after Notify returned.", checkUnchanged},
		{"concurrent", "Notify may be called concurrently.", checkConcurrent},
	}
}

var errLate = errors.New("the call does not return")

func checkAccepted(t testing.TB, h Harness) error {
	s, _ := h.open(t, Accept)
	for seq := uint64(1); seq <= 3; seq++ {
		n := sample(seq)
		if err := h.call(t.Context(), s, n); err != nil {
			return fmt.Errorf("refused a good notice: %w", err)
		}
		if s.times(n) == 0 {
			return fmt.Errorf("no error, but the receiver has no %s/%d", n.ID, n.Sequence)
		}
	}
	return nil
}

func checkAgain(t testing.TB, h Harness) error {
	s, ok := h.open(t, Fail)
	if !ok {
		return nil
	}
	n := sample(7)
	if err := h.call(t.Context(), s, n); err == nil {
		return errors.New("no error while the receiver fails")
	}
	if !s.Answer(Accept) {
		return errors.New("the receiver does not recover")
	}
	if err := h.call(t.Context(), s, n); err != nil {
		return fmt.Errorf("the second try: %w", err)
	}
	for _, r := range s.Received() {
		if r.ID != n.ID || r.Sequence != n.Sequence {
			return fmt.Errorf("received as %s/%d, sent as %s/%d", r.ID, r.Sequence, n.ID, n.Sequence)
		}
	}
	if s.times(n) == 0 {
		return errors.New("the second try did not arrive")
	}
	return nil
}

func checkDuplicate(t testing.TB, h Harness) error {
	s, _ := h.open(t, Accept)
	n := sample(7)
	for try := range 3 {
		if err := h.call(t.Context(), s, n); err != nil {
			return fmt.Errorf("try %d of the same notice: %w", try+1, err)
		}
	}
	return nil
}

func checkPermanent(t testing.TB, h Harness) error {
	if s, ok := h.open(t, Refuse); ok {
		if err := h.call(t.Context(), s, sample(1)); !notify.IsPermanent(err) {
			return fmt.Errorf("refused for good, but not marked: %v", err)
		}
	}
	for _, a := range []Answer{Fail, Later} {
		if s, ok := h.open(t, a); ok {
			if err := h.call(t.Context(), s, sample(1)); err == nil || notify.IsPermanent(err) {
				return fmt.Errorf("%v is marked as permanent, or no error: %v", a, err)
			}
		}
	}
	return nil
}

func checkLater(t testing.TB, h Harness) error {
	s, ok := h.open(t, Later)
	if !ok {
		return nil
	}
	err := h.call(t.Context(), s, sample(1))
	// A receiver may name a point in time, in whole seconds.
	if d, ok := notify.RetryDelay(err); !ok || d < Delay-2*time.Second || d > Delay+2*time.Second {
		return fmt.Errorf("asked for %v, passed on %v: %v", Delay, d, err)
	}
	return nil
}

func checkContext(t testing.TB, h Harness) error {
	s, _ := h.open(t, Accept)
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.call(done, s, sample(1)); !errors.Is(err, context.Canceled) {
		return fmt.Errorf("the context was done before: %v", err)
	}
	if s, ok := h.open(t, Hang); ok {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if err := h.call(ctx, s, sample(2)); !errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("the receiver hangs: %v", err)
		}
	}
	return nil
}

func checkLimits(t testing.TB, h Harness) error {
	for _, bad := range []func(n *notify.Notice){
		func(n *notify.Notice) { n.Title = "\x1b[2J" },
		func(n *notify.Notice) { n.Text = "a\r\nBcc: b" },
		func(n *notify.Notice) { n.Text = "exe\u202egpj" },
		func(n *notify.Notice) { n.Data = map[string]string{"a": "\x00"} },
		func(n *notify.Notice) { n.Data = map[string]string{"a\n": "b"} },
		func(n *notify.Notice) { n.Type = "a\nb" },
		func(n *notify.Notice) { n.Severity = 0 },
	} {
		s, _ := h.open(t, Accept)
		n := sample(1)
		bad(&n)
		if err := h.call(t.Context(), s, n); !notify.IsPermanent(err) {
			return fmt.Errorf("%q %q %q: not refused for good: %v", n.Title, n.Text, n.Data, err)
		}
		if got := s.Received(); len(got) > 0 {
			return fmt.Errorf("%q %q %q: left the device", n.Title, n.Text, n.Data)
		}
	}
	return nil
}

func checkUnchanged(t testing.TB, h Harness) error {
	s, _ := h.open(t, Accept)
	n := sample(1)
	before := n
	before.Data = maps.Clone(n.Data)
	if err := h.call(t.Context(), s, n); err != nil {
		return fmt.Errorf("refused a good notice: %w", err)
	}
	if !reflect.DeepEqual(n, before) {
		return fmt.Errorf("changed to %+v", n)
	}
	n.Data["a"] = "changed by the caller"
	for _, r := range s.Received() {
		if r.Data != nil && r.Data["a"] != "1" {
			return errors.New("kept: a later change by the caller reached the receiver")
		}
	}
	return nil
}

func checkConcurrent(t testing.TB, h Harness) error {
	s, _ := h.open(t, Accept)
	const calls = 16
	errs := make([]error, calls)
	var wg sync.WaitGroup
	for i := range calls {
		wg.Go(func() { errs[i] = h.call(t.Context(), s, sample(uint64(i+1))) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for i := range calls {
		if s.times(sample(uint64(i+1))) == 0 {
			return fmt.Errorf("%d of %d calls at once did not arrive", i+1, calls)
		}
	}
	return nil
}
