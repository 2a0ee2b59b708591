package protect

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

// Protocol is the seam by which tests switch in wrong protocols of erasure.
type Protocol = protocol

const (
	TwoAdvances   = twoAdvances
	OneAdvance    = oneAdvance
	KillThenSeal  = killThenSeal
	AEADOnly      = aeadOnly
	BumpThenWrite = bumpThenWrite
	WriteThenBump = writeThenBump
	BlindRetry    = blindRetry
)

// WithProtocol returns options with few compartments that erase by p.
func WithProtocol(p Protocol) *Options { return &Options{MaxCompartments: 10, protocol: p} }

// Opened is what an attacker has who got hold of one root.
type Opened struct {
	Gen  uint64
	Keys []*OpenedKey
}

// OpenedKey opens the objects of a compartment.
type OpenedKey struct{ c *cell }

// TryTable opens a table's file as an attacker does, who has the directory's values,
// and unseal, and nothing of the Vault.
func TryTable(head *HeaderFields, raw []byte, unseal func([]byte) ([]byte, error)) (*Opened, error) {
	sealed, err := parseTable(raw)
	if err != nil {
		return nil, err
	}
	root, err := unseal(sealed.blob)
	if err != nil {
		return nil, err
	}
	t, err := sealed.open(header(*head), &key{[keySize]byte(root)})
	if err != nil {
		return nil, err
	}
	o := &Opened{Gen: t.gen}
	for _, e := range t.entries {
		o.Keys = append(o.Keys, &OpenedKey{newCell(e)})
	}
	return o, nil
}

// TryObject decrypts an object's file with a key, under its own name.
func (k *OpenedKey) TryObject(raw []byte) (name string, value []byte, err error) {
	o, err := parseObject(raw)
	if err == nil {
		name, err = k.c.openName(o)
	}
	if err == nil {
		value, err = k.c.openObject(name, raw)
	}
	return name, value, err
}

// HeaderFields are those of the header.
type HeaderFields header

// SecretsOf returns the bytes of keys, for a search in what is printed.
func SecretsOf(v *Vault) [][]byte {
	v.mu.RLock()
	defer v.mu.RUnlock()
	out := [][]byte{v.root.b[:]}
	for _, e := range v.live.entries {
		out = append(out, e.key.b[:])
	}
	return out
}

// DecodeTable and EncodeTable are those of the key table.
func DecodeTable(gen uint64, anchored bool, raw []byte) (reencoded []byte, err error) {
	t, err := decodeTable(gen, anchored, raw)
	if err != nil {
		return nil, err
	}
	return t.encode(), nil
}

// Inherit makes the keys of all compartments those of an earlier key store, as far as the
// vault knows.
func Inherit(v *Vault) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.live = v.live.with(v.live.gen)
	for i := range v.live.entries {
		v.live.entries[i].marks |= markOld
	}
}

// SetMost makes the compartment hold fewer files than it could.
func SetMost(c *Compartment, n int) { c.c.index.most = n }

// SetSeqs leaves fewer versions before an anchor is due.
func SetSeqs(c *Compartment, n uint64) { c.c.index.seqs = n }

// ParseRecovery parses a recovery's record, and returns the parts joined again; and what
// becomes of a secret under it.
func ParseRecovery(raw, secret []byte) ([]byte, error) {
	r, err := parseRecovery(raw)
	if err != nil {
		return nil, err
	}
	if entries, err := r.entries(secret); err == nil && len(entries) != len(r.ids) {
		return nil, errors.New("other entries than ids")
	}
	return append(append([]byte{}, r.head...), r.sealed...), nil
}

// DecodeIndex decodes an index, and encodes it again.
func DecodeIndex(plain []byte) ([]byte, error) {
	x := newIndex()
	versions, pending, err := decodeIndex(plain)
	if err != nil {
		return nil, err
	}
	x.begin(1, 1, versions, pending, nil, nil)
	return x.encode(), nil
}

// ParseTable parses a table's file, and returns the parts joined again.
func ParseTable(raw []byte) ([]byte, error) {
	s, err := parseTable(raw)
	if err != nil {
		return nil, err
	}
	return append(append([]byte{}, s.head...), s.box...), nil
}

// ParseObject parses an object's file, and returns the parts joined again.
func ParseObject(raw []byte) ([]byte, error) {
	o, err := parseObject(raw)
	if err != nil {
		return nil, err
	}
	return append(append(append([]byte{}, o.head...), o.nameBox...), o.segments...), nil
}

// FixedCompartment is a compartment with a constant key, for vectors and fuzzing.
type FixedCompartment struct{ c *cell }

// NewFixed makes one whose id and key are filled with a byte each.
func NewFixed(class Class, fillID, fillKey byte) *FixedCompartment {
	e := entry{class: class, key: &key{}}
	for i := range e.id {
		e.id[i] = fillID
	}
	for i := range e.key.b {
		e.key.b[i] = fillKey
	}
	return &FixedCompartment{newCell(e)}
}

// Seal, Open and Path are those of objects; SealRecord and OpenRecord of logs.
func (f *FixedCompartment) Seal(name string, version uint64, value []byte) []byte {
	return f.c.sealObject(name, version, value)
}

func (f *FixedCompartment) Open(name string, raw []byte) ([]byte, error) {
	return f.c.openObject(name, raw)
}

// SealStream makes the file of a stream, as StreamWriter does.
func (f *FixedCompartment) SealStream(name string, version uint64, value []byte) []byte {
	raw := f.c.sealHead(streamMagic, name, version, 0)
	head := raw[:objectHeader:objectHeader]
	aead := f.c.streamKey(head, version, name)
	for i := 0; ; i++ {
		n := min(len(value), segmentSize)
		last := n == len(value)
		raw = aead.Seal(raw, nil, value[:n], segmentData(head, i, last))
		if value = value[n:]; last {
			return raw
		}
	}
}

func (f *FixedCompartment) StreamPath(name string) string { return f.c.path(kindStream, name) }

func (f *FixedCompartment) Path(name string) string    { return f.c.path(kindObject, name) }
func (f *FixedCompartment) LogPath(name string) string { return f.c.path(kindLog, name) }

func (f *FixedCompartment) Codec(log string) durable.Codec {
	return newCodec(&Compartment{&Vault{}, f.c}, log)
}

// FixedTable is a sealed table of one compartment, under a root filled with 7.
func FixedTable(h HeaderFields, class Class, fillID, fillKey byte, blob []byte) []byte {
	e := entry{class: class, state: stateLive, made: 1, key: &key{}}
	for i := range e.id {
		e.id[i] = fillID
	}
	for i := range e.key.b {
		e.key.b[i] = fillKey
	}
	root := &key{}
	for i := range root.b {
		root.b[i] = 7
	}
	return (&table{gen: 3, entries: []entry{e}}).seal(header(h), root, blob)
}

const SegmentSize = segmentSize

// LoadHeader reads the header of a directory.
func LoadHeader(ctx context.Context, s durable.Store) (HeaderFields, error) {
	h, err := loadHeader(ctx, s)
	return HeaderFields(h), err
}

// StoreHeader writes it.
func StoreHeader(ctx context.Context, s durable.Store, h HeaderFields) error {
	return headerValue(s).Store(ctx, header(h))
}

// PrintedKey is how a key shows itself.
func PrintedKey() string {
	text, _ := newKey().MarshalText()
	return fmt.Sprintf("%+v %s", newKey(), text)
}

// OpenStream reads a stream whose file holds raw.
func (f *FixedCompartment) OpenStream(ctx context.Context, name string, raw []byte) ([]byte, error) {
	dir, err := durable.OpenFS(powercut.New().FS(), nil)
	if err != nil {
		return nil, err
	}
	w, err := dir.CreateFile(ctx, f.StreamPath(name))
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(raw); err != nil {
		return nil, err
	}
	if err := w.Commit(ctx); err != nil {
		return nil, err
	}
	r, err := (&Compartment{&Vault{dir: dir}, f.c}).OpenStream(ctx, name)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(r)
	return content, errors.Join(err, r.Close())
}
