package integrity

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"strconv"

	"github.com/iot-device-baseline/baseline/internal/strictjson"
)

// appendLine appends the one form that an entry has.
func (e *entry) appendLine(b []byte) []byte {
	b = append(b, `{"path":`...)
	b = appendText(b, e.path)
	if e.target != "" {
		b = append(b, `,"target":`...)
		b = appendText(b, e.target)
		return append(b, "}\n"...)
	}
	b = append(b, `,"size":`...)
	b = strconv.AppendInt(b, e.size, 10)
	b = append(b, `,"sha256":"`...)
	b = hex.AppendEncode(b, e.sum[:])
	b = append(b, '"')
	if l := letters(e.mode); l != "" {
		b = append(b, `,"mode":"`+l+`"`...)
	}
	return append(b, "}\n"...)
}

// appendText appends s as package encoding/json writes it.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			text, _ := json.Marshal(s) // a string has no error
			return append(b, text...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// reader reads lines. What it accepts is decided by one comparison: the entry that it
// read, written again, must be the same bytes. So it may be lenient where it reads, and
// no second way to write an entry gets through.
type reader struct {
	rest []byte
	form []byte
}

// line reads a line with its end.
func (r *reader) line(line []byte) (entry, error) {
	r.rest = line
	e, ok := r.entry()
	if ok {
		r.form = e.appendLine(r.form[:0])
		ok = bytes.Equal(r.form, line)
	}
	if !ok {
		return entry{}, explain(line)
	}
	if rule := checkPath(e.path); rule != "" {
		return entry{}, errors.New("path: " + rule)
	}
	if e.target == "" {
		return e, nil
	}
	if rule := checkTarget(e.path, e.target); rule != "" {
		return entry{}, errors.New("target: " + rule)
	}
	return e, nil
}

func (r *reader) entry() (e entry, ok bool) {
	if !r.skip(`{"path":`) || !r.text(&e.path) {
		return e, false
	}
	if r.skip(`,"target":`) {
		return e, r.text(&e.target)
	}
	if !r.skip(`,"size":`) {
		return e, false
	}
	end := max(0, bytes.IndexByte(r.rest, ','))
	size, err := strconv.ParseInt(string(r.rest[:end]), 10, 64)
	if r.rest = r.rest[end:]; err != nil || size < 0 {
		return e, false
	}
	var sum, mode string
	if e.size = size; !r.skip(`,"sha256":`) || !r.text(&sum) || len(sum) != hex.EncodedLen(len(e.sum)) {
		return e, false
	}
	if _, err := hex.Decode(e.sum[:], []byte(sum)); err != nil {
		return e, false
	}
	if r.skip(`,"mode":`) && !r.text(&mode) {
		return e, false
	}
	for _, c := range mode {
		e.mode |= letterMode(c)
	}
	return e, true
}

func (r *reader) skip(token string) (ok bool) {
	r.rest, ok = bytes.CutPrefix(r.rest, []byte(token))
	return ok
}

// text reads a string of JSON.
func (r *reader) text(s *string) bool {
	end := 1
	for escaped := false; end < len(r.rest) && (r.rest[end] != '"' || escaped); end++ {
		escaped = r.rest[end] == '\\' && !escaped
	}
	if end >= len(r.rest) || r.rest[0] != '"' {
		return false
	}
	raw := r.rest[:end+1]
	r.rest = r.rest[end+1:]
	if bytes.IndexByte(raw, '\\') >= 0 {
		return json.Unmarshal(raw, s) == nil
	}
	*s = string(raw[1:end])
	return true
}

// letterMode is the mode of a letter. One that there is not is 0, and so is not written
// again.
func letterMode(c rune) fs.FileMode {
	switch c {
	case 'x':
		return 0o111
	case 'u':
		return fs.ModeSetuid
	case 'g':
		return fs.ModeSetgid
	}
	return 0
}

// explain says why a line was refused. It decides nothing.
func explain(line []byte) error {
	var l struct {
		Path   string `json:"path"`
		Size   int64  `json:"size"`
		SHA256 string `json:"sha256"`
		Mode   string `json:"mode"`
		Target string `json:"target"`
	}
	// A character of a path may be written as six.
	limits := strictjson.Limits{Bytes: 12*MaxPath + 1024, Depth: 1, Items: 8}
	if err := strictjson.Decode(line, &l, limits); err != nil {
		return err
	}
	return errors.New("not in canonical form")
}
