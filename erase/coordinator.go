package erase

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/durable"
)

// Coordinator erases from every place of an inventory. It may be used concurrently:
// one erasure runs at a time.
type Coordinator struct {
	inv    Inventory
	guard  Guard
	record *durable.Value[record]
	opts   Options

	working sync.Mutex // held through every erasure

	mu    sync.Mutex // for moments; guards what follows
	stats Stats
	ill   map[string]error // what Health tells, by what it is about
}

// Stats counts what happened since [Open].
type Stats struct {
	Done     int // erasures that ran to their end
	Failed   int // in which a store failed
	Resumed  int // taken up at a start, or ordered again
	Dropped  int // ordered under an ownership that is over, see [Coordinator.Resume]
	Unsigned int // receipts without signature
}

// Open checks the inventory and returns its Coordinator. floor is an authenticated
// store that no erasure and no reset reaches, in a device the vault's floor
// compartment; the record "erase" there is this package's, and its space is reserved.
// It does I/O and begins nothing: see [Coordinator.Resume].
//
// Errors: [ErrUnclaimed]; [fs.ErrInvalid] for what breaks a rule; the store's.
func Open(ctx context.Context, inv Inventory, floor durable.Store, guard Guard, opts *Options) (*Coordinator, error) {
	c := &Coordinator{inv: inv, guard: guard, ill: map[string]error{}}
	if opts != nil {
		c.opts = *opts
	}
	if c.opts.Log == nil {
		c.opts.Log = slog.New(slog.DiscardHandler)
	}
	if c.opts.Now == nil {
		c.opts.Now = time.Now
	}
	if floor == nil || guard == nil || !printable(c.opts.Device, maxWhat) {
		return nil, fmt.Errorf("erase: open: want a store, a guard, and a printable name of the device: %w", fs.ErrInvalid)
	}
	err := inv.check()
	if err == nil {
		err = inv.account(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("erase: open: %w", err)
	}
	c.record = openRecord(floor)
	c.note("reserve", durable.Reserve(ctx, floor, recordName, maxRecord+8))
	return c, nil
}

// Features are what the erasure does for 27402 5.2.4. That a user is told (5.2.4.2)
// is claimed only with [Options].Notice.
func (c *Coordinator) Features() []clause.Feature {
	f := clause.Feature{
		ID: "erase.coordinator", Clauses: []clause.ID{clause.C5_2_4_1_1, clause.C5_2_4_1_2, clause.C5_2_4_3_C}, Package: "erase",
		Summary: "a subject is erased from every place of a checked inventory, for who may, with a receipt; everybody needs another permission and a reason",
		Settings: []clause.Setting{
			{Name: "places", Value: strings.Join(c.names(), " ")},
			{Name: "receipts signed", Value: strconv.FormatBool(c.opts.Signer != nil)},
		},
	}
	if c.opts.Notice != nil {
		f.Clauses = append(f.Clauses, clause.C5_2_4_2_A)
	}
	return []clause.Feature{f}
}

func (c *Coordinator) names() (names []string) {
	for _, p := range c.inv.Places {
		names = append(names, p.Store.Name())
	}
	return names
}

// Stats returns the counters.
func (c *Coordinator) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats
}

func (c *Coordinator) count(f func(*Stats)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.stats)
}

// note keeps err for Health, until the same succeeds.
func (c *Coordinator) note(what string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.ill, what)
	if err != nil {
		c.ill[what] = fmt.Errorf("%s: %w", what, err)
	}
}

// Health says what the owner should know: erasures that are not finished
// ([ErrIncomplete]), something that nobody claims, a missing reserve, that the last
// event or notice was refused, or that an order of a former owner was dropped.
func (c *Coordinator) Health(ctx context.Context) error {
	r, err := c.record.LoadOr(ctx, record{})
	if err == nil && len(r.Jobs) > 0 {
		err = fmt.Errorf("%d are not finished: %w", len(r.Jobs), ErrIncomplete)
	}
	errs := []error{err, c.inv.account(ctx)}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, what := range []string{"reserve", "interlock", "notice", "log", "dropped"} {
		errs = append(errs, c.ill[what])
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("erase: health: %w", err)
	}
	return nil
}

// Receipts returns the receipts that are kept, the oldest first: the last ones, at
// most 8. They name nobody to who has no salt, so that it is a typed read in process.
func (c *Coordinator) Receipts(ctx context.Context) ([][]byte, error) {
	r, err := c.record.LoadOr(ctx, record{})
	if err != nil {
		return nil, fmt.Errorf("erase: receipts: %w", err)
	}
	var out [][]byte
	for _, envelope := range r.Receipts {
		out = append(out, envelope)
	}
	return out, nil
}

// begin asks the interlock; end is for when the erasure is over.
func (c *Coordinator) begin(ctx context.Context, scope string, resumes bool) (end func(), err error) {
	lock, op := c.opts.Interlock, OperationSubject
	if scope == ScopeAll {
		op = OperationAll
	}
	if lock == nil {
		return func() {}, nil
	}
	ask := lock.Begin
	if resumes {
		ask = lock.Resume
	}
	if err := ask(ctx, op); err != nil {
		return nil, err
	}
	return func() { c.note("interlock", lock.End(context.WithoutCancel(ctx), op)) }, nil
}

// tell logs the end of an erasure and gives notice of it.
func (c *Coordinator) tell(ctx context.Context, j *job, err error) {
	scope, subject, _ := j.scope()
	event, n := access.EventEraseDone, Notice{
		Type: NoticeDone, Title: "Data was erased", Text: "An erasure that was ordered is done. Its receipt says how.",
	}
	attrs := []slog.Attr{
		slog.String(access.KeyMandate, j.Mandate.ID), slog.String(access.KeyScope, scope),
		slog.String(access.KeyDigest, j.Digest),
	}
	// Who erases himself is not to stay in the log, alone or with all.
	if scope == ScopeSubject && j.Mandate.Principal != subject {
		attrs = append(attrs, slog.String(access.KeyOnBehalf, j.Mandate.Principal))
	}
	if err != nil {
		event, n = access.EventEraseFailed, Notice{
			Type: NoticeFailed, Title: "An erasure is not complete", Urgent: true,
			Text: "Not every place could erase. It goes on at the next start, or when it is ordered again.",
		}
		attrs = append(attrs, slog.String(access.KeyError, err.Error()))
	}
	n.Key = j.Mandate.ID
	c.opts.Log.LogAttrs(ctx, access.LevelAudit, event, attrs...)
	if err == nil && scope == ScopeAll {
		c.note("dropped", nil)
	}
	c.notice(ctx, n)
}

func (c *Coordinator) notice(ctx context.Context, n Notice) {
	if c.opts.Notice != nil {
		c.note("notice", c.opts.Notice(access.Detach(ctx), n))
	}
}
