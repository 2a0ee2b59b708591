package protect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/iot-device-baseline/baseline/durable"
)

// List implements [durable.Store]. It reads every value of the compartment. One
// whose name cannot be read, since the file is damaged, foreign or of a later
// format, is left out, so that it hides no other; [Stats].Unreadable and
// [Vault.Health] tell of it until it is gone. Who must not take a damaged value for
// a missing one asks Get by name, which tells them apart. A medium that does not
// answer is an error, never a shorter list.
func (c *Compartment) List(ctx context.Context, prefix string) ([]string, error) {
	s, done, err := c.use(ctx)
	if err != nil {
		return nil, fmt.Errorf("protect: list %s: %w", prefix, err)
	}
	defer done()
	names, err := c.list(ctx, s, prefix)
	if err != nil {
		return nil, fmt.Errorf("protect: list %s: %w", prefix, err)
	}
	return names, nil
}

func (c *Compartment) list(ctx context.Context, s durable.Store, prefix string) ([]string, error) {
	paths, err := s.List(ctx, c.c.id.path(""))
	if err != nil {
		return nil, err
	}
	return c.names(paths, prefix, func(path string) (string, error) { return c.c.nameOf(ctx, s, path) })
}

// names returns the names, which nameOf reads, of what is at paths, if they begin with
// prefix, sorted; without what cannot be read.
func (c *Compartment) names(paths []string, prefix string, nameOf func(path string) (string, error)) ([]string, error) {
	var names []string
	for _, path := range paths {
		name := ""
		err := c.look(path, func() (err error) { name, err = nameOf(path); return err })
		switch {
		case errors.Is(err, fs.ErrNotExist): // removed meanwhile
		case isUnreadable(err):
			c.v.stats.refused.Add(1)
		case err != nil:
			return nil, err
		case name != logsName && strings.HasPrefix(name, prefix):
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// objectAt returns name and version, which are authentic, of the object in the file at path.
func (c *cell) objectAt(path string, raw []byte) (name string, version uint64, err error) {
	o, err := parseObject(raw)
	if err != nil {
		return "", 0, err
	}
	name, err = c.openName(o)
	if err == nil && c.path(kindObject, name) != path {
		err = fmt.Errorf("object of another name: %w", ErrForeign)
	}
	return name, o.version, err
}

// nameOf returns the name of what stands at path now.
func (c *cell) nameOf(ctx context.Context, s durable.Store, path string) (string, error) {
	raw, err := s.Get(ctx, path)
	if err != nil {
		return "", err
	}
	name, version, err := c.objectAt(path, raw)
	if err == nil {
		err = c.judge(path, version)
	}
	return name, err
}

// Entries implements [durable.Tree]. Of values all count that List returns, of streams
// those of [Compartment.Streams], of logs all whose name was written down when they were
// opened first; of reserves, whose names are nowhere on the medium, those that were asked
// for by this process.
func (c *Compartment) Entries(ctx context.Context, dir string) ([]string, error) {
	var err error
	prefix := ""
	if dir != "" {
		prefix, err = dir+"/", durable.ValidName(dir)
	}
	var names []string
	if err == nil {
		names, err = c.below(ctx, prefix)
	}
	if err != nil {
		return nil, fmt.Errorf("protect: entries of %s: %w", dir, err)
	}
	for i, name := range names {
		names[i], _, _ = strings.Cut(strings.TrimPrefix(name, prefix), "/")
	}
	slices.Sort(names) // "a-b" is before "a/b", and "a" before both
	return slices.Compact(names), nil
}

// below returns the names in use that begin with prefix, sorted.
func (c *Compartment) below(ctx context.Context, prefix string) ([]string, error) {
	logs, err := c.notedLogs(ctx)
	if err != nil {
		return nil, err
	}
	logs = slices.DeleteFunc(logs, func(name string) bool { return !strings.HasPrefix(name, prefix) })
	s, done, err := c.use(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	names, err := c.list(ctx, s, prefix)
	if err != nil {
		return nil, err
	}
	streams, err := c.streams(ctx, prefix)
	if err != nil {
		return nil, err
	}
	names = append(names, streams...)
	files, err := c.files(ctx, s)
	for _, name := range append(c.c.known.used(prefix), logs...) {
		if c.c.in(files, kindObject, name) || c.c.in(files, kindLog, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), err
}

// files returns the names of files, sorted: of objects, streams, logs and reserves.
func (c *Compartment) files(ctx context.Context, s durable.Store) ([]string, error) {
	return durable.Entries(ctx, s, strings.TrimSuffix(c.c.id.path(""), "/"))
}

func (c *cell) in(files []string, kind, name string) bool {
	_, found := slices.BinarySearch(files, c.macs.mac(kind, name))
	return found
}

// RemoveAll implements [durable.Tree]. It removes the value, the stream, the log and the
// reserve called exactly dir, however damaged they are; below dir the values and streams
// that List and Streams return, and the logs and reserves that Entries knows. What lies below dir and has
// no readable name stays: [Compartment.Repair] removes such values and streams, and a log whose
// name could not be written down is removed by its exact name. Like Delete it is
// removal, not erasure.
func (c *Compartment) RemoveAll(ctx context.Context, dir string) error {
	err := durable.ValidName(dir)
	var names []string
	if err == nil {
		names, err = c.below(ctx, dir+"/")
	}
	if err == nil {
		err = c.removeNames(ctx, names, dir)
	}
	if err == nil {
		err = c.forgetLogs(ctx)
	}
	if err != nil {
		return fmt.Errorf("protect: remove all %s: %w", dir, err)
	}
	return nil
}

// removeNames removes names, and at last dir, whether it is there or not: that also
// makes durable what an earlier call removed and could not sync. Logs come first,
// so that an open one stops it before a value is gone.
func (c *Compartment) removeNames(ctx context.Context, names []string, dir string) error {
	s, done, err := c.prepare(ctx)
	if err != nil {
		return err
	}
	defer done()
	c.c.write.Lock()
	defer c.c.write.Unlock()
	files, err := c.files(ctx, s)
	if err != nil {
		return err
	}
	for _, kind := range []string{kindLog, kindStream, kindObject} {
		for _, name := range append(slices.Clip(names), dir) {
			if name != dir && !c.c.in(files, kind, name) {
				continue
			}
			path := c.c.path(kind, name) // of a stream that is being written, too
			if err := c.take(ctx, path, func() error { return durable.RemoveAll(ctx, s, path) }); err != nil {
				return err
			}
			c.c.writing.end(c.c.macs.mac(kind, name), nil)
			c.c.known.mark(path, false)
		}
	}
	return nil
}
