package protect

import (
	"context"
	"crypto/cipher"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"sync"
	"sync/atomic"

	"github.com/iot-device-baseline/baseline/durable"
)

// Compartment is the sealed store of one class, or of one subject's user data. It
// is a [durable.Store] with all its abilities, so that every part of a device takes
// it in the place of a plain one.
//
// Values, their names, and the records of logs are encrypted and bound to class,
// compartment, name and version or number. What shows on the medium: how many
// values there are, their size, and when they change. Whether an older version
// that is put back is noticed depends on the key store; see the package documentation.
//
// A value is at most [MaxObject] bytes. Damage is an [*ObjectError]; see
// [Compartment.List] and [Compartment.Repair]. A Compartment may be used
// concurrently. After its erasure every method gives an error that is [ErrMissing].
type Compartment struct {
	v *Vault
	c *cell
}

// The abilities of a store.
var (
	_ durable.Store     = (*Compartment)(nil)
	_ durable.Logs      = (*Compartment)(nil)
	_ durable.Reserver  = (*Compartment)(nil)
	_ durable.Formatter = (*Compartment)(nil)
	_ durable.Tree      = (*Compartment)(nil)
)

// cell is a compartment with its keys. The first fields are constant.
type cell struct {
	id      id
	class   Class
	key     *key
	macs    *key
	names   cipher.AEAD
	indexes cipher.AEAD

	gone    atomic.Bool // erased, being erased, or the vault is closed
	shut    atomic.Bool // the vault is closed; set before gone
	renewed atomic.Bool // encrypted anew, or being so; likewise
	free    bool        // a copy, which takes nobody's room; constant
	write   sync.Mutex  // held from reading a version to writing the next
	known   known
	naming  sync.Mutex // held from reading the names of logs to writing them; before write
	writing writing
	index   *index // nil over a key store that does not count; set before the cell is shared
}

func newCell(e entry) *cell {
	return &cell{
		id: e.id, class: e.class, key: e.key,
		macs: e.key.derive(nil, labelMAC, ""), names: e.key.derive(nil, labelName, "").aead(),
		indexes: e.key.derive(nil, labelIndex, "").aead(),
	}
}

func (i id) String() string { return hex.EncodeToString(i[:]) }

// path returns the record of file in the compartment i.
func (i id) path(file string) string { return top + i.String() + "/" + file }

func (c *cell) path(kind, name string) string { return c.id.path(c.macs.mac(kind, name)) }

// Class returns the class.
func (c *Compartment) Class() Class { return c.c.class }

// Get implements [durable.Store].
func (c *Compartment) Get(ctx context.Context, name string) ([]byte, error) {
	s, done, err := c.begin(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("protect: get %s: %w", name, err)
	}
	defer done()
	path := c.c.path(kindObject, name)
	var value []byte
	err = c.look(path, func() (err error) { value, err = c.c.get(ctx, s, name, path); return err })
	if err != nil {
		return nil, c.damaged(name, err)
	}
	c.v.stats.gets.Add(1)
	return value, nil
}

func (c *cell) get(ctx context.Context, s durable.Store, name, path string) ([]byte, error) {
	raw, err := s.Get(ctx, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, c.absent(path, err)
	}
	if err != nil {
		return nil, err
	}
	return c.openCurrent(name, path, raw)
}

// Put implements [durable.Store]: 2 fsyncs, more for the first value of a compartment.
func (c *Compartment) Put(ctx context.Context, name string, value []byte) error {
	if len(value) > MaxObject {
		return fmt.Errorf("protect: put %s: %d bytes, at most %d: %w", name, len(value), MaxObject, fs.ErrInvalid)
	}
	s, done, err := c.change(ctx, name)
	if err != nil {
		return fmt.Errorf("protect: put %s: %w", name, err)
	}
	defer done()
	if err := c.put(ctx, s, name, value); err != nil {
		return fmt.Errorf("protect: put %s: %w", name, err)
	}
	c.v.stats.puts.Add(1)
	return nil
}

// put is Put in use, prepared.
func (c *Compartment) put(ctx context.Context, s durable.Store, name string, value []byte) error {
	c.c.write.Lock()
	defer c.c.write.Unlock()
	path := c.c.path(kindObject, name)
	version, old, err := c.nextVersion(ctx, s, path)
	if err == nil {
		err = c.grow(ctx, int64(storedSize(len(value))-old))
	}
	if err == nil {
		version, err = c.c.expect(path, version)
	}
	if err == nil {
		err = s.Put(ctx, path, c.c.sealObject(name, version, value))
	}
	if err != nil {
		c.shrunk() // it may not be there
		return err
	}
	c.c.keep(path, version)
	c.c.known.mark(path, false)
	return nil
}

// nextVersion is one above that of the stored object, which has size bytes. A damaged one
// counts for nothing: putting the value again repairs it.
func (c *Compartment) nextVersion(ctx context.Context, s durable.Store, path string) (version uint64, size int, err error) {
	raw, err := s.Get(ctx, path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, durable.ErrCorrupt):
		return 1, 0, nil
	case err != nil:
		return 0, 0, err
	}
	o, err := parseObject(raw)
	if errors.Is(err, durable.ErrFormat) {
		return 0, 0, err
	}
	if err == nil {
		_, err = c.c.openName(o)
	}
	if err != nil || o.version == math.MaxUint64 {
		return 1, len(raw), nil //nolint:nilerr // a damaged one counts for nothing
	}
	return o.version + 1, len(raw), nil
}

// Delete implements [durable.Store]. It is removal, not erasure: the key of the
// compartment still opens a copy of the file. See [Vault.Erase].
func (c *Compartment) Delete(ctx context.Context, name string) error {
	s, done, err := c.change(ctx, name)
	if err == nil {
		defer done()
		c.c.write.Lock()
		defer c.c.write.Unlock()
		err = c.remove(ctx, s, c.c.path(kindObject, name))
	}
	if err != nil {
		return fmt.Errorf("protect: delete %s: %w", name, err)
	}
	c.v.stats.deletes.Add(1)
	return nil
}

// Reserve implements [durable.Reserver].
func (c *Compartment) Reserve(ctx context.Context, name string, size int) error {
	s, done, err := c.begin(ctx, name)
	if err == nil {
		defer done()
		if size > MaxObject {
			err = fmt.Errorf("%d bytes, at most %d: %w", size, MaxObject, fs.ErrInvalid)
		} else {
			c.c.known.use(name)
			err = durable.Reserve(ctx, s, c.c.path(kindObject, name), storedSize(size))
		}
	}
	if err != nil {
		return fmt.Errorf("protect: reserve %s: %w", name, err)
	}
	return nil
}

// Format implements [durable.Formatter].
func (c *Compartment) Format() int { return c.v.dir.Format() }

// begin is use for the value or log called name.
func (c *Compartment) begin(ctx context.Context, name string) (s durable.Store, done func(), err error) {
	if err := durable.ValidName(name); err != nil {
		return nil, nil, err
	}
	return c.use(ctx)
}

// use says why an operation may not run, or where it runs; the caller calls done
// at its end.
func (c *Compartment) use(ctx context.Context) (s durable.Store, done func(), err error) {
	c.v.mu.RLock()
	if err := c.admit(ctx); err != nil {
		c.v.mu.RUnlock()
		return nil, nil, err
	}
	s = c.v.dir
	if c.c.class == ClassFloor {
		s = c.v.medium()
	}
	return s, c.v.mu.RUnlock, nil
}

func (c *Compartment) admit(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if c.v.closed {
		return fs.ErrClosed
	}
	if c.c.gone.Load() {
		return c.c.ended()
	}
	return nil
}

// ended says why a cell is gone.
func (c *cell) ended() error {
	if c.shut.Load() {
		return fs.ErrClosed
	}
	if c.renewed.Load() {
		return &ObjectError{Class: c.class, Name: "compartment", Action: actReopen, Err: fmt.Errorf("encrypted anew: %w", ErrUnavailable)}
	}
	return &ObjectError{Class: c.class, Name: "compartment", Action: actReopen, Err: fmt.Errorf("erased: %w", ErrMissing)}
}

// damaged classes an error of reading name.
func (c *Compartment) damaged(name string, err error) error {
	if !errors.Is(err, durable.ErrCorrupt) {
		return fmt.Errorf("protect: get %s: %w", name, err)
	}
	c.v.stats.refused.Add(1)
	if !isLost(err) { // found by the directory's own checksum
		err = fmt.Errorf("%w: %v", ErrTampered, err)
	}
	return &ObjectError{Class: c.c.class, Name: name, Action: actRestore, Err: err}
}
