package protect

import (
	"context"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"io/fs"
	"slices"

	"github.com/iot-device-baseline/baseline/durable"
)

// OpenLog implements [durable.Logs]: every record is sealed under a key of the
// compartment and the log's name, and bound to its number. A log that is cut at
// its end, or replaced by an older copy of itself, is not noticed in this release.
// [Compartment.RemoveAll] removes a log, also one too damaged to be opened. The first
// time its name is written down, sealed: 2 fsyncs.
// opts.Codec must be nil.
func (c *Compartment) OpenLog(ctx context.Context, name string, opts *durable.LogOptions) (*durable.Log, error) {
	var o durable.LogOptions
	if opts != nil {
		o = *opts
	}
	if o.Codec != nil {
		return nil, fmt.Errorf("protect: open log %s: a compartment seals by itself: %w", name, fs.ErrInvalid)
	}
	o.Codec = newCodec(c, name)
	err := durable.ValidName(name)
	if err == nil {
		c.c.known.use(name) // also of a damaged one, so that it can be found and removed
		err = c.noteLog(ctx, name)
	}
	if err != nil {
		return nil, fmt.Errorf("protect: open log %s: %w", name, err)
	}
	s, done, err := c.use(ctx)
	if err != nil {
		return nil, fmt.Errorf("protect: open log %s: %w", name, err)
	}
	defer done()
	l, err := durable.OpenLog(ctx, s, c.c.path(kindLog, name), &o)
	if err != nil {
		return nil, c.damaged(name, err)
	}
	return l, nil
}

// codec seals the records of one log. It runs under the log's locks, and so takes
// none of the vault's.
type codec struct {
	c    *Compartment
	name string
	aead cipher.AEAD
	data []byte // the constant part of what is authenticated
}

func newCodec(c *Compartment, name string) codec {
	data := append([]byte(labelRecord), byte(c.c.class))
	return codec{c: c, name: name, aead: c.c.key.derive(nil, labelLog, name).aead(), data: append(data, c.c.id[:]...)}
}

func (k codec) bind(seq uint64) []byte {
	return binary.BigEndian.AppendUint64(slices.Clip(k.data), seq)
}

// Seal implements [durable.Codec].
func (k codec) Seal(seq uint64, record []byte) ([]byte, error) {
	if k.c.c.gone.Load() {
		return nil, k.c.c.ended()
	}
	return k.aead.Seal(nil, nil, record, k.bind(seq)), nil
}

// Open implements [durable.Codec].
func (k codec) Open(seq uint64, sealed []byte) ([]byte, error) {
	if k.c.c.gone.Load() {
		return nil, k.c.c.ended()
	}
	record, err := k.aead.Open(nil, nil, sealed, k.bind(seq))
	if err != nil {
		return nil, k.c.damaged(k.name, fmt.Errorf("record: %w: %w", ErrTampered, errAuth))
	}
	return record, nil
}
