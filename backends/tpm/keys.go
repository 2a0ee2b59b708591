package tpm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/protect"
)

// MaxSecret is the most bytes that Seal takes: what every TPM 2.0 can seal.
const MaxSecret = 128

// Options are the options of [Provision] and [Open], which want the same ones.
type Options struct {
	// Record is the name of the record in the store, default "tpm".
	Record string
	// Hardware says that the state of this TPM is not on the medium that it protects: it
	// is a chip, or firmware with a place of its own. Only the vendor knows.
	Hardware bool
	// PCRs are the platform configuration registers (SHA-256, 0 to 23) that secrets are
	// bound to, as they are when something is sealed. The boot chain must measure into
	// each: one that is all zeros or all ones is refused with [protect.ErrPolicy]. None
	// by default: then secrets open for whatever software runs on the device. What was
	// sealed before an update of what is measured does not open after it, without Vendor.
	PCRs []int
	// Vendor binds secrets to what the vendor approves of in PCRs, in the place of what is
	// in them when something is sealed: so they open after an update. What was sealed
	// without one opens as before.
	Vendor *Vendor
	// OwnerAuth is the auth value of the owner hierarchy; empty by default, as it is on a
	// device that nobody else administers. It has no zero byte (see the comment at draw).
	OwnerAuth []byte
	// Epoch and Count are the handles of two NV indices that nobody else uses; default
	// 0x01800B5E and 0x01800B5F.
	Epoch, Count uint32
	// Timeout bounds what has no context, such as a signature; default 30 s.
	Timeout time.Duration
}

// The places in a TPM.
const (
	defaultEpoch uint32         = 0x01800B5E
	defaultCount uint32         = 0x01800B5F
	persistedSRK tpm2.TPMHandle = 0x81000001 // where the TCG and systemd keep a storage key
)

func (o *Options) orDefaults() (Options, error) {
	r := Options{}
	if o != nil {
		r = *o
	}
	if r.Record == "" {
		r.Record = "tpm"
	}
	if r.Epoch == 0 {
		r.Epoch = defaultEpoch
	}
	if r.Count == 0 {
		r.Count = defaultCount
	}
	if r.Timeout == 0 {
		r.Timeout = 30 * time.Second
	}
	switch {
	case r.Epoch>>24 != 1 || r.Count>>24 != 1 || r.Epoch == r.Count:
		return r, fmt.Errorf("NV indices are two, from 0x01000000 to 0x01FFFFFF: %w", fs.ErrInvalid)
	case r.Timeout < 0 || bytes.IndexByte(r.OwnerAuth, 0) >= 0:
		return r, fmt.Errorf("time-out is negative, or the owner's auth has a zero byte: %w", fs.ErrInvalid)
	}
	mask, err := maskOf(r.PCRs)
	if err == nil {
		err = r.Vendor.check(mask)
	}
	if err != nil {
		return r, err
	}
	return r, durable.ValidName(r.Record)
}

// Keys is a [protect.KeyStore] whose keys are in a TPM. It is also a
// [protect.SigningKeys], a [protect.Counter] and a [protect.Revoker]. It may be used
// concurrently: the TPM does one thing after the other.
type Keys struct {
	opts  Options
	mask  uint32 // of Options.PCRs
	store durable.Store

	busy chan struct{} // who has it uses what follows
	t    transport.TPMCloser
	srk  storageKey
	rec  *record
	auth *auths // a pointer, so that no format of fmt shows it
	shut bool
}

// The abilities.
var (
	_ protect.KeyStore    = (*Keys)(nil)
	_ protect.SigningKeys = (*Keys)(nil)
	_ protect.Counter     = (*Keys)(nil)
	_ protect.Revoker     = (*Keys)(nil)
)

// Open finds the storage key and the indices that [Provision] has made, and makes
// nothing. t is the connection to the TPM, such as linuxtpm.Open("/dev/tpmrm0"); nobody
// else uses it. Close closes it, and so does an error, as soon as the TPM has answered.
//
// Errors: [protect.ErrMissing] if nothing was provisioned, [protect.ErrLost] for a TPM
// that was cleared or replaced, or whose indices are gone, [protect.ErrForeign] for an
// index of somebody else, [protect.ErrTampered] for a damaged record,
// [protect.ErrUnavailable].
func Open(ctx context.Context, t transport.TPMCloser, store durable.Store, opts *Options) (*Keys, error) {
	k, err := newKeys(t, store, opts)
	if err == nil {
		_, err = do(ctx, k, "open", func() (struct{}, error) { return struct{}{}, k.open(ctx) })
	}
	return k.orClosed(ctx, t, err)
}

// orClosed gives the connection up after an error. One that is in use is closed when the
// TPM has answered.
func (k *Keys) orClosed(ctx context.Context, t transport.TPMCloser, err error) (*Keys, error) {
	switch {
	case err == nil:
		return k, nil
	case k != nil && ctx.Err() != nil: // it may be in use
		go func() { _ = k.shutDown() }()
	case k != nil:
		_ = k.shutDown()
	case t != nil:
		err = errors.Join(err, t.Close())
	}
	return nil, err
}

func newKeys(t transport.TPMCloser, store durable.Store, opts *Options) (*Keys, error) {
	o, err := opts.orDefaults()
	if err == nil && (t == nil || store == nil) {
		err = fmt.Errorf("connection or store is nil: %w", fs.ErrInvalid)
	}
	if err != nil {
		return nil, fmt.Errorf("tpm: open: %w", err)
	}
	mask, _ := maskOf(o.PCRs)
	return &Keys{opts: o, mask: mask, store: store, busy: make(chan struct{}, 1), t: t}, nil
}

// Info implements [protect.KeyStore].
func (k *Keys) Info() protect.Info {
	info := protect.Info{
		Name: "tpm", Hardware: k.opts.Hardware, MaxSecret: MaxSecret, BoundTo: "this TPM, and no software", Advance: protect.ReachLive,
		Protects: "against whoever has the medium without the TPM",
	}
	if k.mask != 0 {
		info.BoundTo = fmt.Sprintf("this TPM, and what was measured into PCRs %v", k.opts.PCRs)
	}
	if k.opts.Vendor != nil {
		info.BoundTo = fmt.Sprintf("this TPM, and software whose measures in PCRs %v the vendor signed", k.opts.PCRs)
	}
	if k.opts.Hardware {
		info.Advance = protect.ReachCopies
	} else {
		info.Protects += "; whoever copied the state of the TPM as well has everything"
	}
	return info
}

// Close implements [protect.KeyStore]: it frees what the TPM holds for us, and closes
// the connection. When the TPM does not answer within Options.Timeout that is done when
// it does, and the error is [protect.ErrUnavailable].
func (k *Keys) Close() error {
	done := make(chan error, 1)
	go func() { done <- k.shutDown() }()
	select {
	case err := <-done:
		return err
	case <-time.After(k.opts.Timeout):
		return fmt.Errorf("tpm: close: %w: no answer", protect.ErrUnavailable)
	}
}

func (k *Keys) shutDown() error {
	k.busy <- struct{}{}
	defer func() { <-k.busy }()
	if k.shut {
		return nil
	}
	k.shut = true
	k.auth = nil
	k.forgetStorageKey()
	return k.t.Close()
}

// Format shows nothing of the keys.
func (k *Keys) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "tpm.Keys") }

// do runs f, which talks to the TPM, alone, in a goroutine of its own: a TPM that does
// not answer holds up nobody beyond ctx, and f cleans up after itself whenever the
// answer comes.
func do[T any](ctx context.Context, k *Keys, what string, f func() (T, error)) (T, error) {
	var zero T
	if err := ctx.Err(); err != nil {
		return zero, fmt.Errorf("tpm: %s: %w", what, err)
	}
	select {
	case k.busy <- struct{}{}:
	case <-ctx.Done():
		return zero, fmt.Errorf("tpm: %s: %w: %w", what, protect.ErrUnavailable, ctx.Err())
	}
	type answer struct {
		value T
		err   error
	}
	answered := make(chan answer, 1)
	go func() {
		defer func() { <-k.busy }()
		if k.shut {
			answered <- answer{err: fs.ErrClosed}
			return
		}
		value, err := f()
		answered <- answer{value, classify(err)}
	}()
	select {
	case a := <-answered:
		if a.err != nil {
			return zero, fmt.Errorf("tpm: %s: %w", what, a.err)
		}
		return a.value, nil
	case <-ctx.Done():
		return zero, fmt.Errorf("tpm: %s: %w: no answer: %w", what, protect.ErrUnavailable, ctx.Err())
	}
}

// open finds what was provisioned. Of do.
func (k *Keys) open(ctx context.Context) error {
	rec, err := k.value().Load(ctx)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("nothing was provisioned: %w", protect.ErrMissing)
	case errors.Is(err, durable.ErrCorrupt):
		return fmt.Errorf("record: %w: %v", protect.ErrTampered, err)
	case err != nil:
		return err
	case !rec.Ready:
		return fmt.Errorf("provisioning was interrupted: do it again: %w", protect.ErrMissing)
	}
	k.rec = &rec
	if err := k.flushStale(); err != nil {
		return err
	}
	if err := k.findStorageKey(rec.SRK); err != nil {
		return err
	}
	if err := k.openIndices(); err != nil {
		k.forgetStorageKey()
		return err
	}
	return nil
}

// openIndices wants the indices to be those of the record. Of do.
func (k *Keys) openIndices() error {
	if err := k.openAuths(); err != nil {
		return err
	}
	for _, want := range k.indices() {
		// What the plain record says is not believed: it could name an index that is no
		// counter, or somebody else's.
		i, public := want.index, want.public
		public.Attributes.Written = true
		expected, err := nvName(public)
		if err != nil {
			return err
		}
		name, err := k.nameOf(public.NVIndex)
		switch {
		case errors.Is(err, tpm2.TPMRCHandle):
			return fmt.Errorf("index %#x is gone: %w", public.NVIndex, protect.ErrLost)
		case err != nil:
			return err
		case string(name) != string(expected) || string(i.Name) != string(expected) || i.handle() != public.NVIndex:
			return fmt.Errorf("index %#x is not the one that was provisioned: %w", public.NVIndex, protect.ErrForeign)
		}
		if err := k.knows(i, want.auth); err != nil {
			return err // somebody has defined it anew
		}
	}
	return nil
}
