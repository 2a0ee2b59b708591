package protect

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"sort"

	"github.com/iot-device-baseline/baseline/durable"
)

// The key table holds the random key of every compartment. A file of it:
//
//	 0   3  "bpk"
//	 3   1  format: 1, or 2 over a key store that counts
//	 4   8  generation, from 1
//	12   2  length n of the sealed root
//	14   n  the root, 32 random bytes, as the KeyStore sealed it for the generation
//	14+n    AEAD under the root of the entries; additional data:
//	        "baseline/protect/table/1" | bytes 0 to 13+n | vault id, 16 | hardware, 1 |
//	        name of the key store, as in the header; after a move: 0, 1 | the header's "from"
//
// The entries, of format 2 after
//
//	0   8  tag: the value of the counter once this table is anchored
//	8   4  how often a state of unknown age was accepted; see Reanchor
//
// are
//
//	 0   2  count
//	for each, by id, ascending:
//	 0  16  compartment id
//	16   1  class
//	17   1  state: 1 live, 2 erasing; 16 more while its key is one that an earlier key
//	        store had, 32 more if older copies of its data open by such a key, 64 more if
//	        its key was ever sealed for a recovery
//	18   8  generation in which it was made
//	26  32  key
//	58      in format 2: fresh, 8, the tag when its index was last anchored | number of the
//	        index, 8, 0 without one | SHA-256 of its file, 32
//	..   1  length n of the subject; 0 for all classes but user data
//	..   n  subject
//
// Nothing follows: a later format has another number.
const (
	tableMagic     = "bpk"
	tableFormat    = 1
	anchoredFormat = 2
	tableHead      = 14
	anchorHead     = 12
	entryHead      = 58 // without what only format 2 has, and the subject
	entryIndex     = 48
	labelTable     = "baseline/protect/table/1"
	maxBlob        = 2 << 10 // bytes of a sealed root
	maxGen         = 1 << 63 // no device advances so often
)

// state is what may be done with a compartment.
type state uint8

const (
	stateLive    state = 1
	stateErasing state = 2
)

// marks say what else there is to know of a key.
type marks uint8

const (
	markOld      marks = 1 << iota // an earlier key store had it: what it opens is to be encrypted anew
	markMoved                      // older copies of the data open by such a key, for good
	markEscrowed                   // it was sealed for a recovery, once or now
	allMarks     = markOld | markMoved | markEscrowed
)

// entry is one compartment of the table.
type entry struct {
	id      id
	class   Class
	state   state
	marks   marks
	made    uint64
	key     *key
	subject string
	fresh   uint64 // tag of the last anchor of its index
	index   uint64 // number of the index in force
	digest  [sha256.Size]byte
}

// table is the decoded key table of one generation. It is not changed once it is
// the vault's: a change is a new table.
type table struct {
	gen     uint64
	entries []entry

	anchored bool // format 2, with what follows
	tag      uint64
	accepted uint32
}

// find returns the compartment of a class, and of a subject for user data.
func (t *table) find(class Class, subject string) *entry {
	for i := range t.entries {
		if e := &t.entries[i]; e.class == class && e.subject == subject {
			return e
		}
	}
	return nil
}

// has reports whether the table holds a compartment, in whatever state.
func (t *table) has(i id) bool {
	return slices.ContainsFunc(t.entries, func(e entry) bool { return e.id == i })
}

// with returns a copy of t for generation gen that also holds more.
func (t *table) with(gen uint64, more ...entry) *table {
	c := new(table)
	*c = *t
	c.gen, c.entries = gen, append(slices.Clone(t.entries), more...)
	sort.Slice(c.entries, func(i, j int) bool { return bytes.Compare(c.entries[i].id[:], c.entries[j].id[:]) < 0 })
	return c
}

// marking returns a copy for gen in which the compartments ids are erasing.
func (t *table) marking(gen uint64, ids []id) *table {
	c := t.with(gen)
	for i := range c.entries {
		if slices.Contains(ids, c.entries[i].id) {
			c.entries[i].state = stateErasing
		}
	}
	return c
}

// without returns a copy for gen that lacks every compartment that drop names.
func (t *table) without(gen uint64, drop func(entry) bool) *table {
	c := t.with(gen)
	c.entries = slices.DeleteFunc(c.entries, drop)
	return c
}

func (e entry) erasing() bool { return e.state == stateErasing }

// isErasing reports whether the erasure of a compartment was begun.
func (t *table) isErasing(i id) bool {
	return slices.ContainsFunc(t.entries, func(e entry) bool { return e.id == i && e.erasing() })
}

// old reports whether the data is still to be encrypted anew.
func (e entry) old() bool { return e.marks&markOld != 0 }

// exposed reports whether destroying the key does not close every copy of the data.
func (e entry) exposed() bool { return e.marks&(markMoved|markEscrowed) != 0 }

// pending counts the compartments whose erasure was begun.
func (t *table) pending() int {
	n := 0
	for _, e := range t.entries {
		if e.erasing() {
			n++
		}
	}
	return n
}

func (t *table) encode() []byte {
	var raw []byte
	if t.anchored {
		raw = binary.BigEndian.AppendUint64(raw, t.tag)
		raw = binary.BigEndian.AppendUint32(raw, t.accepted)
	}
	raw = binary.BigEndian.AppendUint16(raw, uint16(len(t.entries)))
	for _, e := range t.entries {
		raw = append(raw, e.id[:]...)
		raw = append(raw, byte(e.class), byte(e.state)|byte(e.marks)<<4)
		raw = binary.BigEndian.AppendUint64(raw, e.made)
		raw = append(raw, e.key.b[:]...)
		if t.anchored {
			raw = binary.BigEndian.AppendUint64(raw, e.fresh)
			raw = binary.BigEndian.AppendUint64(raw, e.index)
			raw = append(raw, e.digest[:]...)
		}
		raw = append(raw, byte(len(e.subject)))
		raw = append(raw, e.subject...)
	}
	return raw
}

// tableSize is the size of the file of a table with n compartments, at most.
func tableSize(n int) int {
	return tableHead + maxBlob + aeadOverhead + anchorHead + 2 + n*(entryHead+entryIndex+1+MaxSubject)
}

// decodeTable accepts exactly what encode makes of a valid table.
func decodeTable(gen uint64, anchored bool, raw []byte) (*table, error) {
	t := &table{gen: gen, anchored: anchored}
	if anchored && len(raw) >= anchorHead {
		t.tag, t.accepted = binary.BigEndian.Uint64(raw), binary.BigEndian.Uint32(raw[8:])
		raw = raw[anchorHead:]
	}
	if len(raw) < 2 || anchored && (t.tag == 0 || t.tag > maxTag) {
		return nil, fmt.Errorf("key table: %w: %w", ErrTampered, errShort)
	}
	count, rest := int(binary.BigEndian.Uint16(raw)), raw[2:]
	for i := range count {
		var e entry
		var ok bool
		if e, rest, ok = decodeEntry(anchored, rest); !ok || e.made > gen || e.fresh > t.tag {
			return nil, fmt.Errorf("key table: entry %d: %w", i, ErrTampered)
		}
		if i > 0 && bytes.Compare(t.entries[i-1].id[:], e.id[:]) >= 0 || t.find(e.class, e.subject) != nil {
			return nil, fmt.Errorf("key table: entry %d: order: %w", i, ErrTampered)
		}
		t.entries = append(t.entries, e)
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("key table: %d bytes too many: %w", len(rest), ErrTampered)
	}
	return t, nil
}

func decodeEntry(anchored bool, raw []byte) (entry, []byte, bool) {
	head := entryHead
	if anchored {
		head += entryIndex
	}
	if len(raw) <= head || len(raw) <= head+int(raw[head]) {
		return entry{}, nil, false
	}
	end := head + 1 + int(raw[head])
	e := entry{
		id: id(raw[:16]), class: Class(raw[16]), state: state(raw[17] & 0xf), marks: marks(raw[17] >> 4), made: binary.BigEndian.Uint64(raw[18:]),
		key: &key{[keySize]byte(raw[26:58])}, subject: string(raw[head+1 : end]),
	}
	if anchored {
		e.fresh, e.index = binary.BigEndian.Uint64(raw[58:]), binary.BigEndian.Uint64(raw[66:])
		e.digest = [sha256.Size]byte(raw[74:106])
	}
	ok := e.class.valid() && (e.state == stateLive || e.state == stateErasing) && e.marks <= allMarks
	if e.class == ClassUserData {
		ok = ok && validSubject(e.subject) == nil
	} else {
		ok = ok && e.subject == ""
	}
	return e, raw[end:], ok
}

// sealedTable is the file of a table before the root is known.
type sealedTable struct {
	gen      uint64
	anchored bool
	head     []byte // up to the end of the blob
	blob     []byte
	box      []byte
}

func parseTable(raw []byte) (sealedTable, error) {
	if len(raw) < tableHead || !bytes.HasPrefix(raw, []byte(tableMagic)) {
		return sealedTable{}, fmt.Errorf("key table: %w: %w", ErrTampered, errShort)
	}
	if raw[3] != tableFormat && raw[3] != anchoredFormat {
		return sealedTable{}, fmt.Errorf("key table: %w %d: %w", errFormat, raw[3], durable.ErrFormat)
	}
	gen, n := binary.BigEndian.Uint64(raw[4:]), int(binary.BigEndian.Uint16(raw[12:]))
	if gen == 0 || gen >= maxGen || n == 0 || n > maxBlob || len(raw) < tableHead+n+aeadOverhead {
		return sealedTable{}, fmt.Errorf("key table: %w: lengths", ErrTampered)
	}
	return sealedTable{gen: gen, anchored: raw[3] == anchoredFormat, head: raw[:tableHead+n], blob: raw[tableHead : tableHead+n], box: raw[tableHead+n:]}, nil
}

// seal makes the file of t under root, which the KeyStore sealed as blob.
func (t *table) seal(h header, root *key, blob []byte) []byte {
	format := byte(tableFormat)
	if t.anchored {
		format = anchoredFormat
	}
	raw := append([]byte(tableMagic), format)
	raw = binary.BigEndian.AppendUint64(raw, t.gen)
	raw = binary.BigEndian.AppendUint16(raw, uint16(len(blob)))
	raw = append(raw, blob...)
	return root.aead().Seal(raw, nil, t.encode(), h.bind(raw))
}

// open decrypts a table's file.
func (s sealedTable) open(h header, root *key) (*table, error) {
	plain, err := root.aead().Open(nil, nil, s.box, h.bind(s.head))
	if err != nil {
		return nil, fmt.Errorf("key table: %w: %w", ErrTampered, errAuth)
	}
	return decodeTable(s.gen, s.anchored, plain)
}
