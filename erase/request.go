package erase

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/iot-device-baseline/baseline/access"
)

// Request orders an erasure.
type Request struct {
	Subject string // who; "" with All
	All     bool   // everybody: [access.EraseAll], and every Store must be able to
	Reason  string // 1 to 200 bytes of printable ASCII; it stands in the receipt, so name nobody
	// Salt, of 32 bytes, lets the requester recognise the receipt also when the answer
	// gets lost; nil has one made.
	Salt []byte
}

// Outcome is the answer to who ordered an erasure.
type Outcome struct {
	Job     string // as in the receipt
	Method  string // what each store answered, in words
	Receipt []byte // the envelope: see [VerifyReceipt]
	Salt    []byte // with it [Receipt.Names] knows the subject; it is kept nowhere
}

// Erase is [Coordinator.Request] for one subject. The method is what each store
// answered: "vault: clear: live copies only; notices: unlink".
func (c *Coordinator) Erase(ctx context.Context, subject string) (method string, err error) {
	o, err := c.Request(ctx, Request{Subject: subject, Reason: "ordered by who may"})
	return o.Method, err
}

// EraseAll is [Coordinator.Request] for everybody.
func (c *Coordinator) EraseAll(ctx context.Context, reason string) (method string, err error) {
	o, err := c.Request(ctx, Request{All: true, Reason: reason})
	return o.Method, err
}

// Request erases, and returns the receipt. nil means that every store has erased and
// looked again. Once the order is kept the erasure goes on even if ctx ends.
//
// Who asks needs [access.EraseSubject] on the subject, or [access.EraseAll]. From the
// order on the work is that of a mandate, so that who erases himself, and a power
// cut, end nothing. Under a mandate already, as in a reset, it makes none and asks no
// Interlock: who gave that one sees to the end, and to the log.
//
// Ordered again while it is not finished, an erasure goes on where it was, and its
// receipt tells the methods of both runs. It is about the newer order: who made the
// older one knows it again only with the same Salt in both.
//
// Errors: an [access.DeniedError]; [ErrUnclaimed], with which nothing was erased;
// [ErrIncomplete] with those of the stores and a receipt that says failed; [ErrBusy],
// with which nothing was ordered;
// [ErrUnlogged] with a receipt that says done; the Interlock's;
// [errors.ErrUnsupported] when a store cannot erase everybody.
func (c *Coordinator) Request(ctx context.Context, r Request) (Outcome, error) {
	c.working.Lock()
	defer c.working.Unlock()
	o, err := c.request(ctx, r)
	if err != nil {
		return o, fmt.Errorf("erase: %w", err)
	}
	return o, nil
}

func (c *Coordinator) request(ctx context.Context, r Request) (Outcome, error) {
	act, err := r.act()
	if err != nil {
		return Outcome{}, err
	}
	by, err := access.Check(ctx, c.guard, act.Permission, act.Resource)
	if err == nil {
		err = c.able(r.All)
	}
	if err == nil {
		err = c.inv.account(ctx)
	}
	if err != nil {
		return Outcome{}, err
	}
	salt, err := newSalt(r.Salt)
	if err != nil {
		return Outcome{}, err
	}
	j := job{Digest: digest(r.Subject, salt)}
	var o Outcome
	if by.OnBehalf() != "" {
		o, err = c.within(ctx, by, act, r.Reason, j)
	} else {
		o, err = c.order(ctx, act, r.Reason, j)
	}
	o.Salt = salt
	return o, err
}

func (r *Request) act() (access.Act, error) {
	switch {
	case r.Reason == "" || !printable(r.Reason, maxReason):
		return access.Act{}, fmt.Errorf("a reason is 1 to %d bytes of printable ASCII: %w", maxReason, fs.ErrInvalid)
	case r.All && r.Subject == "":
		return access.Act{Permission: access.EraseAll}, nil
	case r.All || !ValidSubject(r.Subject):
		return access.Act{}, fmt.Errorf("%s: %w", ruleSubject, fs.ErrInvalid)
	}
	return access.Act{Permission: access.EraseSubject, Resource: r.Subject}, nil
}

// able says which store cannot erase everybody, before anything is erased.
func (c *Coordinator) able(all bool) error {
	for _, p := range c.inv.Places {
		if _, ok := everybodyOf(p.Store); all && !ok {
			return fmt.Errorf("%s cannot erase everybody: %w", p.Store.Name(), errors.ErrUnsupported)
		}
	}
	return nil
}

// order keeps the mandate, then carries it out.
func (c *Coordinator) order(ctx context.Context, act access.Act, reason string, j job) (Outcome, error) {
	scope := ScopeSubject
	if act.Permission == access.EraseAll {
		scope = ScopeAll
	}
	end, err := c.begin(ctx, scope, false)
	if err != nil {
		return Outcome{}, err
	}
	defer end()
	j.Mandate, err = c.guard.NewMandate(ctx, access.MandateRequest{
		Acts: []access.Act{act}, Reason: reason, Plan: plan(act, j.Digest),
	})
	if err != nil {
		return Outcome{}, err
	}
	if err := c.change(ctx, func(r *record) error { return r.order(&j) }); err != nil {
		return Outcome{}, err
	}
	o, err := c.carryOut(ctx, j)
	if err == nil {
		err = c.logged(ctx)
	}
	return o, err
}

// logged says whether the event of what was erased is kept.
func (c *Coordinator) logged(ctx context.Context) error {
	if err := c.synced(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrUnlogged, err)
	}
	return nil
}

func (c *Coordinator) synced(ctx context.Context) error {
	if c.opts.Sync == nil {
		return nil
	}
	err := c.opts.Sync(context.WithoutCancel(ctx))
	c.note("log", err)
	return err
}

// within erases under the mandate in ctx, and leaves only the receipt.
func (c *Coordinator) within(ctx context.Context, by *access.Entity, act access.Act, reason string, j job) (Outcome, error) {
	id := make([]byte, 16)
	rand.Read(id)
	j.Mandate = access.Mandate{
		ID: hex.EncodeToString(id), Principal: by.OnBehalf(), Acts: []access.Act{act}, Reason: reason,
		Time: c.opts.Now().UTC(),
	}
	return c.run(ctx, &j, func(*job) {})
}

// carryOut does a job that is kept, as the service "resume".
func (c *Coordinator) carryOut(ctx context.Context, j job) (Outcome, error) {
	ctx, err := c.guard.Resume(context.WithoutCancel(ctx), j.Mandate)
	if err != nil { // it is ordered all the same
		return Outcome{Job: j.Mandate.ID}, fmt.Errorf("%w: %w", ErrIncomplete, err)
	}
	return c.run(ctx, &j, func(j *job) {
		// So that a receipt after a power cut tells what was really done. A failure here
		// costs no more than that, and the end of the job meets it again.
		_ = c.change(ctx, func(r *record) error { return r.put(*j) })
	})
}

// run asks every store and ends the job. keep is told of each that has erased.
func (c *Coordinator) run(ctx context.Context, j *job, keep func(*job)) (Outcome, error) {
	parts, err := c.everywhere(ctx, j, keep)
	if err == nil {
		err = c.inv.account(ctx) // something may have come meanwhile, or with a new release
	}
	o := Outcome{Job: j.Mandate.ID, Method: summary(parts)}
	if err == nil {
		o.Receipt, err = c.end(ctx, j, parts)
	}
	if err != nil { // also when the end could not be kept: the erasure runs again
		var sealErr error
		o.Receipt, sealErr = c.seal(c.receiptOf(j, parts, err))
		err = errors.Join(err, sealErr)
	}
	c.count(func(s *Stats) {
		if err != nil {
			s.Failed++
		} else {
			s.Done++
		}
	})
	c.tell(ctx, j, err)
	if err != nil {
		return o, fmt.Errorf("%w: %w", ErrIncomplete, err)
	}
	return o, nil
}

// end keeps the end of a job and its receipt, in one write.
func (c *Coordinator) end(ctx context.Context, j *job, parts []Part) ([]byte, error) {
	envelope, err := c.seal(c.receiptOf(j, parts, nil))
	if err != nil {
		return nil, err
	}
	return envelope, c.change(ctx, func(r *record) error {
		r.drop(j.Mandate.ID)
		r.add(envelope)
		return nil
	})
}

func summary(parts []Part) string {
	var words []string
	for _, p := range parts {
		if p.Method != "" {
			words = append(words, p.Store+": "+p.Method)
		}
	}
	return strings.Join(words, "; ")
}
