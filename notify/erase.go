package notify

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
)

// Name is the name of the Center in an inventory of user data.
func (c *Center) Name() string { return "notices" }

// Erase removes every notice about subject, the id of a person, and takes that id
// out of acknowledgements (27402 5.2.4). A damaged notice may be about anybody, so
// it is removed too. Queues hold no content and pass over what is gone. What was
// sent already is beyond its reach.
//
// The method is "unlink": what that is worth depends on the Store; in a vault the
// compartment's keys decide. It may be repeated, also after a power cut. It needs
// [access.EraseSubject] on the subject.
func (c *Center) Erase(ctx context.Context, subject string) (method string, err error) {
	end, err := c.beginErase(ctx, subject)
	if err != nil {
		return "", fmt.Errorf("notify: erase: %w", err)
	}
	defer end()
	if err := c.erase(ctx, subject); err != nil {
		return "", fmt.Errorf("notify: erase: %w", err)
	}
	return "unlink", nil
}

func (c *Center) beginErase(ctx context.Context, subject string) (end func(), err error) {
	if !validID(subject) {
		return nil, &InputError{"/subject", ruleID}
	}
	if _, err := access.Check(ctx, c.auth, access.EraseSubject, subject); err != nil {
		return nil, err
	}
	return c.begin(ctx)
}

func (c *Center) erase(ctx context.Context, subject string) error {
	ids, err := c.everywhere(ctx)
	if err != nil {
		return err
	}
	var gone []string
	for id := range ids {
		stored, err := c.loadEntry(ctx, id)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, durable.ErrCorrupt) {
			return err
		}
		known := c.entry(id)
		switch {
		case known == nil, known.Subject == subject:
			gone = append(gone, id)
		case known.names(subject), stored != nil && stored.names(subject), err != nil:
			if err := c.flush(ctx, known.without(subject)); err != nil {
				return err
			}
		}
	}
	if err := c.remove(ctx, gone...); err != nil {
		return err
	}
	return c.release(ctx)
}

// everywhere returns the ids of the notices in memory and on the medium, which
// may hold some that the Center could not read.
func (c *Center) everywhere(ctx context.Context) (map[string]bool, error) {
	ids := map[string]bool{}
	for _, e := range c.snapshot() {
		ids[e.ID] = true
	}
	names, err := c.store.List(ctx, noticePrefix)
	for _, name := range names {
		ids[strings.TrimPrefix(name, noticePrefix)] = true
	}
	return ids, err
}

func (e *entry) names(subject string) bool {
	return e.Subject == subject || e.Acknowledged.By == subject
}

func (e *entry) without(subject string) *entry {
	c := *e
	if c.Acknowledged.By == subject {
		c.Acknowledged.By = ""
	}
	return &c
}

// Verify reads the medium again and reports whether anything there still names
// subject, or cannot be read. It needs [access.EraseSubject] on the subject.
func (c *Center) Verify(ctx context.Context, subject string) error {
	if err := c.verify(ctx, subject); err != nil {
		return fmt.Errorf("notify: verify erasure: %w", err)
	}
	return nil
}

func (c *Center) verify(ctx context.Context, subject string) error {
	end, err := c.beginErase(ctx, subject)
	if err != nil {
		return err
	}
	defer end()
	ids, err := c.everywhere(ctx)
	if err != nil {
		return err
	}
	for id := range ids {
		e, err := c.loadEntry(ctx, id)
		if errors.Is(err, fs.ErrNotExist) {
			e, err = c.entry(id), nil
		}
		if err != nil {
			return err
		}
		if e != nil && e.names(subject) {
			return errors.New("a notice still names the subject")
		}
	}
	return nil
}
