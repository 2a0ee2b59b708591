package protect

import (
	"context"
	"fmt"
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
		path := c.c.path(kindStream, name)
		err = c.take(ctx, path, func() error { return c.v.dir.RemoveFile(ctx, path) })
	}
	if err != nil {
		return fmt.Errorf("protect: remove stream %s: %w", name, err)
	}
	c.v.stats.deletes.Add(1)
	return nil
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
	return c.names(paths, prefix, func(path string) (string, error) { return c.streamName(ctx, path) })
}

// streamName returns the name of the stream that stands at path now.
func (c *Compartment) streamName(ctx context.Context, path string) (string, error) {
	name, version, err := c.streamAt(ctx, path)
	if err == nil {
		err = c.c.judge(path, version)
	}
	return name, err
}

// streamAt returns name and version, which are authentic, of the stream at path.
func (c *Compartment) streamAt(ctx context.Context, path string) (name string, version uint64, err error) {
	file, o, err := c.streamHead(ctx, path)
	if file != nil {
		defer file.Close()
	}
	if err != nil {
		return "", 0, err
	}
	name, err = c.c.openName(o)
	if err == nil && c.c.path(kindStream, name) != path {
		err = fmt.Errorf("stream of another name: %w", ErrForeign)
	}
	return name, o.version, err
}
