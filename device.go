package baseline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/risk"
)

// The failures that a caller of this package can act on.
var (
	// ErrDrift: the composition is not that of the statement, and
	// Options.OnDrift is [DriftRefuse]. It ends [Device.Run].
	ErrDrift = errors.New("composition is not that of the statement of applicability")
	// ErrRolledBack: a release on trial drifted and gave itself up. Restart.
	ErrRolledBack = errors.New("release on trial was rolled back")
	// ErrRecompose: what was down can be opened now. Compose anew and run.
	ErrRecompose = errors.New("a part that was down is back")
	// ErrRunning: Run was called before on this device, or it is closed.
	ErrRunning = errors.New("device runs already, or is closed")
)

// Options are the options of [New].
type Options struct {
	// Log takes the events of this package; nil discards them.
	Log *slog.Logger
	// Events is the handler of the parts' log; what it collected becomes notices
	// while the device runs. Nil: no event becomes a notice.
	Events *Events
	// OnDrift says what becomes of a composition that is not the statement's.
	OnDrift OnDrift
	// Down are parts that belong to the composition and could not be opened now:
	// they count as composed, and the device is degraded. While one of them is the
	// Protector, Accessor, Eraser or Resetter, nobody can tell whether an erasure or
	// a reset was interrupted, and only what serves in [Degraded] is started.
	Down []Down
	// Interlock is the one that the parts were given; nil when they were given none.
	Interlock *Interlock
	// MinRetry and MaxRetry bound the growing time between two tries to bring back
	// what is down; default 1 s and 5 min.
	MinRetry, MaxRetry time.Duration
	// StartTimeout is how long a part may take to recover, to resume or to stop before it
	// counts as down; default 30 s.
	StartTimeout time.Duration
}

// OnDrift is what becomes of a composition that is not that of the statement. A
// release on trial is rolled back in any case.
type OnDrift int

const (
	// DriftRestrict runs the device as [Nonconforming]: management and update only.
	DriftRestrict OnDrift = iota
	// DriftRefuse makes Run end with ErrDrift.
	DriftRefuse
)

// Down is a part that is composed and could not be opened now. A hardware key
// store that does not answer is no reason to run without it, nor to start afresh.
type Down struct {
	Part     string           // its field in Parts, such as "Protector"
	Features []clause.Feature // that it would have
	Cause    error
	// Retry tries to open it. Once it returns nil, Run ends with ErrRecompose.
	Retry func(ctx context.Context) error
}

// Device is a composition that was checked. Make it with [New]. It may be used
// concurrently; Run is called once.
type Device struct {
	opts     Options
	members  []member
	servers  []server
	updater  Updater
	notifier Notifier
	accessor Accessor
	features []clause.Feature
	drift    []string

	resumed map[string]bool       // by member; used by Run alone
	slow    map[string]chan error // answers that came too late; used by Run alone
	running atomic.Bool

	mu      sync.Mutex
	up      map[string]bool            // by member; it recovered
	down    map[string]error           // by member; why it is not up
	hung    map[string]bool            // by member, or name of one that is down; it never answered
	stuck   map[string]<-chan struct{} // what did not stop running in time; closed when it does
	started bool                       // every part was asked to recover once
	closed  bool
}

// server is a member that accepts from outside.
type server struct {
	member
	Server
}

// New checks what is composed against the statement of applicability. It does no
// I/O, reads no clock and starts nothing: one program always gets one answer.
//
// Errors: [ErrPart], with the field, for a nil pointer or a feature that is not
// valid or claimed twice; [*MissingError] for what the statement itself calls a gap
// and nobody composed. Drift is no error here: Run deals with it.
func New(parts Parts, statement *risk.Statement, opts *Options) (*Device, error) {
	if opts == nil {
		opts = &Options{}
	}
	if statement == nil {
		return nil, fmt.Errorf("baseline: new: no statement of applicability: derive it from the risk assessment: %w", ErrPart)
	}
	if err := parts.check(); err != nil {
		return nil, fmt.Errorf("baseline: new: %w", err)
	}
	d := &Device{
		opts: *opts, members: distinct(parts.members()), down: map[string]error{}, up: map[string]bool{}, resumed: map[string]bool{}, slow: map[string]chan error{}, hung: map[string]bool{}, stuck: map[string]<-chan struct{}{},
		updater: parts.Updater, notifier: parts.Notifier, accessor: parts.Accessor,
		features: parts.Features(),
	}
	d.setDefaults()
	if err := d.count(); err != nil {
		return nil, fmt.Errorf("baseline: new: %w: %w", ErrPart, err)
	}
	if err := missing(statement, d.features); err != nil {
		return nil, err
	}
	d.drift = statement.Drift(d.features)
	return d, nil
}

func (d *Device) setDefaults() {
	if d.opts.Log == nil {
		d.opts.Log = slog.New(slog.DiscardHandler)
	}
	if d.opts.MinRetry <= 0 {
		d.opts.MinRetry = time.Second
	}
	if d.opts.MaxRetry <= 0 {
		d.opts.MaxRetry = 5 * time.Minute
	}
	d.opts.MaxRetry = max(d.opts.MaxRetry, d.opts.MinRetry)
	if d.opts.StartTimeout <= 0 {
		d.opts.StartTimeout = 30 * time.Second
	}
}

// count takes stock: features of what is up and what is down, and servers.
func (d *Device) count() error {
	for _, down := range d.opts.Down {
		if err := d.checkDown(down); err != nil {
			return err
		}
		d.features = append(d.features, down.Features...)
		d.down[down.Part] = down.Cause
	}
	for _, m := range d.members {
		if s, ok := m.part.(Server); ok {
			d.servers = append(d.servers, server{m, s})
		}
	}
	sort.Slice(d.features, func(i, j int) bool { return d.features[i].ID < d.features[j].ID })
	return clause.Check(d.features)
}

// checkDown refuses what cannot be down: no field of Parts, named twice, or up.
func (d *Device) checkDown(down Down) error {
	switch {
	case down.Cause == nil:
		return fmt.Errorf("down part %q has no cause", down.Part)
	case !slices.Contains(fields, down.Part):
		return fmt.Errorf("down part %q is no field of Parts", down.Part)
	case d.down[down.Part] != nil:
		return fmt.Errorf("part %s is down twice", down.Part)
	case slices.ContainsFunc(d.members, func(m member) bool { return m.name == down.Part }):
		return fmt.Errorf("part %s is composed and down", down.Part)
	}
	return nil
}

// Features returns the features of the composition, sorted by id, with their
// present settings.
func (d *Device) Features() []clause.Feature {
	var all []clause.Feature
	for _, m := range d.members {
		all = append(all, m.part.Features()...)
	}
	for _, down := range d.opts.Down {
		all = append(all, down.Features...)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].ID < all[j].ID })
	return all
}

// Drift returns in words how the composition differs from the statement's.
func (d *Device) Drift() []string { return slices.Clone(d.drift) }

// Health returns what is not well, part by part, or nil. It asks every part that
// is up, and so may do I/O. A part that waits for its turn to start is not asked: it
// may have opened nothing yet.
func (d *Device) Health(ctx context.Context) error {
	var all []error
	if s, reason := d.State(); s != Operational {
		all = append(all, fmt.Errorf("baseline: health: %s: %s", s, reason))
	}
	if d.opts.Interlock != nil {
		all = append(all, d.opts.Interlock.Health(ctx))
	}
	for _, m := range d.members {
		all = append(all, d.healthOf(ctx, m))
	}
	return errors.Join(all...)
}

func (d *Device) healthOf(ctx context.Context, m member) error {
	if cause := d.cause(m.name); cause != nil {
		return fmt.Errorf("baseline: health: %s is down: %w", m.name, cause)
	}
	c, ok := m.part.(Checker)
	if !ok || !d.isUp(m.name) {
		return nil
	}
	if err := c.Health(ctx); err != nil {
		return fmt.Errorf("baseline: health: %s: %w", m.name, err)
	}
	return nil
}
