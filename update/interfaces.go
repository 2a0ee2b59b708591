package update

import (
	"context"
	"io"
	"time"
)

// Trust is the vendor's verified metadata: what may be installed. backends/tuf is
// one.
//
// Who calls it: [Updater], from one goroutine at a time. Who writes one: a backend.
//
//   - Refresh fetches and verifies the newest metadata; what was verified survives
//     a power cut. It may be called again at any time.
//   - Refresh without a way to the server gives an error that is [ErrUnavailable]
//     and changes nothing: what was verified before stays good until it expires.
//   - Refresh gives an error that is [ErrUntrusted] for metadata that does not
//     verify, is older than what was seen, or has expired.
//   - Find returns the target called path as the verified metadata describes it, and
//     an error that is [ErrNotOffered] if there is none. It does no network I/O beyond
//     delegated metadata.
//
// The interface may gain optional siblings.
type Trust interface {
	Refresh(ctx context.Context) error
	Find(ctx context.Context, path string) (Target, error)
}

// Target is a file as verified metadata describes it.
type Target struct {
	Path   string // in the metadata
	Name   string // to ask a [Source] for; differs from Path with consistent snapshots
	Length int64  // bytes
	Digest Digest
}

// Source brings the bytes of targets. It is not trusted: every byte is verified.
// backends/httpsource is one; [FS] makes one of an io/fs.FS, such as a stick.
//
// Who calls it: [Updater] and backends/tuf, concurrently. Who writes one: a backend.
//
//   - Open returns the bytes of name from offset on, at most length of them (-1: to
//     the end). at is where r really begins, at most offset: a source without ranges
//     begins at 0, and the caller skips.
//   - A name that is not there gives an error that is [io/fs.ErrNotExist]; a source
//     that cannot be reached now [ErrUnavailable].
//   - ctx ends reading, too. The caller closes r.
//   - A read that ends early is an error of the reader or a short read; the caller
//     asks again from where it stopped.
//
// The interface may gain optional siblings.
type Source interface {
	Open(ctx context.Context, name string, offset, length int64) (r io.ReadCloser, at int64, err error)
}

// Installer installs one component. backends/abslot is one.
//
// Who calls it: [Updater], one call at a time. Who writes one: a backend.
//
//   - All methods are idempotent: each is called again after a power cut.
//   - Inventory tells what runs and what lies in the other place, as the boot chain
//     says it and not as this device remembers.
//   - Prepare first makes the place that it will write unbootable, durably, then
//     returns it for size bytes. With resume > 0 the bytes before resume stay. The
//     running place is never touched.
//   - Activate makes the written place the next to start, for at most tries starts,
//     in one durable step, after which the device may restart at any moment.
//   - Confirm makes the running place good for ever; Rollback makes the place before
//     the next to start, and the running one bad. Both are durable when they
//     return nil.
//   - Rollback before a restart disarms what Activate did.
//
// The kit is update/updatetest, TestInstaller. The interface may gain optional
// siblings: [Baser].
type Installer interface {
	Inventory(ctx context.Context) (Installed, error)
	Prepare(ctx context.Context, c Component, size, resume int64) (Sink, error)
	Activate(ctx context.Context, c Component, tries int) error
	Confirm(ctx context.Context, c Component) error
	Rollback(ctx context.Context, c Component) error
}

// Installed is what an Installer finds.
type Installed struct {
	Running string // name of the place that runs, "a"
	Other   string // of the place that would be written, "b"
	Trial   bool   // the running place is started on trial and not confirmed
	Armed   bool   // the other place is the next to start
	Good    bool   // the other place was confirmed once and would start
	Tries   int    // starts that a place on trial, or armed, has left
}

// Sink is a place that is being written.
//
//   - WriteAt changes only the place that Prepare made unbootable; beyond the size
//     given to Prepare it is an error.
//   - Only what a Sync that returned nil followed is durable.
//   - Readback reads the size bytes that Prepare was given from the medium, not from
//     memory, as far as the system allows.
//   - Close frees the place and syncs nothing.
type Sink interface {
	io.WriterAt
	Sync(ctx context.Context) error
	Readback(ctx context.Context) (io.ReadCloser, error)
	Close() error
}

// Baser is the optional ability of an [Installer] to read the running image, which
// a delta is made against.
type Baser interface {
	Base(ctx context.Context, c Component) (io.ReaderAt, Digest, error)
}

// Bootloader keeps, outside of the running system, which slot starts next.
// backends/uboot is one.
//
// Who calls it: an [Installer] such as backends/abslot, one call at a time. Who
// writes one: a backend.
//
//   - Each change is one atomic, durable write: after a power cut all of it is there
//     or nothing.
//   - Booted tells the slot that this system was started from, as the boot loader said
//     at its start; it does not change while the system runs.
//   - SetBad makes a slot one that is not started; of the running one it gives an error
//     that is [ErrRunning].
//   - Try makes slot the next to start, tries times at most; then the slot before starts
//     again. The other slot stays what it is.
//   - MarkGood makes slot good and first, whatever Try said.
//   - A slot that the boot loader does not know gives an error that is
//     [io/fs.ErrNotExist].
//   - A damaged environment gives an error that is [ErrDamaged], not a guess.
//
// The kit is update/updatetest, TestBootloader. The interface may gain optional
// siblings.
type Bootloader interface {
	Booted(ctx context.Context) (slot string, err error)
	State(ctx context.Context) ([]SlotState, error)
	SetBad(ctx context.Context, slot string) error
	Try(ctx context.Context, slot string, tries int) error
	MarkGood(ctx context.Context, slot string) error
}

// SlotState is what a boot loader holds of one slot.
type SlotState struct {
	Name  string // "a"
	Good  bool   // confirmed: it would start
	Next  bool   // it is the next to start
	Tries int    // starts left on trial; 0 when it is not on trial
}

// Gate holds a phase back: a battery that is too low, a pump that runs, a window, a
// person who was not asked. It is asked before the phase, and may be asked again.
//
//   - Check answers at once and changes nothing; no answer within 5 s holds the phase
//     back, and it is not asked again before it answered. It may be called concurrently.
type Gate interface {
	Check(ctx context.Context, p Phase, r *Release) Verdict
}

// Verdict is the answer of a [Gate]; the zero value lets pass.
type Verdict struct {
	Held   bool
	Reason string // for people
}

// Phase is what a [Gate] is asked about.
type Phase string

// The phases, in order.
const (
	PhaseDownload Phase = "download"
	PhaseActivate Phase = "activate"
	PhaseRestart  Phase = "restart"
	PhaseConfirm  Phase = "confirm"
)

// Floors keeps numbers that never go down, such as the lowest release that may be
// installed. [NewFloors] keeps them in a Store; a TPM may keep them better.
//
//   - Get returns 0 for a name that was never raised.
//   - Raise keeps the higher of v and what was; once it returned nil, Get never again
//     returns less, whatever happens to the power.
//   - Methods may be called concurrently.
//
// The kit is update/updatetest, TestFloors. The interface is frozen.
type Floors interface {
	Get(ctx context.Context, name string) (uint64, error)
	Raise(ctx context.Context, name string, v uint64) error
}

// Health says whether the release on trial does its work. An error that does not go
// away within the trial rolls it back.
//
//   - Healthy answers before its ctx ends: the later of [Options.Tick] and 5 s. No answer
//     is ill health; it is not asked again before it answered.
type Health interface {
	Healthy(ctx context.Context) error
}

// Host is the machine under the device's software.
//
//   - Restart asks for a restart and returns; the device goes on until it comes.
//   - Watchdog asks the hardware to restart the device unless it is called again within
//     d; 0 ends it. A host without one returns an error that is
//     [errors.ErrUnsupported].
//   - LinkUp tells whether the local network can be reached.
type Host interface {
	Restart(ctx context.Context, reason string) error
	Watchdog(d time.Duration) error
	LinkUp() bool
}
