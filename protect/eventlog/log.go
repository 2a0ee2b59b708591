package eventlog

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
)

// Log keeps events. It may be used concurrently; a Store has one Log of a name.
type Log struct {
	opts        Options
	keys        keys
	log         *durable.Log
	key         crypto.Signer
	public      ed25519.PublicKey
	anchor      *durable.Value[anchor]
	certificate string      // of the key, by the device; "" without one
	before      *Checkpoint // of the retired log that this one follows
	guard       atomic.Pointer[access.Authorizer]
	settings    atomic.Pointer[Settings]
	encoders    sync.Pool
	wake        chan struct{} // holds one when records wait for Run

	running  atomic.Bool
	trimming sync.Mutex // held while old records go; before anchors
	anchors  sync.Mutex // held while the anchor is written

	mu         sync.Mutex
	next       uint64
	last       hash   // leaf of the record before next
	tree       tree   // up to it, over all records there ever were
	base       tree   // of those that were given up, as is signed: see oldest
	marks      []tree // between base and tree, a step of size apart: where the oldest can begin
	unmarked   int    // bytes since the last of them
	first      uint64 // the oldest there is
	synced     uint64 // records below are on the medium
	syncedTree tree
	sizes      []uint16 // of each record from first on
	size       int      // of all
	since      int      // records since the last checkpoint
	signed     []byte   // the newest checkpoint
	lost       uint64   // records that nothing in the log tells of yet
	failed     failure
	ill        illness
	closed     bool
	closing    sync.Once
	closeErr   error
	stats      Stats

	anchored       uint64 // records below are covered by the anchor; 0 without one
	anchoredOldest uint64
	anchoredAt     time.Time // in this run
	important      uint64    // the last record that asks for an anchor
}

// illness is what Health tells until the same succeeds. No record is lost by it.
type illness struct{ anchor, reserve, trim, certificate error }

// Open opens the event log in store, which must be a [durable.Logs], and makes it if
// it is missing. key is the log's own Ed25519 key: it signs checkpoints, and whoever
// has its public half can verify. Open reads the log, verifies its end and that no older
// record is missing which was not given up, and compares it with the anchor: what does
// not fit is [ErrTampered].
//
// That the device has not certified the key, because it could not, is told by [Log.Health]; the
// next Open tries again.
//
// Until [Log.Guard] is called nobody may read, export or prune.
func Open(ctx context.Context, store durable.Store, key crypto.Signer, opts *Options) (*Log, error) {
	l, err := prepare(key, opts)
	if err != nil {
		return nil, fmt.Errorf("eventlog: open: %w", err)
	}
	if l.opts.Anchor != nil {
		l.reserveAnchor(ctx, l.opts.Anchor)
	}
	if l.log, err = durable.OpenLog(ctx, store, l.opts.Name, l.opts.logOptions()); err != nil {
		return nil, fmt.Errorf("eventlog: open: %w", err)
	}
	if err := l.recover(ctx); err != nil {
		return nil, errors.Join(err, l.log.Close())
	}
	l.ill.certificate = l.certify(ctx, store)
	l.started()
	if l.important > 0 && l.important >= l.anchored {
		l.rouse() // the anchor that a power cut came before
	}
	return l, nil
}

func prepare(key crypto.Signer, opts *Options) (*Log, error) {
	o, err := opts.orDefaults()
	if err != nil {
		return nil, err
	}
	k, err := newKeys(o.Keys)
	if err != nil {
		return nil, err
	}
	if key == nil {
		return nil, invalid("no key")
	}
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok || len(public) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("key of type %T, want Ed25519: %w", key.Public(), errors.ErrUnsupported)
	}
	if err := proveKey(key, public); err != nil {
		return nil, err
	}
	l := &Log{opts: o, keys: k, key: key, public: public, wake: make(chan struct{}, 1)}
	l.settings.Store(&Settings{})
	if o.Anchor != nil {
		l.anchor = anchorValue(o.Anchor, o.Name)
	}
	return l, nil
}

// Guard binds who decides about reading, exporting and pruning; the log opens before
// it, since it logs itself.
func (l *Log) Guard(a access.Authorizer) { l.guard.Store(&a) }

func (l *Log) check(ctx context.Context, p access.Permission) (*access.Entity, error) {
	var a access.Authorizer
	if bound := l.guard.Load(); bound != nil {
		a = *bound
	}
	return access.Check(ctx, a, p, "")
}

// Configure applies s from now on. Switching on and off is an event that is on the
// medium before Configure returns, or Configure changes nothing and fails. Whoever
// may call it is trusted: it asks nobody, because the settings that it carries were
// authorised where they are kept.
func (l *Log) Configure(_ context.Context, s Settings) error {
	if s.Level > LevelAudit {
		return fmt.Errorf("eventlog: configure: level above %d: %w", int(LevelAudit), fs.ErrInvalid)
	}
	if old := l.settings.Load(); old.Off != s.Off {
		event := EventOn
		if s.Off {
			event = EventOff
		}
		if err := l.audit(event); err != nil {
			return fmt.Errorf("eventlog: configure: %w", err)
		}
	}
	l.settings.Store(&s)
	return nil
}

// PublicKey returns the key with which the log is verified.
func (l *Log) PublicKey() ed25519.PublicKey { return l.public }

// Close notes the end, signs what there is, makes it durable and closes the log. A
// second Close does nothing, and returns what the first did.
func (l *Log) Close() error {
	l.closing.Do(func() {
		l.mu.Lock()
		l.closed = true
		l.mu.Unlock()
		if err := errors.Join(l.end(), l.log.Close()); err != nil {
			l.closeErr = fmt.Errorf("eventlog: close: %w", err)
		}
	})
	return l.closeErr
}

// end writes the last records.
func (l *Log) end() error {
	l.mu.Lock()
	err := l.note(EventClosed, slog.LevelInfo)
	if err == nil {
		err = l.sign()
	}
	l.mu.Unlock()
	if err == nil {
		err = l.flush()
	}
	if err == nil {
		err = l.keepAnchor(context.Background())
	}
	return err
}

// now is the time for a record whose own is at.
func (l *Log) now(at time.Time) (time.Time, durable.Quality) {
	if l.opts.Now != nil {
		return l.opts.Now()
	}
	return at, durable.LowerBound
}

const redacted = "eventlog.Log[redacted]"

// Format redacts the log, which holds a key.
func (l *Log) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue redacts the log.
func (l *Log) LogValue() slog.Value { return slog.StringValue(redacted) }
