package erase

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/iot-device-baseline/baseline/access"
)

// everywhere asks every store to erase, whatever the others answer, and then every
// store to look again.
func (c *Coordinator) everywhere(ctx context.Context, j *job, keep func(*job)) ([]Part, error) {
	scope, subject, err := j.scope()
	if err != nil {
		return nil, err
	}
	before := slices.DeleteFunc(j.Done, func(p Part) bool { return !slices.Contains(c.names(), p.Store) })
	j.Done = slices.Clone(before) // a store that fails now has answered all the same
	var errs []error
	parts := make([]Part, len(c.inv.Places))
	for i, p := range c.inv.Places {
		parts[i], err = eraseIn(ctx, p.Store, scope, subject)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", p.Store.Name(), err))
		}
		parts[i].remember(before)
		if parts[i].Method == "" {
			continue
		}
		j.did(parts[i])
		if i+1 < len(parts) || len(errs) > 0 { // otherwise the receipt comes next
			keep(j)
		}
	}
	for i, p := range c.inv.Places {
		if err := verifyIn(ctx, p.Store, scope, subject); err != nil {
			errs = append(errs, fmt.Errorf("%s: verify: %w", p.Store.Name(), err))
			continue
		}
		parts[i].Verified = true
	}
	return parts, errors.Join(errs...)
}

func eraseIn(ctx context.Context, s Store, scope, subject string) (Part, error) {
	p := Part{Store: s.Name()}
	method, err := "", error(nil)
	if scope == ScopeSubject {
		method, err = s.Erase(ctx, subject)
	} else if all, ok := everybodyOf(s); ok {
		method, err = all.EraseAll(ctx)
	} else { // the release that took the order had another inventory
		err = fmt.Errorf("cannot erase everybody: %w", errors.ErrUnsupported)
	}
	if err == nil {
		p.Method, err = words(method)
	}
	return p, err
}

func verifyIn(ctx context.Context, s Store, scope, subject string) error {
	if scope == ScopeSubject {
		return s.Verify(ctx, subject)
	}
	if all, ok := everybodyOf(s); ok {
		return all.VerifyAll(ctx)
	}
	return errors.ErrUnsupported
}

// remember brings back what interrupted runs were answered: a store that is asked
// again finds nothing, or the rest, and would hide by which method the data went.
func (p *Part) remember(before []Part) {
	for _, b := range before {
		if b.Store == p.Store && p.Method != "" {
			p.Method, p.Repeated = both(b.Method, p.Method), true
		}
	}
}

// both joins the methods of several runs with that of one more: each once, and that
// nothing was found only when it was never otherwise. Of more than fit, the first is
// told.
func both(before, now string) string {
	switch {
	case before == "", before == MethodNothing:
		return now
	case now == MethodNothing, slices.Contains(strings.Split(before, and), now):
		return before
	}
	if all := before + and + now; len(all) <= MaxMethods {
		return all
	}
	first, _, _ := strings.Cut(before, and)
	return first + and + others
}

const (
	and    = " + "
	others = "others"
)

func (c *Coordinator) receiptOf(j *job, parts []Part, err error) *Receipt {
	scope, _, _ := j.scope()
	r := &Receipt{
		Job: j.Mandate.ID, Device: c.opts.Device, Scope: scope, Reason: j.Mandate.Reason, Ordered: j.Mandate.Time,
		Finished: c.opts.Now().UTC(), Result: ResultDone, Stores: parts, Subject: j.Digest, Retained: []Retained{},
	}
	if err != nil {
		r.Result = ResultFailed
	}
	for _, p := range c.inv.Places {
		r.Retained = append(r.Retained, p.Retained...)
	}
	return r
}

// Resume finishes what was ordered and interrupted, or failed. Call it at every
// start, after the vault and the guard are open and before anything else runs: it
// asks for no permission, since each order carries its mandate. It may be called
// again after an error.
//
// What was ordered under an ownership that is over and followed by another is dropped:
// the new owner's device does not obey the old one, and a subject of the same name may
// be another person. A reset between both destroyed the data; where none ran to its end,
// some may be there. So it is told by an event, by a notice, and until the next start by
// Health: the present owner orders it again, or a reset.
func (c *Coordinator) Resume(ctx context.Context) error {
	c.working.Lock()
	defer c.working.Unlock()
	r, err := c.record.LoadOr(ctx, record{})
	errs := []error{err}
	for _, j := range r.Jobs {
		errs = append(errs, c.resume(ctx, j))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("erase: resume: %w", err)
	}
	return nil
}

func (c *Coordinator) resume(ctx context.Context, j job) error {
	scope, _, err := j.scope()
	if err != nil {
		return err
	}
	end, err := c.begin(ctx, scope, true)
	if err != nil {
		return err
	}
	defer end()
	c.count(func(s *Stats) { s.Resumed++ })
	if err := c.guard.Health(ctx); err != nil {
		return err // it cannot tell whose order this is
	}
	_, err = c.guard.Resume(ctx, j.Mandate)
	if errors.Is(err, access.ErrDenied) {
		return c.give(ctx, j, err)
	}
	if _, err = c.carryOut(ctx, j); err == nil {
		_ = c.logged(ctx) // told by Health: a start does not fail for it
	}
	return err
}

// give drops a job whose mandate allows nothing any more, once the event of it is kept.
func (c *Coordinator) give(ctx context.Context, j job, why error) error {
	c.opts.Log.LogAttrs(ctx, access.LevelAudit, access.EventEraseFailed,
		slog.String(access.KeyMandate, j.Mandate.ID), slog.String(access.KeyError, why.Error()))
	if err := c.synced(ctx); err != nil {
		return fmt.Errorf("dropped, but not logged: %w", err)
	}
	err := c.change(ctx, func(r *record) error {
		r.drop(j.Mandate.ID)
		return nil
	})
	if err != nil {
		return err
	}
	c.count(func(s *Stats) { s.Dropped++ })
	c.note("dropped", errors.New("an erasure of a former owner was not finished: order it again, or a reset"))
	c.notice(ctx, Notice{
		Type: NoticeFailed, Key: j.Mandate.ID, Title: "An erasure of a former owner was not finished", Urgent: true,
		Text: "It is dropped, and some of the data may be on the device. Order it again, or reset the device.",
	})
	return nil
}
