package eventlog

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"strconv"
	"time"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
)

// A record on the medium is one line of JSON, and behind a newline, if it tells of
// persons, a second one:
//
//	{"seq":7,"time":"…","clock":"set","level":12,"event":"access.assigned",
//	 "public":{…},"device":{"roles":"owner"},"person":{"subject":"<commitment>"},
//	 "dropped":1,"note":"…","prev":"<leaf before>"}
//	{"subject":{"salt":"…","value":"ann"}}
//
// A leaf of the tree is the first line alone, and "prev" is the leaf before: so that who
// finds that the tree is not the one that was signed can say which record is not. The line
// commits to what the second one says by
// SHA-256 over a random salt, the key and the value, so that the second line can stay
// behind when a record leaves the device, and the first still verifies, without a
// guess of the value being confirmed by it.

// encoder builds a record. Parts that are empty are left out.
type encoder struct {
	attrs []attr
	body  []byte // of the line: from "level" to before "prev"
	held  []byte // the second line, or nothing
	frame []byte
	cut   int // texts that were shortened

	salt    [16]byte
	commit  []byte
	digest  [sha256.Size]byte
	dropped int
}

func (l *Log) encoder() *encoder {
	if e, ok := l.encoders.Get().(*encoder); ok {
		return e
	}
	return &encoder{}
}

// encode builds what does not depend on the record's place in the log.
func (e *encoder) encode(level slog.Level, event string, dropped int, note string) {
	e.dropped, e.cut, e.held = dropped, 0, e.held[:0]
	b := append(e.body[:0], `,"level":`...)
	b = strconv.AppendInt(b, int64(level), 10)
	b = append(b, `,"event":"`...)
	b = append(b, event...)
	b = append(b, '"')
	b = e.group(b, access.ClassPublic)
	b = e.group(b, access.ClassDevice)
	b = e.group(b, access.ClassPerson)
	if e.dropped > 0 {
		b = append(b, `,"dropped":`...)
		b = strconv.AppendInt(b, int64(e.dropped), 10)
	}
	if note != "" {
		b = append(b, `,"note":"`...)
		for i := range len(note) { // of printing characters and newlines only
			if note[i] == '\n' {
				b = append(b, `\n`...)
			} else {
				b = append(b, note[i])
			}
		}
		b = append(b, '"')
	}
	e.body = b
}

// group appends the attributes of one class.
func (e *encoder) group(b []byte, class access.Class) []byte {
	start := len(b)
	b = append(b, `,"`...)
	b = append(b, class.String()...)
	b = append(b, `":{`...)
	empty := len(b)
	for i := range e.attrs {
		a := &e.attrs[i]
		if a.class != class {
			continue
		}
		at, heldAt := len(b), len(e.held)
		if at > empty {
			b = append(b, ',')
		}
		b = e.attr(b, a)
		if len(b) > maxBody || len(e.held) > maxBody {
			b, e.held = b[:at], e.held[:heldAt]
			e.dropped++
		}
	}
	if len(b) == empty {
		return b[:start]
	}
	if class == access.ClassPerson {
		e.held = append(e.held, '}')
	}
	return append(b, '}')
}

// attr appends one attribute; of a person's value the commitment, while the value
// goes into the second line.
func (e *encoder) attr(b []byte, a *attr) []byte {
	var cut bool
	b = appendKey(b, a)
	if a.class != access.ClassPerson {
		b, cut = appendValue(b, a.value)
		e.cut += count(cut)
		return b
	}
	sep := byte(',')
	if len(e.held) == 0 {
		sep = '{'
	}
	rand.Read(e.salt[:])
	e.held = appendKey(append(e.held, sep), a)
	e.held = append(e.held, `{"salt":`...)
	e.held = appendBase64(e.held, e.salt[:])
	e.held = append(e.held, `,"value":`...)
	value := len(e.held)
	e.held, cut = appendValue(e.held, a.value)
	e.cut += count(cut)
	e.commit = appendCommitted(e.commit[:0], e.salt[:], a.group, a.key, e.held[value:])
	e.held = append(e.held, '}')
	e.digest = sha256.Sum256(e.commit)
	return appendBase64(b, e.digest[:])
}

// appendCommitted appends what a commitment is the hash of. No key has a zero byte.
func appendCommitted(b, salt []byte, group, key string, value []byte) []byte {
	b = append(b, "baseline eventlog person 1\n"...)
	b = append(b, salt...)
	b = append(b, group...)
	b = append(b, key...)
	b = append(b, 0)
	return append(b, value...)
}

func appendKey(b []byte, a *attr) []byte {
	b = append(b, '"')
	b = append(b, a.group...)
	b = append(b, a.key...)
	return append(b, '"', ':')
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

// place is what a record gets from the log when it is chained.
type place struct {
	seq     uint64
	time    time.Time // zero: none
	quality durable.Quality
	prev    hash
}

// start stands for the leaf before the first record of a log.
func start(origin string) hash {
	return sha256.Sum256([]byte("baseline eventlog 1\n" + origin + "\n"))
}

// chain completes the record at its place and returns it with its leaf.
func (e *encoder) chain(p *place) (frame []byte, leaf hash) {
	b := append(e.frame[:0], 0) // as RFC 6962 marks a leaf
	b = append(b, `{"seq":`...)
	b = strconv.AppendUint(b, p.seq, 10)
	if inRange(p.time) && !p.time.IsZero() {
		b = append(b, `,"time":`...)
		b = appendTime(b, p.time.UTC())
	}
	b = append(b, `,"clock":"`...)
	b = append(b, p.quality.String()...)
	b = append(b, '"')
	b = append(b, e.body...)
	b = append(b, `,"prev":"`...)
	b = hex.AppendEncode(b, p.prev[:])
	b = append(b, '"', '}')
	leaf = sha256.Sum256(b)
	if len(e.held) > 0 {
		b = append(b, '\n')
		b = append(b, e.held...)
	}
	e.frame = b
	return b[1:], leaf
}
