package notifytest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/iot-device-baseline/baseline/notify"
)

// Harness connects the channel under test to a receiver.
type Harness struct {
	// Open returns a new notifier whose receiver has nothing yet and accepts
	// everything. It cleans up by t.Cleanup.
	Open      func(t testing.TB) Setup
	Abilities Abilities
	// Patience is how long a call may take that should return at once; default 5 s.
	Patience time.Duration
}

// Setup is a notifier and its receiver.
type Setup struct {
	Notifier notify.Notifier
	// Received returns what the receiver has, in any order; what came twice may
	// stand there twice.
	Received func() []Receipt
	// Answer makes the receiver answer so from now on, and reports whether it can.
	// Nil: it can only accept.
	Answer func(a Answer) bool
}

// Receipt is a notice as it was received.
type Receipt struct {
	ID       string
	Sequence uint64
	Data     map[string]string // nil: the receiver does not get it
}

// Answer is how a receiver answers.
type Answer int

// The answers.
const (
	Accept Answer = iota // takes the notice
	Refuse               // will never take it
	Fail                 // cannot take it now
	Later                // wants to be left alone for [Delay]
	Hang                 // does not answer
)

func (a Answer) String() string {
	return [...]string{"Accept", "Refuse", "Fail", "Later", "Hang"}[a]
}

// Delay is what a receiver that answers [Later] asks for.
const Delay = 30 * time.Second

// Abilities say which answers the receiver can give besides [Accept].
type Abilities struct {
	Refuse, Fail, Later, Hang bool
}

func (a Abilities) has(answer Answer) bool {
	return map[Answer]bool{Accept: true, Refuse: a.Refuse, Fail: a.Fail, Later: a.Later, Hang: a.Hang}[answer]
}

// TestNotifier checks every rule of [notify.Notifier] and that the abilities are
// as declared.
func TestNotifier(t *testing.T, h Harness) {
	t.Helper()
	t.Run("abilities", func(t *testing.T) {
		if err := CheckAbilities(t, h); err != nil {
			t.Error(err)
		}
	})
	for _, r := range Rules() {
		t.Run(r.Name, func(t *testing.T) {
			if err := r.Check(t, h); err != nil {
				t.Errorf("%v\nthe rule: %s", err, r.Sentence)
			}
		})
	}
}

// CheckAbilities reports an ability that is declared and absent, or present and
// not declared.
func CheckAbilities(t testing.TB, h Harness) error {
	for _, a := range []Answer{Refuse, Fail, Later, Hang} {
		s := h.Open(t)
		if can := s.Answer != nil && s.Answer(a); can != h.Abilities.has(a) {
			return fmt.Errorf("ability %v: declared %t, present %t", a, h.Abilities.has(a), can)
		}
	}
	return nil
}

// open returns a setup whose receiver answers a, or false when it cannot.
func (h Harness) open(t testing.TB, a Answer) (Setup, bool) {
	s := h.Open(t)
	if a == Accept {
		return s, true
	}
	return s, h.Abilities.has(a) && s.Answer != nil && s.Answer(a)
}

func (h Harness) patience() time.Duration {
	if h.Patience > 0 {
		return h.Patience
	}
	return 5 * time.Second
}

// call is Notify with a limit to its time.
func (h Harness) call(ctx context.Context, s Setup, n notify.Notice) error {
	done := make(chan error, 1)
	go func() { done <- s.Notifier.Notify(ctx, n) }()
	select {
	case err := <-done:
		return err
	case <-time.After(h.patience()):
		return errLate
	}
}

// times counts how often the receiver has n.
func (s Setup) times(n notify.Notice) int {
	count := 0
	for _, r := range s.Received() {
		if r.ID == n.ID && r.Sequence == n.Sequence {
			count++
		}
	}
	return count
}

// sample is a notice with something in every field that goes out.
func sample(seq uint64) notify.Notice {
	at := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	return notify.Notice{
		Type: "kit.sample", Key: "key", Severity: notify.Warning, Audience: notify.Owner,
		Title: "A sample", Text: "Two\nlines", Data: map[string]string{"a": "1"},
		ID: "id1", Sequence: seq, Count: 1, First: at, Last: at,
	}
}
