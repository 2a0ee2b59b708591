package eventlog

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/internal/strictjson"
)

// record is a line, decoded. The names of its fields stand on the medium.
type record struct {
	Seq     uint64            `json:"seq"`
	Time    string            `json:"time"`
	Clock   string            `json:"clock"`
	Level   int               `json:"level"`
	Event   string            `json:"event"`
	Public  map[string]value  `json:"public"`
	Device  map[string]value  `json:"device"`
	Person  map[string][]byte `json:"person"`
	Dropped int               `json:"dropped"`
	Note    string            `json:"note"`
	Prev    string            `json:"prev"`

	line    []byte
	at      time.Time
	quality durable.Quality
	prev    hash
	held    map[string]held // nil when the second line stayed behind
}

// held is what the second line says of one key.
type held struct {
	Salt  []byte          `json:"salt"`
	Value json.RawMessage `json:"value"`
}

// value is a plain value.
type value struct{ slog.Value }

// UnmarshalJSON takes text, truth and numbers.
func (v *value) UnmarshalJSON(raw []byte) error {
	switch s := string(raw); {
	case s == "true" || s == "false":
		v.Value = slog.BoolValue(s == "true")
	case raw[0] == '"':
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return err
		}
		v.Value = slog.StringValue(text)
	default:
		return v.number(s)
	}
	return nil
}

func (v *value) number(s string) error {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		v.Value = slog.Int64Value(i)
		return nil
	}
	if u, err := strconv.ParseUint(s, 10, 64); err == nil {
		v.Value = slog.Uint64Value(u)
		return nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return errNote
	}
	v.Value = slog.Float64Value(f)
	return nil
}

// limits of what is decoded: the most that an encoder makes.
func limits() strictjson.Limits {
	return strictjson.Limits{Bytes: maxLine, Depth: 3, Items: 4 * maxAttrs}
}

// parseFrame decodes a record as it lies on the medium. want is its number. Whatever
// it says of persons must be there and be what the line commits to.
func parseFrame(want uint64, frame []byte) (*record, error) {
	line, second, both := bytes.Cut(frame, []byte("\n"))
	r, err := parseLine(want, line)
	if err != nil {
		return nil, err
	}
	if both || len(r.Person) > 0 {
		if err := r.hold(second); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// parseLine decodes the line of record want; 0 takes any.
func parseLine(want uint64, line []byte) (*record, error) {
	r := &record{line: line}
	if err := strictjson.Decode(line, r, limits()); err != nil {
		return nil, badRecord(want, err.Error())
	}
	if want != 0 && r.Seq != want {
		return nil, badRecord(want, "record "+strconv.FormatUint(r.Seq, 10)+" is in its place")
	}
	if rule := r.check(); rule != "" {
		return nil, badRecord(r.Seq, rule)
	}
	return r, nil
}

// check says which rule of the format the line breaks.
func (r *record) check() string {
	var err error
	if r.quality, err = parseQuality(r.Clock); err != nil {
		return "unknown quality of the clock"
	}
	if r.Time != "" {
		if r.at, err = time.Parse(time.RFC3339Nano, r.Time); err != nil {
			return "not a time"
		}
	}
	prev, err := hex.DecodeString(r.Prev)
	if err != nil || len(prev) != len(r.prev) || r.Prev != strings.ToLower(r.Prev) {
		return "no leaf of the record before"
	}
	copy(r.prev[:], prev)
	for _, sum := range r.Person {
		if len(sum) != sha256.Size {
			return "a commitment that is none"
		}
	}
	switch {
	case r.Seq == 0 || r.Dropped < 0:
		return "a number out of range"
	case !validEvent(r.Event):
		return "not the name of an event"
	case (r.Note != "") != (r.Event == EventCheckpoint):
		return "a checkpoint without note, or a note without"
	}
	return ""
}

// hold decodes the second line and compares it with what the first commits to.
func (r *record) hold(second []byte) error {
	if err := strictjson.Decode(second, &r.held, limits()); err != nil {
		return badRecord(r.Seq, "held line: "+err.Error())
	}
	if len(r.held) != len(r.Person) {
		return badRecord(r.Seq, "values of persons are missing, or too many")
	}
	for key, sum := range r.Person {
		h, ok := r.held[key]
		if !ok || sha256.Sum256(appendCommitted(nil, h.Salt, "", key, h.Value)) != [sha256.Size]byte(sum) {
			return badRecord(r.Seq, "the value of "+key+" is not the one that was logged")
		}
	}
	return nil
}

// leaf is the hash of the line.
func (r *record) leaf() hash { return leafOf(r.line) }
