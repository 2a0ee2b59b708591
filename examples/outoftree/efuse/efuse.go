package efuse

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"sync"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/protect"
)

// Keys is a [protect.KeyStore] and a [protect.Revoker] over a bank of fuses. It may be
// used concurrently; one process uses the bank.
type Keys struct {
	fuses  durable.Store
	sealed bool

	mu     sync.Mutex // held through every operation
	bank   *bank      // a pointer, so that no format of fmt shows it
	dirty  bool       // what the bank holds is not known
	closed bool
}

// The abilities. One that always failed would be worse than one that is absent, so
// there are no signing keys here.
var (
	_ protect.KeyStore = (*Keys)(nil)
	_ protect.Revoker  = (*Keys)(nil)
)

// Options are the options of [Open].
type Options struct {
	// Sealed is the vendor's word that the bank is in the processor: nobody reads it
	// but this program, and nobody puts an older bank back. Default false.
	Sealed bool
}

// Open reads the fuses. It does I/O and never burns: fuses that are not burned are
// [protect.ErrMissing], damaged ones [protect.ErrTampered], and ones that do not
// answer [protect.ErrUnavailable], to retry.
func Open(ctx context.Context, fuses durable.Store, opts *Options) (*Keys, error) {
	if opts == nil {
		opts = &Options{}
	}
	b, err := load(ctx, fuses)
	if err != nil {
		return nil, fmt.Errorf("efuse: open: %w", err)
	}
	// So that an erasure ends on a full medium; one without reserves still serves.
	_ = durable.Reserve(ctx, fuses, recordName, 256)
	return &Keys{fuses: fuses, sealed: opts.Sealed, bank: &b}, nil
}

// Info implements [protect.KeyStore]. It claims what [Options].Sealed vouches for.
func (k *Keys) Info() protect.Info {
	info := protect.Info{
		Name: "efuse", MaxSecret: MaxSecret, Advance: protect.ReachLive, BoundTo: "a bank of fuses apart from the data",
		Protects: "against whoever has the data medium, and not the fuses",
	}
	if k.sealed {
		info.Hardware, info.Advance = true, protect.ReachCopies
	}
	return info
}

// Close implements [protect.KeyStore]. The store of the fuses stays open.
func (k *Keys) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed, k.bank = true, &bank{}
	return nil
}

// ready says why an operation cannot run. After a write that failed it looks at the
// fuses again and writes what they show, since a failed sync may have kept nothing.
func (k *Keys) ready(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if k.closed {
		return fs.ErrClosed
	}
	if !k.dirty {
		return nil
	}
	b, err := load(ctx, k.fuses)
	if err != nil {
		return err
	}
	return k.save(ctx, b)
}

func (k *Keys) save(ctx context.Context, b bank) error {
	k.dirty = true
	if err := record(k.fuses).Store(ctx, b); err != nil {
		return fmt.Errorf("%w: %w", protect.ErrUnavailable, err)
	}
	k.bank, k.dirty = &b, false
	return nil
}

// Generation implements [protect.Revoker].
func (k *Keys) Generation(ctx context.Context) (uint64, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.ready(ctx); err != nil {
		return 0, fmt.Errorf("efuse: generation: %w", err)
	}
	return k.bank.Generation, nil
}

// Advance implements [protect.Revoker]: the bank refuses older generations from then
// on, whatever copies of blobs there are.
func (k *Keys) Advance(ctx context.Context, gen uint64) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	err := k.ready(ctx)
	switch {
	case err != nil:
	case gen == k.bank.Generation:
		return nil
	case gen != k.bank.Generation+1:
		err = fmt.Errorf("to %d from %d: %w", gen, k.bank.Generation, fs.ErrInvalid)
	default:
		err = k.save(ctx, bank{Root: k.bank.Root, Generation: gen})
	}
	if err != nil {
		return fmt.Errorf("efuse: advance: %w", err)
	}
	return nil
}

const redacted = "efuse[redacted]"

// Format redacts the keys.
func (k *Keys) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText redacts the keys.
func (k *Keys) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue redacts the keys.
func (k *Keys) LogValue() slog.Value { return slog.StringValue(redacted) }
