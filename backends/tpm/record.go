package tpm

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/protect"
)

const (
	authSize  = 32      // bytes of the auth value of an index
	maxRecord = 4 << 10 // bytes
)

// record is what Provision has made. It holds nothing secret: the auth values are
// sealed. Whoever changes it has a key store that does not open, or whose generations
// are numbered otherwise; what opens is up to the TPM.
type record struct {
	Ready bool   `json:"ready"` // all of it is there
	SRK   []byte `json:"srk"`   // name of the storage key
	Auths []byte `json:"auths"` // sealed, without a policy
	Epoch index  `json:"epoch"`
	Count index  `json:"count"`
	Base  uint64 `json:"base"` // value of Epoch in generation 0
}

// index is an NV counter.
type index struct {
	Handle uint32 `json:"handle"`
	Name   []byte `json:"name"` // once it is written
}

func (i *index) handle() tpm2.TPMHandle { return tpm2.TPMHandle(i.Handle) }

func (i *index) named() tpm2.NamedHandle {
	return tpm2.NamedHandle{Handle: i.handle(), Name: tpm2.TPM2BName{Buffer: i.Name}}
}

// auths are the secret auth values of the indices.
type auths struct{ epoch, count [authSize]byte }

func (r record) check() error {
	switch {
	case len(r.SRK) == 0 || len(r.SRK) > 66 || len(r.Auths) == 0 || len(r.Auths) > maxBlob:
		return errors.New("storage key or auth values are not there")
	case r.Ready && (len(r.Epoch.Name) == 0 || len(r.Count.Name) == 0 || r.Base == 0):
		return errors.New("it is ready and has no indices")
	case len(r.Epoch.Name) > 66 || len(r.Count.Name) > 66:
		return errors.New("a name is too long")
	}
	return nil
}

// medium is the store, also while its directory is on hold: the vault's floor opens then.
func (k *Keys) medium() durable.Store {
	if d, ok := k.store.(*durable.Dir); ok {
		if h := d.Held(); h != nil {
			return h.Store()
		}
	}
	return k.store
}

func (k *Keys) value() *durable.Value[record] {
	return durable.NewValue(k.medium(), k.opts.Record, &durable.ValueOptions[record]{Check: record.check, MaxBytes: maxRecord, MaxDepth: 4, MaxItems: 32})
}

// Provision makes what a device needs in its TPM, once, at the factory, and opens it: it
// finds or derives the storage key, pins its name, and defines two counters. Where the
// TPM holds counters of an earlier life at these handles it gives an error that is
// [protect.ErrForeign]: [Destroy] them, which needs the owner's auth.
//
// It can be repeated after a power cut. On a device that is provisioned it gives an
// error that is [io/fs.ErrExist].
func Provision(ctx context.Context, t transport.TPMCloser, store durable.Store, opts *Options) (*Keys, error) {
	k, err := newKeys(t, store, opts)
	if err == nil {
		_, err = do(ctx, k, "provision", func() (struct{}, error) { return struct{}{}, k.provision(ctx) })
	}
	return k.orClosed(ctx, t, err)
}

func (k *Keys) provision(ctx context.Context) error {
	rec, err := k.value().LoadOr(ctx, record{})
	switch {
	case errors.Is(err, durable.ErrCorrupt):
		return fmt.Errorf("record: %w: %v", protect.ErrTampered, err)
	case err != nil:
		return err
	case rec.Ready:
		return errProvisioned
	}
	if err := durable.Reserve(ctx, k.medium(), k.opts.Record, maxRecord); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	if err := k.flushStale(); err != nil {
		return err
	}
	if err := k.findStorageKey(rec.SRK); err != nil {
		return err
	}
	if err := k.makeAll(ctx, rec); err != nil {
		k.forgetStorageKey()
		return err
	}
	return nil
}

// makeAll defines the indices. Their auth values are on the medium first, so that what a
// power cut leaves in the TPM can be told from what is somebody else's.
func (k *Keys) makeAll(ctx context.Context, rec record) error {
	k.rec = &rec
	if len(rec.Auths) == 0 {
		if err := k.newAuths(ctx); err != nil {
			return err
		}
	} else if err := k.openAuths(); err != nil {
		return err
	}
	for _, i := range k.indices() {
		if err := k.define(i); err != nil {
			return err
		}
	}
	base, err := k.epoch()
	if err != nil {
		return err
	}
	done := *k.rec
	done.Base, done.Ready = base, true
	if err := k.value().Store(ctx, done); err != nil {
		return fmt.Errorf("store: %w: %w", protect.ErrUnavailable, err)
	}
	k.rec = &done
	return nil
}

// wanted is an index with what it has to be.
type wanted struct {
	*index
	auth   []byte
	public tpm2.TPMSNVPublic
}

// publics are those of epoch and count. The owner reads the epoch, so that PolicyNV can be
// played before anything is open.
func (k *Keys) publics() [2]tpm2.TPMSNVPublic {
	counter := func(handle uint32, byOwner bool) tpm2.TPMSNVPublic {
		return tpm2.TPMSNVPublic{
			NVIndex: tpm2.TPMHandle(handle), NameAlg: tpm2.TPMAlgSHA256, DataSize: 8,
			Attributes: tpm2.TPMANV{OwnerRead: byOwner, AuthRead: true, AuthWrite: true, NT: tpm2.TPMNTCounter, NoDA: true},
		}
	}
	return [2]tpm2.TPMSNVPublic{counter(k.opts.Epoch, true), counter(k.opts.Count, false)}
}

func (k *Keys) indices() [2]wanted {
	p := k.publics()
	return [2]wanted{{&k.rec.Epoch, k.auth.epoch[:], p[0]}, {&k.rec.Count, k.auth.count[:], p[1]}}
}

func (k *Keys) newAuths(ctx context.Context) error {
	k.auth = &auths{}
	draw(k.auth.epoch[:])
	draw(k.auth.count[:])
	sealed, err := k.create(slices.Concat(k.auth.epoch[:], k.auth.count[:]), nil)
	if err != nil {
		return err
	}
	raw, err := blob{kind: kindAuths, object: *sealed}.encode()
	if err != nil {
		return err
	}
	*k.rec = record{SRK: k.srk.name.Buffer, Auths: raw, Epoch: index{Handle: k.opts.Epoch}, Count: index{Handle: k.opts.Count}}
	if err := k.value().Store(ctx, *k.rec); err != nil {
		return fmt.Errorf("store: %w: %w", protect.ErrUnavailable, err)
	}
	return nil
}

// draw fills an auth value with random bytes, none of them 0. A TPM takes zeros off its
// end, and go-tpm 0.9.8 cuts it at any zero (hmacKeyFromAuthValue), after which one value
// in eight is not that of the TPM.
func draw(auth []byte) {
	for i := range auth {
		for auth[i] == 0 {
			rand.Read(auth[i : i+1])
		}
	}
}

func (k *Keys) openAuths() error {
	b, err := parseBlob(k.rec.Auths, kindAuths)
	if err != nil {
		return err
	}
	secret, err := k.unsealObject(&b, nil)
	if err != nil {
		return err
	}
	if len(secret) != 2*authSize {
		return fmt.Errorf("auth values: %w", protect.ErrTampered)
	}
	k.auth = &auths{[authSize]byte(secret[:authSize]), [authSize]byte(secret[authSize:])}
	return nil
}

// define makes an index and steps it once, unless a run that was cut has done so.
func (k *Keys) define(w wanted) error {
	i, auth, public := w.index, w.auth, w.public
	name, err := k.nameOf(i.handle())
	if errors.Is(err, tpm2.TPMRCHandle) {
		_, err = tpm2.NVDefineSpace{
			AuthHandle: k.owner(encryptIn), Auth: tpm2.TPM2BAuth{Buffer: auth}, PublicInfo: tpm2.New2B(public),
		}.Execute(k.t)
		if err == nil {
			name, err = k.nameOf(i.handle())
		}
	}
	if err != nil {
		return err
	}
	fresh, err := nvName(public)
	if err != nil {
		return err
	}
	public.Attributes.Written = true
	written, err := nvName(public)
	if err != nil {
		return err
	}
	switch i.Name = name; {
	case string(name) == string(written):
		// Whose it is tells its auth: of another life it is another.
		if err := k.knows(i, auth); err != nil {
			return err
		}
	case string(name) == string(fresh):
		if err := k.step(i, auth); err != nil {
			return err
		}
	default:
		return fmt.Errorf("index %#x is somebody else's: %w", i.Handle, protect.ErrForeign)
	}
	i.Name = written
	return nil
}

func nvName(public tpm2.TPMSNVPublic) ([]byte, error) {
	name, err := tpm2.NVName(&public)
	if err != nil {
		return nil, err
	}
	return name.Buffer, nil
}
