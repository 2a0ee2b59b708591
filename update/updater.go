package update

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
)

// resource is what every permission of this package is asked on.
const resource = "software"

// The operations that an [Interlock] is asked about.
const (
	OpInstall  = "update.install"  // writing a place
	OpActivate = "update.activate" // making what was written the next to start
	OpRestart  = "update.restart"  // restarting into a trial
	OpTrial    = "update.trial"    // running a release that is not confirmed
)

// Interlock keeps operations apart that must not meet. Package baseline has one.
//
// Who calls it: [Updater], with the operations of this package.
//
//   - An error of Begin refuses the operation, except for [OpTrial], which is a fact
//     that the boot chain tells; it is returned wrapped.
//   - What an earlier run left is begun again after a restart, by Resume(ctx, operation)
//     if there is such a method, and ended when it is over. Where nothing is under way,
//     what Pending() []string names, if there is such a method, is ended at a start.
//   - Calls may come concurrently.
//
// The interface may gain optional siblings.
type Interlock interface {
	Begin(ctx context.Context, operation string) error
	End(ctx context.Context, operation string) error
}

// Version is the release that runs, as it was compiled into the image: the vendor's
// build writes the same into the image and the release document.
type Version struct {
	Version string // for people; as Release.Version
	Number  uint64 // as Release.Number
	// Floor is as Release.Floor; 0 leaves it to the release document. It holds where
	// the document of the running release cannot be verified any more.
	Floor uint64
}

// Parts is what an [Updater] works with. All fields but Boot, Gates and Interlock
// are required; with a nil Guard nobody may do anything.
type Parts struct {
	Product string  // of this device; a release of another is refused
	Channel string  // from which it takes releases
	Running Version // what this program is

	Trust      Trust
	Source     Source
	Installers map[string]Installer // by name of the component
	// Boot names the Installer that decides what starts; "" is the only one. Each
	// release has this component, as its last.
	Boot   string
	Floors Floors
	Guard  access.Authorizer
	Host   Host
	Health Health

	Gates     []Gate
	Interlock Interlock // nil means that nothing else happens
}

// Options are the options of [Open]. Zero means the default.
type Options struct {
	Policy Policy // until Configure
	// Checkpoint is how many bytes are written between two syncs: at most so many are
	// fetched again after a power cut. It takes three fsyncs; default 8 MiB. What a slow
	// source brings is kept every 30 s besides.
	Checkpoint int64
	// Tries is how often a release on trial may be started; default 3, at most 15.
	Tries int
	// Attempts is how often a release may fail before it is blocked; default 1.
	Attempts int
	// Retries is how often in a row a Source may fail before Install gives up, unless
	// 256 KiB came between; default 5.
	Retries int
	// Stall is how long a Source may take for 256 KiB, and for a release document;
	// default 10 minutes.
	Stall time.Duration
	// Tick is how often a trial is looked at; default 10 s.
	Tick time.Duration
	// Log takes the events of this package; nil discards them.
	Log *slog.Logger
}

// Updater replaces the software of a device. It may be used concurrently; a second
// installation gives [ErrBusy].
//
// Its state is kept under "update/" in the Store: "update/journal", "update/release"
// and "update/newest".
type Updater struct {
	parts Parts
	opts  Options
	log   *slog.Logger
	store durable.Store
	saved *durable.Value[journal]

	health    inquiry
	inquiries []inquiry // one for each gate

	noting  turn // who has it writes "update/newest"
	working turn // who has it changes what follows
	begun   map[string]bool
	ready   bool // Recover succeeded
	counted bool // this start counts in the trial
	trial   trial
	started time.Time // when a restart was last asked for
	ordered order     // who asked for what is armed
	later   time.Time // Run does not check before

	mu        sync.Mutex // guards what follows; never held during I/O
	journal   journal
	damage    error
	refused   time.Time // when images were refused last, or this run began
	suspected time.Time // when metadata that did not verify was logged
	unkept    error     // why the newest release document could not be kept
	policy    Policy
	progress  Progress
	stats     Stats
	owed      error                   // why the floor could not be raised
	stop      context.CancelCauseFunc // ends the installation under way
}

// Open reads the journal. It does no other I/O and asks nobody: call
// [Updater.Recover] before anything else runs, and [Updater.Run] then. Parts and
// options that break a rule give an error that is [io/fs.ErrInvalid].
func Open(ctx context.Context, store durable.Store, parts Parts, opts *Options) (*Updater, error) {
	if opts == nil {
		opts = &Options{}
	}
	if err := parts.check(store); err != nil {
		return nil, fmt.Errorf("update: open: %w: %w", err, fs.ErrInvalid)
	}
	u := &Updater{
		parts: parts, opts: *opts, log: opts.Log, store: store,
		saved:  durable.NewValue[journal](store, "update/journal", &durable.ValueOptions[journal]{Check: journal.check, MaxBytes: maxJournal}),
		noting: make(turn, 1), working: make(turn, 1), begun: map[string]bool{}, policy: opts.Policy, refused: time.Now(),
	}
	u.inTurn()
	u.parts.Gates = slices.Clone(parts.Gates)
	u.inquiries = make([]inquiry, len(parts.Gates))
	if err := u.defaults(); err != nil {
		return nil, fmt.Errorf("update: open: %w: %w", err, fs.ErrInvalid)
	}
	if err := durable.Reserve(ctx, store, "update/journal", maxJournal); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return nil, fmt.Errorf("update: open: %w", err)
	}
	return u, u.load(ctx)
}

func (u *Updater) defaults() error {
	o := &u.opts
	or(&o.Checkpoint, 8<<20)
	or(&o.Tries, 3)
	or(&o.Attempts, 1)
	or(&o.Retries, 5)
	or(&o.Stall, 10*time.Minute)
	or(&o.Tick, 10*time.Second)
	if u.log == nil {
		u.log = slog.New(slog.DiscardHandler)
	}
	if u.parts.Boot == "" {
		for name := range u.parts.Installers {
			u.parts.Boot = name
		}
	}
	switch {
	case o.Checkpoint < 1 || o.Retries < 1 || o.Attempts < 1:
		return errors.New("a count below 1")
	case o.Tries < 1 || o.Tries > 15:
		return errors.New("tries are 1 to 15")
	case o.Stall < time.Second || o.Tick < time.Millisecond:
		return errors.New("a duration is too short")
	}
	return u.policy.check()
}

func or[T comparable](v *T, fallback T) {
	var zero T
	if *v == zero {
		*v = fallback
	}
}

func (p *Parts) check(store durable.Store) error {
	switch {
	case store == nil || p.Trust == nil || p.Source == nil || p.Floors == nil || p.Host == nil || p.Health == nil:
		return errors.New("store, trust, source, floors, host or health is nil")
	case !validName(p.Product) || !validName(p.Channel):
		return errors.New("product or channel " + ruleName)
	case !validVersion(p.Running.Version) || p.Running.Number == 0 || p.Running.Floor > p.Running.Number:
		return errors.New("the running version has no text or number, or a floor above it")
	case len(p.Installers) == 0 || len(p.Installers) > MaxComponents || slices.Contains(p.Gates, nil):
		return errors.New("1 to 32 installers, and no gate that is nil")
	case len(p.Installers) > 1 && p.Boot == "", p.Boot != "" && p.Installers[p.Boot] == nil:
		return errors.New("boot names no installer")
	}
	for name, i := range p.Installers {
		if !validName(name) || i == nil {
			return errors.New("the name of an installer " + ruleName + ", and it is not nil")
		}
	}
	return nil
}

// begin tells the Interlock that operation begins, unless it was told in this run.
func (u *Updater) begin(ctx context.Context, operation string) error {
	if u.parts.Interlock == nil || u.begun[operation] {
		return nil
	}
	if err := u.parts.Interlock.Begin(ctx, operation); err != nil {
		return err
	}
	u.begun[operation] = true
	return nil
}

// resume is begin for what an earlier run may have left.
func (u *Updater) resume(ctx context.Context, operation string) error {
	r, ok := u.parts.Interlock.(interface {
		Resume(ctx context.Context, operation string) error
	})
	if !ok || u.begun[operation] {
		return u.begin(ctx, operation)
	}
	if err := r.Resume(ctx, operation); err != nil {
		return err
	}
	u.begun[operation] = true
	return nil
}

// end tells it that operation is over.
func (u *Updater) end(ctx context.Context, operation string) error {
	if !u.begun[operation] {
		return nil
	}
	if err := u.parts.Interlock.End(context.WithoutCancel(ctx), operation); err != nil {
		return err
	}
	delete(u.begun, operation)
	return nil
}
