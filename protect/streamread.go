package protect

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/iot-device-baseline/baseline/durable"
)

// OpenStream opens the stream called name. It reads its head and its end, so that a
// stream that was cut is noticed here. One that is missing is an error that is
// [fs.ErrNotExist]; one that is not what was written under this name an [*ObjectError].
func (c *Compartment) OpenStream(ctx context.Context, name string) (*StreamReader, error) {
	_, done, err := c.begin(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("protect: open stream %s: %w", name, err)
	}
	defer done()
	var r *StreamReader
	err = c.look(c.c.path(kindStream, name), func() (err error) { r, err = c.openStream(ctx, name); return err })
	if err != nil {
		return nil, c.damaged(name, err)
	}
	c.v.stats.gets.Add(1)
	return r, nil
}

func (c *Compartment) openStream(ctx context.Context, name string) (*StreamReader, error) {
	path := c.c.path(kindStream, name)
	file, o, err := c.streamHead(ctx, path)
	if errors.Is(err, fs.ErrNotExist) {
		err = c.c.absent(path, err)
	}
	if err == nil {
		var stored string
		if stored, err = c.c.openName(o); err == nil && stored != name {
			err = fmt.Errorf("stream of another name: %w", ErrForeign)
		}
	}
	if err == nil {
		err = c.c.judge(path, o.version)
	}
	var r *StreamReader
	if err == nil {
		r = &StreamReader{c: c, name: name, file: file, head: o.head, cached: -1, aead: c.c.streamKey(o.head, o.version, name)}
		r.start = int64(objectHeader + len(o.nameBox))
		err = r.measure()
	}
	if err != nil {
		if file != nil {
			file.Close()
		}
		return nil, err
	}
	return r, nil
}

// measure finds out the length, which is authentic once the last segment is.
func (r *StreamReader) measure() error {
	const whole = segmentSize + aeadOverhead
	sealed := r.file.Size() - r.start
	r.last = max(0, (sealed-1)/whole)
	rest := sealed - r.last*whole
	if rest < aeadOverhead || rest == aeadOverhead && r.last > 0 || r.last >= MaxStream/segmentSize {
		return fmt.Errorf("length: %w", ErrTampered)
	}
	r.size = sealed - (r.last+1)*aeadOverhead
	return r.load(r.last)
}

// StreamReader reads one stream, as it was when it was opened: from its beginning to
// its end, or anywhere. Every byte that it gives is authentic; a damaged segment gives an
// [*ObjectError] in its place, after the bytes before it. It may be used concurrently.
//
// When the compartment is erased meanwhile it gives an error that is [ErrMissing].
type StreamReader struct {
	c     *Compartment
	name  string
	file  *durable.FileReader
	head  []byte
	aead  cipher.AEAD
	start int64 // of the segments in the file
	last  int64 // segment
	size  int64

	mu     sync.Mutex
	at     int64 // of Read
	cached int64 // segment that is in plain, or -1
	plain  []byte
	sealed []byte
	closed bool
}

// Size returns how many bytes the stream has.
func (r *StreamReader) Size() int64 { return r.size }

// Read implements [io.Reader].
func (r *StreamReader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, err := r.readAt(p, r.at)
	r.at += int64(n)
	if n > 0 {
		err = nil // of the segment after it: the next call tells
	}
	return n, err
}

// ReadAt implements [io.ReaderAt].
func (r *StreamReader) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, r.failed(fs.ErrInvalid)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.readAt(p, off)
}

// Seek implements [io.Seeker].
func (r *StreamReader) Seek(offset int64, whence int) (int64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.size
	case io.SeekStart:
	default:
		return 0, r.failed(fs.ErrInvalid)
	}
	if offset < 0 {
		return 0, r.failed(fs.ErrInvalid)
	}
	r.at = offset
	return offset, nil
}

// readAt fills p, as far as there is something. Under mu.
func (r *StreamReader) readAt(p []byte, off int64) (n int, err error) {
	_, done, err := r.c.use(context.Background())
	if err != nil {
		return 0, r.failed(err)
	}
	defer done()
	if r.closed {
		return 0, r.failed(fs.ErrClosed)
	}
	for n < len(p) {
		at := off + int64(n)
		if at >= r.size {
			return n, io.EOF
		}
		segment, in := at/segmentSize, at%segmentSize
		length := min(segmentSize, r.size-segment*segmentSize)
		if into := p[n:]; in == 0 && int64(len(into)) >= length && r.cached != segment { // without a copy
			if _, err = r.open(into[:0:length], segment); err == nil {
				n += int(length)
			}
		} else if err = r.load(segment); err == nil {
			n += copy(into, r.plain[in:])
		}
		if err != nil {
			return n, r.c.damaged(r.name, err)
		}
	}
	return n, nil
}

// load puts a segment into plain. Under mu.
func (r *StreamReader) load(segment int64) error {
	if r.cached == segment {
		return nil
	}
	r.cached = -1
	plain, err := r.open(r.plain[:0], segment)
	if err == nil {
		r.cached, r.plain = segment, plain
	}
	return err
}

// open appends a segment to to. After an error nothing is in its place. Under mu.
func (r *StreamReader) open(to []byte, segment int64) ([]byte, error) {
	const whole = segmentSize + aeadOverhead
	if r.sealed == nil {
		r.sealed = make([]byte, min(whole, r.file.Size()-r.start))
	}
	from := r.start + segment*whole
	raw := r.sealed[:min(whole, r.file.Size()-from)]
	if _, err := r.file.ReadAt(raw, from); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	plain, err := r.aead.Open(to, nil, raw, segmentData(r.head, int(segment), segment == r.last))
	if err != nil {
		return nil, fmt.Errorf("segment %d: %w: %w", segment, ErrTampered, errAuth)
	}
	return plain, nil
}

func (r *StreamReader) failed(err error) error {
	return fmt.Errorf("protect: read stream %s: %w", r.name, err)
}

// Close closes the file. A second Close does nothing.
func (r *StreamReader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	r.closed = true
	clear(r.plain[:cap(r.plain)])
	return r.file.Close()
}
