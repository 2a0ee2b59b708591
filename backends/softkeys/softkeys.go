package softkeys

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"sync"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/protect"
)

// MaxSecret is the most bytes that Seal takes.
const MaxSecret = 1024

// Keys is a [protect.KeyStore] whose keys are a record in a [durable.Store]. It is
// also a [protect.Revoker]; package signing adds [protect.SigningKeys]. It may be
// used concurrently; one process uses the record.
type Keys struct {
	store durable.Store
	name  string

	mu     sync.Mutex // held through every operation
	rec    *record    // never nil, never changed; a pointer, so that no format of fmt shows it
	dirty  bool       // what the medium holds is not known
	closed bool
}

// The abilities.
var (
	_ protect.KeyStore = (*Keys)(nil)
	_ protect.Revoker  = (*Keys)(nil)
)

// Options are the options of [Open].
type Options struct {
	// Record is the name of the record in the store, default "softkeys".
	Record string
}

// Open reads the keys from store; there are none until the first is needed. A
// *[durable.Dir] is used also while it is on hold, so that the vault's floor opens.
// A store on another medium than the data, which an attacker has to take as well,
// is better.
//
// A damaged record is [protect.ErrTampered].
func Open(ctx context.Context, store durable.Store, opts *Options) (*Keys, error) {
	k := &Keys{store: store, name: "softkeys", rec: &record{}}
	if opts != nil && opts.Record != "" {
		k.name = opts.Record
	}
	if err := durable.ValidName(k.name); err != nil {
		return nil, fmt.Errorf("softkeys: open: %w", err)
	}
	if err := k.load(ctx); err != nil {
		return nil, fmt.Errorf("softkeys: open: %w", err)
	}
	// So that an erasure ends on a full medium. A store that keeps no reserves, or
	// is too full for one now, still keeps keys.
	_ = durable.Reserve(ctx, k.medium(), k.name, maxRecord)
	return k, nil
}

// medium is the store, also while its directory is on hold.
func (k *Keys) medium() durable.Store {
	if d, ok := k.store.(*durable.Dir); ok {
		if h := d.Held(); h != nil {
			return h.Store()
		}
	}
	return k.store
}

// Info implements [protect.KeyStore]. It never claims hardware.
func (k *Keys) Info() protect.Info {
	return protect.Info{
		Name: "softkeys", MaxSecret: MaxSecret, Advance: protect.ReachLive,
		BoundTo:  "nothing: the keys lie on the same medium",
		Protects: "against whoever has single files, not the whole medium; an image of it opens for ever",
	}
}

// Close implements [protect.KeyStore]. The store stays open.
func (k *Keys) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed, k.rec = true, &record{}
	return nil
}

// ready says why an operation cannot run. After a failed write it first reads what the
// medium holds, which may be the new record.
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
	if err := k.load(ctx); err != nil {
		return err
	}
	k.dirty = false
	return nil
}

// Seal implements [protect.KeyStore].
func (k *Keys) Seal(ctx context.Context, secret []byte) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	blob, err := k.sealFor(ctx, nil, secret)
	if err != nil {
		return nil, fmt.Errorf("softkeys: seal: %w", err)
	}
	return blob, nil
}

// SealFor implements [protect.Revoker].
func (k *Keys) SealFor(ctx context.Context, gen uint64, secret []byte) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	blob, err := k.sealFor(ctx, &gen, secret)
	if err != nil {
		return nil, fmt.Errorf("softkeys: seal: %w", err)
	}
	return blob, nil
}

// sealFor seals for the given generation, or the present one.
func (k *Keys) sealFor(ctx context.Context, gen *uint64, secret []byte) ([]byte, error) {
	if err := k.ready(ctx); err != nil {
		return nil, err
	}
	if err := checkSecret(secret); err != nil {
		return nil, err
	}
	now := k.rec.Generation
	if gen == nil {
		gen = &now
	}
	if *gen != now && *gen != now+1 {
		return nil, fmt.Errorf("generation %d, want %d or %d: %w", *gen, now, now+1, fs.ErrInvalid)
	}
	if k.rec.key(*gen) == nil {
		if err := k.save(ctx, k.rec.withKey(*gen)); err != nil {
			return nil, err
		}
	}
	return k.rec.seal(kindSecret, *gen, k.rec.key(*gen), secret), nil
}

func checkSecret(secret []byte) error {
	if len(secret) == 0 || len(secret) > MaxSecret {
		return fmt.Errorf("secret of %d bytes, want 1 to %d: %w", len(secret), MaxSecret, fs.ErrInvalid)
	}
	return nil
}

// Unseal implements [protect.KeyStore].
func (k *Keys) Unseal(ctx context.Context, blob []byte) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	secret, err := k.unseal(ctx, kindSecret, blob)
	if err != nil {
		return nil, fmt.Errorf("softkeys: unseal: %w", err)
	}
	return secret, nil
}

func (k *Keys) unseal(ctx context.Context, kind byte, blob []byte) ([]byte, error) {
	if err := k.ready(ctx); err != nil {
		return nil, err
	}
	return k.rec.open(kind, blob)
}

// Generation implements [protect.Revoker].
func (k *Keys) Generation(ctx context.Context) (uint64, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.ready(ctx); err != nil {
		return 0, fmt.Errorf("softkeys: generation: %w", err)
	}
	return k.rec.Generation, nil
}

// Advance implements [protect.Revoker] as far as software can: the keys of older
// generations are removed from the record. Older copies of the record, in an image
// of the medium or in its free space, open what they opened before.
func (k *Keys) Advance(ctx context.Context, gen uint64) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	err := k.ready(ctx)
	switch {
	case err != nil:
	case gen == k.rec.Generation:
		return nil
	case gen != k.rec.Generation+1:
		err = fmt.Errorf("to %d from %d: %w", gen, k.rec.Generation, fs.ErrInvalid)
	default:
		err = k.save(ctx, k.rec.advanced())
	}
	if err != nil {
		return fmt.Errorf("softkeys: advance: %w", err)
	}
	return nil
}

// Format redacts the keys.
func (k *Keys) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText redacts the keys.
func (k *Keys) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue redacts the keys.
func (k *Keys) LogValue() slog.Value { return slog.StringValue(redacted) }

const redacted = "softkeys.Keys[redacted]"

func randomKey() []byte {
	k := make([]byte, keySize)
	rand.Read(k)
	return k
}
