package protect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/iot-device-baseline/baseline/durable"
)

// logsName is the value in which a compartment keeps the names of its logs, which on the
// medium are only MACs: without a name there is no key. No caller has a name like it.
const logsName = ".logs"

// noteLog writes down the name of a log before it is there. On a full medium, on which
// an existing log opens, it is left for the next time.
func (c *Compartment) noteLog(ctx context.Context, name string) error {
	if c.c.known.isNoted(name) {
		return nil
	}
	c.c.naming.Lock()
	defer c.c.naming.Unlock()
	noted, err := c.notedLogs(ctx)
	if err == nil && !slices.Contains(noted, name) {
		err = c.noteLogs(ctx, append(noted, name))
	}
	if err == nil {
		c.c.known.note(name)
	}
	if errors.Is(err, durable.ErrFull) {
		return nil
	}
	return err
}

// notedLogs returns the names of logs that were written down. A list that cannot be read
// is none: List and Health tell, and the next new log replaces it.
func (c *Compartment) notedLogs(ctx context.Context) ([]string, error) {
	s, done, err := c.use(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	at := c.c.path(kindObject, logsName)
	var raw []byte
	err = c.look(at, func() (err error) { raw, err = c.c.get(ctx, s, logsName, at); return err })
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) || isUnreadable(err) {
			return nil, nil
		}
		return nil, err
	}
	return parseLogNames(raw)
}

func parseLogNames(raw []byte) ([]string, error) {
	var names []string
	for line := range bytes.Lines(raw) {
		name := strings.TrimSuffix(string(line), "\n")
		if durable.ValidName(name) != nil || len(names) > 0 && names[len(names)-1] >= name {
			return nil, fmt.Errorf("names of logs: %w", ErrTampered)
		}
		names = append(names, name)
	}
	return names, nil
}

// noteLogs writes the list, without logs that are not there any more.
func (c *Compartment) noteLogs(ctx context.Context, names []string) error {
	there, err := c.logFiles(ctx)
	if err != nil {
		return err
	}
	s, done, err := c.prepare(ctx)
	if err != nil {
		return err
	}
	defer done()
	slices.Sort(names)
	var raw []byte
	for _, name := range names[:min(len(names), maxLogNames)] {
		if there[c.c.macs.mac(kindLog, name)] || c.c.known.uses(name) { // used, and about to be there
			raw = append(append(raw, name...), '\n')
		}
	}
	return c.put(ctx, s, logsName, raw)
}

// forgetLogs takes names off the list whose logs were removed.
func (c *Compartment) forgetLogs(ctx context.Context) error {
	c.c.naming.Lock()
	defer c.c.naming.Unlock()
	noted, err := c.notedLogs(ctx)
	if err != nil || len(noted) == 0 {
		return err
	}
	there, err := c.logFiles(ctx)
	if err != nil {
		return err
	}
	left := slices.DeleteFunc(slices.Clone(noted), func(name string) bool { return !there[c.c.macs.mac(kindLog, name)] })
	if len(left) == len(noted) {
		return nil
	}
	c.c.known.unnote()
	if len(left) > 0 {
		return c.noteLogs(ctx, left)
	}
	s, done, err := c.prepare(ctx)
	if err != nil {
		return err
	}
	defer done()
	c.c.write.Lock()
	defer c.c.write.Unlock()
	return c.remove(ctx, s, c.c.path(kindObject, logsName))
}

// maxLogNames bounds the list to what a value holds.
const maxLogNames = MaxObject / (durable.MaxName + 1)

// logFiles returns the MACs of the logs on the medium.
func (c *Compartment) logFiles(ctx context.Context) (map[string]bool, error) {
	paths, err := c.v.dir.LogNames(ctx, c.c.id.path(""))
	there := map[string]bool{}
	for _, at := range paths {
		there[path.Base(at)] = true
	}
	return there, err
}
