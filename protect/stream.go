package protect

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"

	"github.com/iot-device-baseline/baseline/durable"
)

// MaxStream is the most bytes of a stream: 2^32 segments of 64 KiB.
const MaxStream = int64(segmentSize) << 32

// CreateStream begins the stream called name, for what is too large for a value: a
// recording, an export. Streams, values and logs have names of their own: one of each
// may have the same. Nothing is there under the name, or what was there before stays,
// until [StreamWriter.Close] returned nil.
//
// While one is written, another of its name gives an error that is [durable.ErrInUse].
// [ClassFloor] has none.
func (c *Compartment) CreateStream(ctx context.Context, name string) (*StreamWriter, error) {
	w, err := c.createStream(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("protect: create stream %s: %w", name, err)
	}
	return w, nil
}

func (c *Compartment) createStream(ctx context.Context, name string) (*StreamWriter, error) {
	if c.c.class == ClassFloor {
		return nil, fmt.Errorf("the floor has no streams: %w", fs.ErrInvalid)
	}
	_, done, err := c.change(ctx, name)
	if err != nil {
		return nil, err
	}
	defer done()
	c.c.write.Lock()
	defer c.c.write.Unlock()
	at := c.c.path(kindStream, name)
	version, err := c.nextStream(ctx, at)
	if err != nil {
		return nil, err
	}
	file, err := c.v.dir.CreateFile(ctx, at)
	if err != nil {
		return nil, err
	}
	if err := c.grow(ctx, int64(storedSize(0))); err != nil {
		return nil, errors.Join(err, file.Abort())
	}
	if version, err = c.c.expect(at, version); err != nil {
		return nil, errors.Join(err, file.Abort())
	}
	raw := c.c.sealHead(streamMagic, name, version, 0)
	head := raw[:objectHeader:objectHeader]
	w := &StreamWriter{
		c: c, name: name, path: at, version: version, file: file, head: head, aead: c.c.streamKey(head, version, name),
		plain: make([]byte, 0, segmentSize), sealed: make([]byte, 0, segmentSize+aeadOverhead),
	}
	c.c.writing.begin(path.Base(at), w)
	if _, err := file.Write(raw); err != nil {
		return nil, errors.Join(err, w.abort())
	}
	return w, nil
}

func (c *cell) streamKey(head []byte, version uint64, name string) cipher.AEAD {
	return c.key.derive(head[29:45], labelStream, objectInfo(c.class, version, name)).aead()
}

// nextStream is one above the version of the stream that is there, as nextVersion.
func (c *Compartment) nextStream(ctx context.Context, path string) (uint64, error) {
	file, o, err := c.streamHead(ctx, path)
	if file != nil {
		defer file.Close()
	}
	switch {
	case errors.Is(err, durable.ErrFormat):
		return 0, err
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, durable.ErrCorrupt):
		return 1, nil
	case err != nil:
		return 0, err
	}
	if _, err := c.c.openName(o); err != nil || o.version == math.MaxUint64 {
		return 1, nil
	}
	return o.version + 1, nil
}

// streamHead opens the file at path, and parses its head.
func (c *Compartment) streamHead(ctx context.Context, path string) (*durable.FileReader, object, error) {
	file, err := c.v.dir.OpenFile(ctx, path)
	if err != nil {
		return nil, object{}, err
	}
	raw := make([]byte, min(file.Size(), objectHeader+maxNameBox+aeadOverhead))
	if _, err := file.ReadAt(raw, 0); err != nil && !errors.Is(err, io.EOF) {
		return file, object{}, err
	}
	o, err := parse(streamMagic, raw)
	return file, o, err
}

// StreamWriter writes one stream. It is for one goroutine at a time, and must be ended
// by Close or Abort.
//
//	w, err := c.CreateStream(ctx, "recording")
//	...
//	defer w.Abort() // if something fails
//	...
//	return w.Close()
type StreamWriter struct {
	c        *Compartment
	name     string
	path     string
	version  uint64
	file     *durable.FileWriter
	head     []byte
	aead     cipher.AEAD
	plain    []byte // not sealed yet; full, it waits for what comes after it
	sealed   []byte
	position int
	err      error
	over     bool
}

// Write implements [io.Writer]. After an error the stream cannot be closed with success.
// Up to 64 KiB wait in memory.
func (w *StreamWriter) Write(p []byte) (n int, err error) {
	if w.over {
		return 0, w.failed("write", fs.ErrClosed)
	}
	if w.err != nil {
		return 0, w.err
	}
	for len(p) > 0 {
		if len(w.plain) == segmentSize {
			if w.err = w.seal(w.plain, false); w.err != nil {
				return n, w.err
			}
			w.plain = w.plain[:0]
		}
		if len(w.plain) == 0 && len(p) > segmentSize { // without a copy
			if w.err = w.seal(p[:segmentSize], false); w.err != nil {
				return n, w.err
			}
			n, p = n+segmentSize, p[segmentSize:]
			continue
		}
		room := min(segmentSize-len(w.plain), len(p))
		w.plain = append(w.plain, p[:room]...)
		n, p = n+room, p[room:]
	}
	return n, nil
}

// seal writes one segment.
func (w *StreamWriter) seal(plain []byte, last bool) error {
	_, done, err := w.c.use(context.Background())
	if err != nil {
		return w.failed("write", err)
	}
	defer done()
	if int64(w.position) >= MaxStream/segmentSize {
		return w.failed("write", fmt.Errorf("more than %d bytes: %w", MaxStream, fs.ErrInvalid))
	}
	w.sealed = w.aead.Seal(w.sealed[:0], nil, plain, segmentData(w.head, w.position, last))
	w.position++
	if err := w.c.grow(context.Background(), int64(len(w.sealed))); err != nil {
		return w.failed("write", err)
	}
	if _, err := w.file.Write(w.sealed); err != nil {
		return w.failed("write", err)
	}
	return nil
}

func (w *StreamWriter) failed(verb string, err error) error {
	return fmt.Errorf("protect: %s stream %s: %w", verb, w.name, err)
}

// Close makes the stream durable under its name: 2 fsyncs. When it returns nil the
// stream is kept; else what was there before is there, or the stream. Do not call it
// when not all was written: call [StreamWriter.Abort].
func (w *StreamWriter) Close() error {
	if w.over {
		return w.failed("close", fs.ErrClosed)
	}
	w.over = true
	if w.err == nil {
		w.err = w.seal(w.plain, true)
	}
	clear(w.plain[:cap(w.plain)])
	// The vault is not in use meanwhile: the sync of a long stream must not keep an erasure
	// waiting. One that comes ends the file, too.
	if w.err == nil {
		if err := w.file.Sync(); err != nil {
			w.err = w.failed("close", err)
		}
	}
	if w.err != nil {
		return errors.Join(w.err, w.abort())
	}
	_, done, err := w.c.prepare(context.Background())
	if err != nil {
		return errors.Join(w.failed("close", err), w.abort())
	}
	defer done()
	w.c.c.write.Lock()
	defer w.c.c.write.Unlock()
	defer w.c.c.writing.end(path.Base(w.path), w)
	if err := w.file.Commit(context.Background()); err != nil {
		if errors.Is(err, durable.ErrHeld) {
			return errors.Join(w.failed("close", err), w.abort())
		}
		w.c.shrunk()
		return w.failed("close", err)
	}
	w.c.c.keep(w.path, w.version)
	w.c.c.known.mark(w.path, false)
	w.c.shrunk() // what was there before is gone
	w.c.v.stats.puts.Add(1)
	return nil
}

func (w *StreamWriter) abort() error {
	err := w.file.Abort()
	w.c.shrunk()
	w.c.c.writing.end(path.Base(w.path), w)
	if x := w.c.c.index; x != nil {
		x.unwritten(path.Base(w.path), w.version)
	}
	return err
}

// Abort gives the stream up. After Close, or another Abort, it does nothing: so it can be
// deferred.
func (w *StreamWriter) Abort() error {
	if w.over {
		return nil
	}
	w.over = true
	clear(w.plain[:cap(w.plain)])
	return w.abort()
}
