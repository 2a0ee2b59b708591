package protect

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/iot-device-baseline/baseline/durable"
)

// Stored formats. All numbers are big-endian. AEAD is AES-256-GCM (SP 800-38D)
// with a random nonce: 12 bytes nonce, ciphertext, 16 bytes tag. Every record lies
// in a value of the durable.Dir, whose frame is described there.
//
// Names in the directory:
//
//	vault/header                  the header, see header.go
//	vault/table.0, vault/table.1  the key table of an even, of an odd generation, see table.go
//	vault/index/…                 what compartments hold, see indexfile.go
//	vault/C/N                     an object of compartment C; the one called ".logs" holds the
//	                              names of its logs, sorted, one a line
//	vault/C/L                     a log of compartment C
//	vault/C/S                     a stream of compartment C, a file of the durable.Dir
//
// C is the compartment's id: 16 random bytes in 32 hex digits. N, L and S are 32 hex
// digits: the first 16 bytes of HMAC-SHA-256 under the compartment's MAC key over
// "object", "log" or "stream", a zero byte and the name.
//
// Keys below a compartment's random 32-byte key K, by HKDF-SHA-256 (RFC 5869):
//
//	MAC key     no salt, info "baseline/protect/mac/1"
//	name key    no salt, info "baseline/protect/name/1"
//	object key  the object's salt, info "baseline/protect/object/1" | class, 1 | version, 8 | name
//	stream key  as the object key, info "baseline/protect/stream/1" | …
//	log key     no salt, info "baseline/protect/log/1" | name
//
// An object, format 1:
//
//	 0   3  "bpo"
//	 3   1  format, 1
//	 4   1  class
//	 5  16  compartment id
//	21   8  version: 1 for a new name, one more at each put
//	        In an anchored vault: the tag of the last anchor, 5, and a number within it, 3
//	29  16  salt, random
//	45   2  length n of the name box
//	47   n  name box: AEAD under the name key of: length of the name, 1 | name |
//	        zeros up to a multiple of 32; additional data: bytes 0 to 46
//	47+n    segments: AEAD under the object key of 64 KiB each, the last one of 0
//	        to 64 KiB; additional data: "baseline/protect/segment/1" | bytes 0 to
//	        46 | position from 0, 4 | 1 for the last segment, else 0, 1
//
// A stream, format 1, is an object that begins with "bps", under the stream key. Its
// last segment is empty only if there is no other.
//
// A log record: AEAD under the log key; additional data: "baseline/protect/record/1"
// | class, 1 | compartment id, 16 | record number, 8. The name is in the key.
//
// testdata/vectors.json holds one of each, with the keys.
const (
	objectMagic   = "bpo"
	streamMagic   = "bps"
	objectFormat  = 1
	objectHeader  = 47
	segmentSize   = 64 << 10
	namePad       = 32
	maxNameBox    = (1+durable.MaxName+namePad-1)/namePad*namePad + aeadOverhead
	labelMAC      = "baseline/protect/mac/1"
	labelName     = "baseline/protect/name/1"
	labelObject   = "baseline/protect/object/1"
	labelStream   = "baseline/protect/stream/1"
	labelSegment  = "baseline/protect/segment/1"
	labelLog      = "baseline/protect/log/1"
	labelRecord   = "baseline/protect/record/1"
	kindObject    = "object"
	kindLog       = "log"
	kindStream    = "stream"
	objectSlack   = objectHeader + maxNameBox + (durable.MaxValue/segmentSize+1)*aeadOverhead
	recordContext = 1 + idSize
)

// storedSize is how many bytes a value of size has when it is stored, at most.
func storedSize(size int) int {
	return objectHeader + maxNameBox + size + (size/segmentSize+1)*aeadOverhead
}

// MaxObject is the most bytes of a value in a [Compartment]: somewhat less than
// [durable.MaxValue], since it is stored sealed.
const MaxObject = durable.MaxValue - objectSlack

// idSize is the size of the id of a vault and of a compartment.
const idSize = 16

type id [idSize]byte

func newID() id {
	var i id
	rand.Read(i[:])
	return i
}

var (
	errShort  = errors.New("too short")
	errFormat = errors.New("unknown format")
	errAuth   = errors.New("authentication failed")
)

// object is a parsed one; its parts are not yet authentic.
type object struct {
	head     []byte // bytes 0 to 46
	class    Class
	owner    id
	version  uint64
	salt     []byte
	nameBox  []byte
	segments []byte
}

// parseObject checks the form of raw.
func parseObject(raw []byte) (object, error) { return parse(objectMagic, raw) }

func parse(magic string, raw []byte) (object, error) {
	if len(raw) < objectHeader || !bytes.HasPrefix(raw, []byte(magic)) {
		return object{}, fmt.Errorf("object: %w: %w", ErrTampered, errShort)
	}
	if raw[3] != objectFormat {
		return object{}, fmt.Errorf("object: %w %d: %w", errFormat, raw[3], durable.ErrFormat)
	}
	o := object{
		head: raw[:objectHeader], class: Class(raw[4]), owner: id(raw[5:21]),
		version: binary.BigEndian.Uint64(raw[21:]), salt: raw[29:45],
	}
	n := int(binary.BigEndian.Uint16(raw[45:]))
	rest := raw[objectHeader:]
	if !o.class.valid() || o.version == 0 || n > maxNameBox || n < aeadOverhead+namePad || len(rest) < n+aeadOverhead {
		return object{}, fmt.Errorf("object: %w: lengths", ErrTampered)
	}
	o.nameBox, o.segments = rest[:n], rest[n:]
	return o, nil
}

// objectInfo is the context of an object's key.
func objectInfo(class Class, version uint64, name string) string {
	return string(binary.BigEndian.AppendUint64([]byte{byte(class)}, version)) + name
}

// segmentData is what authenticates the place of a segment.
func segmentData(head []byte, position int, last bool) []byte {
	data := append([]byte(labelSegment), head...)
	data = binary.BigEndian.AppendUint32(data, uint32(position))
	if last {
		return append(data, 1)
	}
	return append(data, 0)
}

func padName(name string) []byte {
	padded := make([]byte, (1+len(name)+namePad-1)/namePad*namePad)
	padded[0] = byte(len(name))
	copy(padded[1:], name)
	return padded
}

// unpadName accepts only what padName makes.
func unpadName(padded []byte) (string, bool) {
	if len(padded) == 0 || int(padded[0]) >= len(padded) {
		return "", false
	}
	name := string(padded[1 : 1+int(padded[0])])
	return name, (name == logsName || durable.ValidName(name) == nil) && bytes.Equal(padName(name), padded)
}

// sealObject makes the stored form of a value.
func (c *cell) sealObject(name string, version uint64, value []byte) []byte {
	segments := max(1, (len(value)+segmentSize-1)/segmentSize)
	raw := c.sealHead(objectMagic, name, version, len(value)+segments*aeadOverhead)
	head := raw[:objectHeader:objectHeader]
	aead := c.key.derive(head[29:45], labelObject, objectInfo(c.class, version, name)).aead()
	for i := range segments {
		part := value[i*segmentSize : min(len(value), (i+1)*segmentSize)]
		raw = aead.Seal(raw, nil, part, segmentData(head, i, i == segments-1))
	}
	return raw
}

// sealHead makes the head and the name box, with room for more.
func (c *cell) sealHead(magic, name string, version uint64, more int) []byte {
	padded := padName(name)
	raw := make([]byte, objectHeader, objectHeader+len(padded)+aeadOverhead+more)
	copy(raw, magic)
	raw[3], raw[4] = objectFormat, byte(c.class)
	copy(raw[5:], c.id[:])
	binary.BigEndian.PutUint64(raw[21:], version)
	rand.Read(raw[29:45])
	binary.BigEndian.PutUint16(raw[45:], uint16(len(padded)+aeadOverhead))
	return c.names.Seal(raw, nil, padded, raw[:objectHeader:objectHeader])
}

// openName authenticates the head of o and returns the name.
func (c *cell) openName(o object) (string, error) {
	if o.owner != c.id || o.class != c.class {
		return "", fmt.Errorf("object of another compartment: %w", ErrForeign)
	}
	padded, err := c.names.Open(nil, nil, o.nameBox, o.head)
	if err != nil {
		return "", fmt.Errorf("name: %w: %w", ErrTampered, errAuth)
	}
	name, ok := unpadName(padded)
	if !ok {
		return "", fmt.Errorf("name: %w", ErrTampered)
	}
	return name, nil
}

// openObject returns the value that was stored under name, or why raw is not that.
func (c *cell) openObject(name string, raw []byte) ([]byte, error) {
	o, err := parseObject(raw)
	if err != nil {
		return nil, err
	}
	stored, err := c.openName(o)
	if err != nil {
		return nil, err
	}
	if stored != name {
		return nil, fmt.Errorf("object of another name: %w", ErrForeign)
	}
	aead := c.key.derive(o.salt, labelObject, objectInfo(o.class, o.version, name)).aead()
	value := make([]byte, 0, len(o.segments))
	for i, rest := 0, o.segments; ; i++ {
		n := min(len(rest), segmentSize+aeadOverhead)
		last := n == len(rest)
		if value, err = aead.Open(value, nil, rest[:n], segmentData(o.head, i, last)); err != nil {
			return nil, fmt.Errorf("segment %d: %w: %w", i, ErrTampered, errAuth)
		}
		if rest = rest[n:]; last {
			return value, nil
		}
	}
}
