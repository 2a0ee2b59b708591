package notify

import (
	"context"
	"fmt"
	"io/fs"
	"time"

	"github.com/iot-device-baseline/baseline/access"
)

// Filter says which notices are asked for. The zero Filter asks for all.
type Filter struct {
	// Audience is the one to ask for; "" asks for all, and needs the permission on
	// every audience (a grant on "**").
	Audience       Audience
	Type           string   // "" = all
	Severity       Severity // the least; 0 = all
	Active         bool     // only active ones
	Unacknowledged bool     // only those that nobody acknowledged
}

func (f Filter) check() error {
	if f.Audience != "" && !validAudience(f.Audience) {
		return &InputError{"/audience", ruleAudience}
	}
	if f.Type != "" && !validType(f.Type) {
		return &InputError{"/type", ruleType}
	}
	if f.Severity > Critical {
		return &InputError{"/severity", ruleSeverity}
	}
	return nil
}

func (f Filter) matches(e *entry) bool {
	return (f.Audience == "" || e.Audience == f.Audience) &&
		(f.Type == "" || e.Type == f.Type) &&
		e.Severity >= f.Severity &&
		(!f.Active || e.Active()) &&
		(!f.Unacknowledged || e.Acknowledged.At.IsZero())
}

// List returns the notices that f asks for, the one that changed last at the end.
// It needs [access.NotifyRead] on the audience.
func (c *Center) List(ctx context.Context, f Filter) ([]Notice, error) { return c.Since(ctx, 0, f) }

// Since is List of those whose Sequence is greater than seq: what is new to who
// has seen everything up to seq. Counts of repeats change no Sequence. What was
// erased, expired or dropped meanwhile is not told.
func (c *Center) Since(ctx context.Context, seq uint64, f Filter) ([]Notice, error) {
	found, _, err := c.query(ctx, seq, f)
	if err != nil {
		return nil, fmt.Errorf("notify: read: %w", err)
	}
	return found, nil
}

// Wait is Since that waits until there is something to return (27402 5.2.8: a
// device that answers when it is queried). It ends with ctx's error when ctx does,
// with [io/fs.ErrClosed] when the Center is closed, and with a denial when the
// permission is lost while it waits.
func (c *Center) Wait(ctx context.Context, seq uint64, f Filter) ([]Notice, error) {
	for {
		found, changed, err := c.query(ctx, seq, f)
		if err != nil {
			return nil, fmt.Errorf("notify: wait: %w", err)
		}
		if len(found) > 0 {
			return found, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("notify: wait: %w", ctx.Err())
		case <-changed:
		}
	}
}

// query returns what f asks for, and what is closed when that may be out of date.
func (c *Center) query(ctx context.Context, seq uint64, f Filter) ([]Notice, <-chan struct{}, error) {
	if err := f.check(); err != nil {
		return nil, nil, err
	}
	if _, err := access.Check(ctx, c.auth, access.NotifyRead, string(f.Audience)); err != nil {
		return nil, nil, err
	}
	c.mu.Lock()
	changed, closed := c.changed, c.closed
	c.mu.Unlock()
	if closed {
		return nil, nil, fs.ErrClosed
	}
	var found []Notice
	now := time.Now()
	for _, e := range c.snapshot() {
		if e.Sequence > seq && !e.expired(now) && f.matches(e) {
			found = append(found, e.clone())
		}
	}
	return found, changed, nil
}
