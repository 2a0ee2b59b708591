package protect

import (
	"context"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
)

// Options are the options of [Provision] and [Open].
type Options struct {
	// MaxCompartments bounds the key table: 8 to 1024, default 256. Four times 171
	// bytes for each, plus 9 KiB, are kept in reserve on the medium (180 KiB by
	// default; more when the vault holds more already), so that an erasure ends on a
	// full one.
	MaxCompartments int
	// Presence lets Provision start afresh on a device that shows an earlier life
	// whose state is lost. It is asked then and only then; nil refuses.
	Presence access.Presence
	// Quotas are the most bytes on the medium for the values and streams of a class, over
	// all its compartments: user data cannot take the room of settings. More gives an
	// error that is [durable.ErrFull], and nothing is stored. Logs have limits of their
	// own; [ClassFloor] has no quota.
	Quotas map[Class]int64
	// Escrow seals the keys of settings, identity and security parameters for somebody
	// outside, who can bring them back when the key store is lost: see [Recover], and
	// package protect/recovery, which makes one. info says of which vault and state, and is
	// authenticated. It is called for every generation, under the vault's lock, and gives at
	// most 64 KiB. What it ever sealed counts as escrowed ([Report].Escrowed), and its
	// erasure is [MethodClear]. Nil: nothing leaves the device, and a lost key store is the
	// end of the data. If it fails there is no recovery, which [Vault.Health] tells.
	Escrow func(info, secret []byte) (sealed []byte, err error)

	protocol protocol // a seam of the tests
}

func (o *Options) orDefaults() (Options, error) {
	var out Options
	if o != nil {
		out = *o
	}
	if out.MaxCompartments == 0 {
		out.MaxCompartments = 256
	}
	if out.MaxCompartments < 8 || out.MaxCompartments > 1024 {
		return out, fmt.Errorf("%d compartments, want 8 to 1024: %w", out.MaxCompartments, fs.ErrInvalid)
	}
	return out, checkQuotas(out.Quotas)
}

// Vault keeps a device's data sealed in a [durable.Dir], under keys that a
// [KeyStore] guards. The package documentation says what that secures.
//
// A Vault may be used concurrently. Its compartments are stores for the parts of the
// device, which ask for permission before they use them; operations of the vault that
// destroy or replace keys ask themselves, see [Vault.Guard]. Typed reads ask nobody.
type Vault struct {
	dir   *durable.Dir
	keys  KeyStore
	rev   Revoker // nil without the ability
	count Counter // likewise
	info  Info
	opts  Options
	hdr   header

	guard   atomic.Pointer[access.Authorizer]
	queue   queue
	stats   counters
	quotas  map[Class]*quota
	running atomic.Bool   // Run
	wake    chan struct{} // it, to remove what was erased
	burned  atomic.Bool   // the first change of this start was prepared for

	renewing  sync.Mutex   // one Renew at a time; before mu
	copying   id           // of the compartment that it writes; under mu
	mu        sync.RWMutex // held for reading through every use of a compartment
	live      *table
	root      *key
	blob      []byte
	cells     map[id]*cell
	erased    erasures
	unsettled bool   // what the medium holds as table is not known
	accepting bool   // what is there, whatever age it has; see Reanchor
	pending   uint64 // tag to which the counter is still to be stepped, or 0
	unkept    error  // why Run could not anchor
	closed    bool

	recovery   bool   // there may be a record of it on the medium
	recovering bool   // from it: it is not touched
	escrowed   []byte // head of it, if it is right
	unescrowed error  // why there is none
}

func newVault(dir *durable.Dir, keys KeyStore, opts *Options) (*Vault, error) {
	o, err := opts.orDefaults()
	if err != nil {
		return nil, err
	}
	if dir == nil {
		return nil, fmt.Errorf("no directory: %w", fs.ErrInvalid)
	}
	if keys == nil {
		return nil, vaultError("key store", actKeyStore, fmt.Errorf("none was given: %w", ErrUnavailable))
	}
	info := keys.Info()
	if !validMechanism(info.Name) || info.MaxSecret < keySize {
		return nil, fmt.Errorf("key store %.64q with secrets of %d bytes, want a name of [a-z0-9-] and %d bytes: %w",
			info.Name, info.MaxSecret, keySize, fs.ErrInvalid)
	}
	v := &Vault{dir: dir, keys: keys, info: info, opts: o, cells: map[id]*cell{}, wake: make(chan struct{}, 1)}
	v.quotas = map[Class]*quota{}
	for class, most := range o.Quotas {
		v.quotas[class] = &quota{most: most, used: most, stale: true} // measured when it matters
	}
	if rev, ok := RevokerOf(keys); ok {
		v.rev = rev
	}
	if count, ok := CounterOf(keys); ok && o.protocol != aeadOnly {
		v.count = count
	}
	return v, nil
}

// Open opens the vault in dir, and finishes what a power cut interrupted; or it
// says why not. It never starts afresh. It does I/O and asks keys. Neither dir nor
// keys is closed by [Vault.Close].
//
// Errors: [ErrMissing] when the vault was never provisioned; [ErrTampered] when
// the key store shows an earlier life and the state is gone; [ErrRollback] when an
// older generation was put back; [ErrForeign] for another key store than the
// recorded one, also for software in the place of hardware; [ErrUnavailable],
// [ErrLost] and [ErrPolicy] of the key store; [durable.ErrFormat].
func Open(ctx context.Context, dir *durable.Dir, keys KeyStore, opts *Options) (*Vault, error) {
	v, err := newVault(dir, keys, opts)
	if err == nil {
		err = v.load(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("protect: open: %w", err)
	}
	v.reserve(ctx)
	v.sweep(ctx)
	return v, nil
}

// Guard binds who decides about destruction and replacement of keys. Until it is
// called, and after Guard(nil), those are denied: the guard's own state lies in the
// floor compartment, so that the vault opens before it.
func (v *Vault) Guard(a access.Authorizer) { v.guard.Store(&a) }

func (v *Vault) check(ctx context.Context, p access.Permission, resource string) error {
	var a access.Authorizer
	if bound := v.guard.Load(); bound != nil {
		a = *bound
	}
	_, err := access.Check(ctx, a, p, resource)
	return err
}

// Close forgets the keys: every use of the vault and its compartments then gives
// an error that is [fs.ErrClosed]. What was acknowledged is durable. A second
// Close does nothing.
func (v *Vault) Close() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
	for _, c := range v.cells {
		c.shut.Store(true)
		c.gone.Store(true)
	}
	v.burned.Store(false)
	v.cells, v.root, v.live, v.blob = map[id]*cell{}, nil, &table{}, nil
	return nil
}

// Compartment returns the compartment of a class, and makes it if it is missing.
// User data has one for each subject instead: see [Vault.Subject]. While the
// directory is on hold only that of [ClassFloor] works.
func (v *Vault) Compartment(ctx context.Context, class Class) (*Compartment, error) {
	if !class.valid() || class == ClassUserData {
		return nil, fmt.Errorf("protect: compartment %v: not a class with one compartment: %w", class, fs.ErrInvalid)
	}
	return v.compartment(ctx, class, "")
}

func (v *Vault) compartment(ctx context.Context, class Class, subject string) (*Compartment, error) {
	if c, err := v.lookup(ctx, class, subject); c != nil || err != nil {
		return c, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	err := v.ready(ctx)
	if err == nil {
		err = v.shut(class) // a hold may have come since
	}
	if err == nil && v.count != nil && !v.burned.Load() {
		_, err = v.anchor(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("protect: make compartment %v: %w", class, err)
	}
	if e := v.live.find(class, subject); e != nil { // another was faster
		return &Compartment{v, v.cells[e.id]}, nil
	}
	err = v.mayMake(ctx, class, subject)
	var c *Compartment
	if err == nil {
		c, err = v.create(ctx, class, subject)
	}
	if err != nil {
		return nil, fmt.Errorf("protect: make compartment %v: %w", class, err)
	}
	return c, nil
}

func (v *Vault) lookup(ctx context.Context, class Class, subject string) (*Compartment, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	err := ctx.Err()
	if err == nil {
		err = v.shut(class)
	}
	if err != nil {
		return nil, fmt.Errorf("protect: open compartment %v: %w", class, err)
	}
	if e := v.live.find(class, subject); e != nil && !v.cells[e.id].gone.Load() {
		return &Compartment{v, v.cells[e.id]}, nil
	}
	return nil, nil
}

// shut says why no compartment of class opens now. Under v.mu.
func (v *Vault) shut(class Class) error {
	hold := v.dir.Held()
	switch {
	case v.closed:
		return fs.ErrClosed
	case class != ClassFloor && hold != nil:
		return fmt.Errorf("%w: %s", durable.ErrHeld, hold.Reason())
	}
	return nil
}

// create writes the table of the present generation with one more compartment.
// Under v.mu, settled.
func (v *Vault) create(ctx context.Context, class Class, subject string) (*Compartment, error) {
	if len(v.live.entries) >= v.opts.MaxCompartments {
		return nil, fmt.Errorf("%d compartments are in use, the most allowed: %w", len(v.live.entries), durable.ErrFull)
	}
	e := entry{id: newID(), class: class, state: stateLive, made: v.live.gen, key: newKey(), subject: subject, fresh: v.live.tag}
	next := v.live.with(v.live.gen, e)
	v.tidy(ctx)
	if err := v.escrow(ctx, next); err != nil {
		return nil, err
	}
	if err := v.medium().Put(ctx, v.hdr.tableName(next.gen), next.seal(v.hdr, v.root, v.blob)); err != nil {
		v.unsettled = true
		return nil, err
	}
	v.adopt(next, v.root, v.blob)
	if v.count != nil {
		v.cells[e.id].index.empty(v.live.tag)
	}
	return &Compartment{v, v.cells[e.id]}, nil
}

// ready says why the table cannot be changed now, after trying to settle it.
// Under v.mu.
func (v *Vault) ready(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if v.closed {
		return fs.ErrClosed
	}
	if v.unsettled {
		if err := v.settle(ctx); err != nil {
			return err
		}
	}
	if v.opts.protocol == writeThenBump {
		return nil
	}
	return v.finish(ctx)
}

// medium is where the vault's own records are: also while the directory is on
// hold, since who holds it erases through the vault.
func (v *Vault) medium() durable.Store {
	if h := v.dir.Held(); h != nil {
		return h.Store()
	}
	return v.dir
}
