package config

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
)

// Options are the options of [Open]. Nil options mean: no appliers, no log, no
// notices, no interlock, the floor in the same Store.
type Options struct {
	// Appliers bring settings into force, in this order, and back in reverse.
	Appliers []NamedApplier
	// Floor keeps the settings marked floor beside the others, so that they survive
	// damage and reset, but for insecure choices; give a compartment that no reset
	// erases. Nil is the Store.
	Floor durable.Store
	// Log takes the events; nil discards them. It is called within a change, so that
	// its handler does not change settings.
	Log *slog.Logger
	// Notice is called for what a person should know, after the change and outside of
	// its lock; nil discards it.
	Notice func(ctx context.Context, n Notice)
	// Interlock is asked before a change; nil means that nothing else happens.
	Interlock Interlock
	// Bundles make the device take signed settings bundles; nil takes none.
	Bundles *Bundles
}

// Interlock keeps operations apart that must not meet. Package baseline has one.
//
// Who calls it: [Settings.Change], with [Operation], around storing and applying.
//
//   - An error of Begin refuses the change; it is returned as it is, wrapped.
//   - After each Begin that returned nil there is one End, whatever the outcome.
//   - Calls may come concurrently.
//
// The interface is frozen.
type Interlock interface {
	Begin(ctx context.Context, operation string) error
	End(ctx context.Context, operation string) error
}

// Operation is what an [Interlock] is asked about.
const Operation = "config.change"

// Settings are the settings of a device: one document, one revision, one way to
// change them. They keep their records in the Store under "settings/". All
// methods may be called concurrently.
type Settings struct {
	schema *Schema
	auth   access.Authorizer
	opts   Options
	log    *slog.Logger

	current *durable.Value[record] // what is in force
	good    *durable.Value[record] // what the last start came up with
	floor   *durable.Value[record] // the floor settings of current

	changing sync.Mutex // one change at a time, through appliers, interlock and medium
	seq      uint64     // of the last record that may be on the medium; under changing

	unsettled bool // a bundle's mark is not yet in the record of its signer; under changing
	refusals  refusals

	mu    sync.Mutex // for moments; guards what follows
	stats Stats
	ill   illness // altered under changing too

	state atomic.Pointer[state]
}

// state does not change; another takes its place. What is in force is what is
// stored, except after a start at which an applier refused what is stored: that is
// not given up, for the next change or start may bring it into force.
type state struct {
	value    reflect.Value // what is stored, as far as it is valid; addressable
	inForce  any           // pointer to the settings that the appliers have
	record   record        // of value
	revision string        // of value
	next     chan struct{} // closed when another has taken its place
}

// Stats counts what happened since [Open].
type Stats struct {
	Changes  int // stored and in force
	Denied   int // not authorised
	Invalid  int // broke a rule
	Insecure int // insecure and not accepted
	Conflict int // another revision
	Refused  int // by an applier
	Failed   int // could not be stored

	Bundles, BundlesRefused int // in force, or not, whatever the reason
}

// Open loads the settings, brings them into force with the appliers, and keeps
// them from then on. It does I/O: one record is written when the stored settings
// came up for the first time, and the floor when an insecure choice is taken out.
//
// What cannot be used is replaced, with an event, a notice and an error of
// [Settings.Health]: a single setting by its default; all settings, when the
// record is damaged or an applier refuses them, by those of the last good start,
// and else by the defaults and the floor. A setting of the floor that is
// graded insecure has its default, with an event and a notice: a floor is a least of
// security, and the next owner accepted nothing. Of insecure choices that the owner
// before accepted and nobody reset, Open and the first change tell again; only a device
// that takes bundles knows the ownership. Settings that an applier refused stay
// stored: the next start and each change try them again. Open fails with an [*ApplyError] when an
// applier refuses even these, with [io/fs.ErrInvalid] for wrong arguments, and
// with the Store's error when that may pass ([durable.ErrHeld]).
//
// A nil authorizer denies everything. In-process code that reads through a [View]
// is trusted.
func Open(ctx context.Context, store durable.Store, schema *Schema, authorizer access.Authorizer, opts *Options) (*Settings, error) {
	s := &Settings{schema: schema, auth: authorizer}
	if opts != nil {
		s.opts = *opts
	}
	if err := s.check(store); err != nil {
		return nil, err
	}
	if s.log = s.opts.Log; s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.opts.Floor == nil {
		s.opts.Floor = store
	}
	s.current = recordValue(store, "settings/current")
	s.good = recordValue(store, "settings/good")
	s.floor = recordValue(s.opts.Floor, "settings/floor")
	if err := s.start(ctx); err != nil {
		return nil, fmt.Errorf("config: open: %w", err)
	}
	if err := s.settleAtStart(ctx); err != nil {
		return nil, fmt.Errorf("config: open: %w", err)
	}
	return s, nil
}

// publish makes v, made of r, the settings.
func (s *Settings) publish(v reflect.Value, r record, inForce any) {
	st := &state{value: v, inForce: inForce, record: r, next: make(chan struct{})}
	st.revision = s.revision(v, r)
	if old := s.state.Swap(st); old != nil {
		close(old.next)
	}
}

// Revision names the settings: a number that grows with each change, and
// a keyed digest of their content.
func (s *Settings) Revision() string { return s.state.Load().revision }

// Document returns the settings as one document, and their revision. They are in
// force unless [Settings.Health] says otherwise.
// Secrets are left out, and so is what the entity in ctx may not read by
// [access.ConfigRead] (its resource is the path of the setting, whatever write=
// says; "" is all of them). Who may read nothing gets [access.ErrDenied].
//
// Giving the document back to [Settings.Change] changes nothing, if it is whole.
func (s *Settings) Document(ctx context.Context) (document []byte, revision string, err error) {
	return s.read(ctx, encoder{})
}

// FloorDocument is [Settings.Document] of the settings marked floor only. These
// survive a reset (27402 5.2.3.2) that removes settings/current and settings/good
// from the Store, but leaves settings/floor: the next Open begins with defaults
// and floor, without what is graded insecure. Secrets among them survive too; the document leaves them out.
func (s *Settings) FloorDocument(ctx context.Context) (document []byte, revision string, err error) {
	return s.read(ctx, encoder{floor: true})
}

func (s *Settings) read(ctx context.Context, e encoder) ([]byte, string, error) {
	st := s.state.Load()
	_, denied := access.Check(ctx, s.auth, access.ConfigRead, "")
	kept := 0
	if denied != nil {
		e.keep = func(at pointer) bool {
			if s.schema.mayRead(ctx, s.auth, at.String()) != nil {
				return false
			}
			kept++
			return true
		}
		if access.FromContext(ctx) == nil {
			return nil, "", denied
		}
	}
	e.encode(s.schema.root, st.value, reflect.Value{})
	if denied != nil && kept == 0 {
		return nil, "", denied
	}
	return e.buf, st.revision, nil
}

// Stats returns the counters.
func (s *Settings) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

func (s *Settings) count(f func(*Stats)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.stats)
}

// Schema returns the schema given to [Open].
func (s *Settings) Schema() *Schema { return s.schema }

func (s *Settings) revision(v reflect.Value, r record) string {
	e := encoder{}
	e.encode(s.schema.root, v, reflect.Value{})
	return strconv.FormatUint(r.Sequence, 10) + "-" + r.digest(e.buf)
}
