package protect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"

	"github.com/iot-device-baseline/baseline/durable"
)

// Repair gives up what cannot be read: it removes every file of a value or a stream that
// is not what was written under a name of this compartment, and returns how many those
// were. It reads all of them. It is maintenance by the process that owns the data and, like Delete, asks
// for no permission.
//
// A damaged value is from then on a missing one, for Get too: call it when the
// parts that keep data in the compartment have seen the damage, and for
// [ClassFloor] or [ClassSecurity] only when missing is no weaker than damaged. The
// vault never calls it. Logs are left: see [Compartment.RemoveAll]. A value of a
// later format is left, and so is one that the medium does not give; that is an
// error, [durable.ErrFormat] or the medium's, after the others are removed.
//
// Each removal is durable by itself. A power cut leaves some undone: call it again.
func (c *Compartment) Repair(ctx context.Context) (removed int, err error) {
	s, done, err := c.prepare(ctx)
	if err != nil {
		return 0, fmt.Errorf("protect: repair: %w", err)
	}
	defer done()
	paths, err := s.List(ctx, c.c.id.path(""))
	repair := func(paths []string, at func(context.Context, durable.Store, string) (bool, error)) {
		for _, path := range paths {
			gone, rerr := at(ctx, s, path)
			if gone {
				removed++
			}
			if err == nil {
				err = rerr
			}
		}
	}
	repair(paths, c.repairAt)
	if c.c.class != ClassFloor {
		paths, ferr := c.v.dir.Files(ctx, c.c.id.path(""))
		if err == nil {
			err = ferr
		}
		repair(paths, c.repairStream)
	}
	if err != nil {
		return removed, fmt.Errorf("protect: repair: %w", err)
	}
	return removed, nil
}

// repairStream removes the stream at a path if it cannot be read.
func (c *Compartment) repairStream(ctx context.Context, _ durable.Store, at string) (gone bool, err error) {
	c.c.write.Lock()
	defer c.c.write.Unlock()
	if c.c.writing.has(path.Base(at)) {
		return false, nil // what is being written takes its place
	}
	name, err := c.streamName(ctx, at)
	if err == nil {
		err = c.readStream(ctx, name)
	}
	switch {
	case err == nil, errors.Is(err, fs.ErrNotExist): // removed meanwhile
		return false, nil
	case errors.Is(err, durable.ErrFormat), !errors.Is(err, durable.ErrCorrupt):
		return false, err
	}
	if raw, gerr := c.v.dir.Get(ctx, at); gerr == nil {
		if _, _, gerr = c.c.objectAt(at, raw); gerr == nil { // which is what the index means
			err = c.v.dir.RemoveFile(ctx, at)
			return err == nil, err
		}
	}
	err = c.removeStream(ctx, at)
	return err == nil, err
}

// readStream says why the stream called name cannot be read to its end.
func (c *Compartment) readStream(ctx context.Context, name string) error {
	r, err := c.openStream(ctx, name)
	if err != nil {
		return err
	}
	defer r.file.Close()
	for segment := range r.last {
		if err := errors.Join(ctx.Err(), r.load(segment)); err != nil {
			return err
		}
	}
	return nil
}

// repairAt removes the object at path if it cannot be read.
func (c *Compartment) repairAt(ctx context.Context, s durable.Store, path string) (gone bool, err error) {
	c.c.write.Lock()
	defer c.c.write.Unlock()
	err = c.c.readable(ctx, s, path)
	switch {
	case errors.Is(err, fs.ErrNotExist): // deleted meanwhile
		return false, nil
	case errors.Is(err, durable.ErrFormat):
		c.c.known.mark(path, true)
		return false, err
	case !errors.Is(err, durable.ErrCorrupt):
		return false, err
	}
	if c.c.class != ClassFloor {
		if _, _, serr := c.streamAt(ctx, path); serr == nil { // which is what the index means
			err = s.Delete(ctx, path)
			c.c.known.mark(path, false)
			return err == nil, err
		}
	}
	err = c.remove(ctx, s, path)
	return err == nil, err
}

// remove deletes the object at path. Under cell.write.
func (c *Compartment) remove(ctx context.Context, s durable.Store, path string) error {
	err := c.take(ctx, path, func() error { return s.Delete(ctx, path) })
	if err == nil {
		c.c.known.mark(path, false)
	}
	return err
}

// readable says why the object at path cannot be read.
func (c *cell) readable(ctx context.Context, s durable.Store, path string) error {
	raw, err := s.Get(ctx, path)
	if err != nil {
		return err
	}
	name, _, err := c.objectAt(path, raw)
	if err == nil {
		_, err = c.openCurrent(name, path, raw)
	}
	return err
}

// isUnreadable reports whether err says that an object is there and not what was
// written, or not for this release.
func isUnreadable(err error) bool {
	return errors.Is(err, durable.ErrCorrupt) || errors.Is(err, durable.ErrFormat)
}

// known is what this process came to know of a compartment's files.
type known struct {
	mu    sync.Mutex
	bad   map[string]bool // paths of objects that cannot be read
	names map[string]bool // of logs and reserves
	noted map[string]bool // of logs: names that are on the medium
}

// mark says whether the object at path is bad. Under cell.write.
func (k *known) mark(path string, bad bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !bad {
		delete(k.bad, path)
		return
	}
	if k.bad == nil {
		k.bad = map[string]bool{}
	}
	k.bad[path] = true
}

func (k *known) unreadable() int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return int64(len(k.bad))
}

func (k *known) use(name string)          { k.set(&k.names, name) }
func (k *known) note(name string)         { k.set(&k.noted, name) }
func (k *known) uses(name string) bool    { return k.get(&k.names, name) }
func (k *known) isNoted(name string) bool { return k.get(&k.noted, name) }

func (k *known) unnote() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.noted = nil
}

func (k *known) set(of *map[string]bool, name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if *of == nil {
		*of = map[string]bool{}
	}
	(*of)[name] = true
}

func (k *known) get(of *map[string]bool, name string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return (*of)[name]
}

// used returns the names that begin with prefix.
func (k *known) used(prefix string) (names []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for name := range k.names {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	return names
}
