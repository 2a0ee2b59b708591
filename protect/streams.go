package protect

import (
	"context"
	"fmt"
	"path"
)

// RemoveStream removes a stream, as [Compartment.Delete] does a value. Who reads it goes
// on, or gets an error; one that is being written under the name is given up, and its
// Close gives an error.
func (c *Compartment) RemoveStream(ctx context.Context, name string) error {
	_, done, err := c.change(ctx, name)
	if err == nil {
		defer done()
		c.c.write.Lock()
		defer c.c.write.Unlock()
		err = c.removeStream(ctx, c.c.path(kindStream, name))
	}
	if err != nil {
		return fmt.Errorf("protect: remove stream %s: %w", name, err)
	}
	c.v.stats.deletes.Add(1)
	return nil
}

// removeStream removes the stream at a path. Under cell.write.
func (c *Compartment) removeStream(ctx context.Context, at string) error {
	err := c.take(ctx, at, func() error { return c.v.dir.RemoveFile(ctx, at) })
	if err == nil {
		c.c.writing.end(path.Base(at), nil)
		c.c.known.mark(at, false)
	}
	return err
}

// Streams returns the names of the streams that begin with prefix, sorted. As in
// [Compartment.List] one whose name cannot be read is left out.
func (c *Compartment) Streams(ctx context.Context, prefix string) ([]string, error) {
	_, done, err := c.use(ctx)
	if err != nil {
		return nil, fmt.Errorf("protect: list streams %s: %w", prefix, err)
	}
	defer done()
	names, err := c.streams(ctx, prefix)
	if err != nil {
		return nil, fmt.Errorf("protect: list streams %s: %w", prefix, err)
	}
	return names, nil
}

func (c *Compartment) streams(ctx context.Context, prefix string) ([]string, error) {
	if c.c.class == ClassFloor {
		return nil, nil
	}
	paths, err := c.v.dir.Files(ctx, c.c.id.path(""))
	if err != nil {
		return nil, err
	}
	return c.names(paths, prefix, func(at string) (string, error) { return c.streamName(ctx, at) })
}

// streamName returns the name of the stream that stands at a path now.
func (c *Compartment) streamName(ctx context.Context, at string) (string, error) {
	name, version, err := c.streamAt(ctx, at)
	if err == nil {
		err = c.c.judge(at, version)
	}
	return name, err
}

// streamAt returns name and version, which are authentic, of the stream at a path.
func (c *Compartment) streamAt(ctx context.Context, at string) (name string, version uint64, err error) {
	file, o, err := c.streamHead(ctx, at)
	if file != nil {
		defer file.Close()
	}
	if err != nil {
		return "", 0, err
	}
	name, err = c.c.openName(o)
	if err == nil && c.c.path(kindStream, name) != at {
		err = fmt.Errorf("stream of another name: %w", ErrForeign)
	}
	return name, o.version, err
}
