package notify

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/iot-device-baseline/baseline/access"
)

// Limits of a [Notice].
const (
	MaxTitle       = 200      // bytes of Title
	MaxText        = 2000     // bytes of Text
	MaxData        = 16       // entries of Data
	MaxValue       = 256      // bytes of a value of Data
	MaxNoticeBytes = 64 << 10 // of its JSON
	maxWord        = 64       // bytes of Type, DependsOn, Subject, ID
	maxKey         = 128      // bytes of Key
	maxShort       = 32       // bytes of Audience, of a key of Data, of the name of a Channel
	maxCount       = 1 << 30  // Count stops there
	maxSequence    = 1 << 53  // what every reader of JSON can hold
	minRepeat      = time.Minute
	maxSpan        = 10 * 365 * 24 * time.Hour
)

const (
	ruleType     = "is up to 16 words of [a-z0-9-] joined by dots, begins with a letter, at most 64 bytes"
	ruleKey      = "is at most 128 bytes of [a-zA-Z0-9._~:/@+-] and does not begin with ~"
	ruleSeverity = "is info, warning or critical"
	ruleAudience = "is [a-z][a-z0-9-]*, at most 32 bytes"
	ruleID       = "is at most 64 bytes of [a-zA-Z0-9._~-], not only dots"
	ruleTitle    = "is 1 to 200 bytes of printable UTF-8 on one line"
	ruleText     = "is at most 2000 bytes of printable UTF-8 and line feeds"
	ruleData     = "has at most 16 entries"
	ruleDataKey  = "has a key of [a-z][a-z0-9._-]*, at most 32 bytes"
	ruleValue    = "is at most 256 bytes of printable UTF-8 on one line"
	ruleRepeat   = "is 0, or whole seconds from 1m to 87600h"
	ruleExpires  = "is 0, or whole seconds up to 87600h"
	ruleDepends  = "is another type of notice"
	ruleCount    = "is 0 to 1073741824"
	ruleSequence = "is at most 9007199254740992"
	ruleTime     = "is a time in the years 1 to 9999"
)

// InputError says which rule a notice, routing or options break, and where. It
// never holds the input itself.
type InputError struct {
	Path string // RFC 6901 pointer; "" is the whole
	Rule string
}

func (e *InputError) Error() string { return "notify: " + cmp.Or(e.Path, "input") + ": " + e.Rule }

// Check reports the first rule that n breaks as an [*InputError], or nil. What
// passes holds no control character, no formatting character that changes the
// direction or order of text, and no U+FFFD, and fits [MaxNoticeBytes].
func (n *Notice) Check() error {
	if strings.HasPrefix(n.Key, overflowPrefix) {
		return &InputError{"/key", ruleKey}
	}
	return n.check()
}

// check is Check that lets the Center's own keys pass.
func (n *Notice) check() error {
	for _, c := range []struct {
		ok         bool
		path, rule string
	}{
		{validType(n.Type), "/type", ruleType},
		{validKey(n.Key), "/key", ruleKey},
		{n.Severity >= Info && n.Severity <= Critical, "/severity", ruleSeverity},
		{validAudience(n.Audience), "/audience", ruleAudience},
		{n.Subject == "" || validID(n.Subject), "/subject", ruleID},
		{n.Title != "" && printable(n.Title, MaxTitle, false), "/title", ruleTitle},
		{printable(n.Text, MaxText, true), "/text", ruleText},
		{n.RepeatAfter == 0 || n.RepeatAfter >= minRepeat && validSpan(n.RepeatAfter), "/repeatAfter", ruleRepeat},
		{validSpan(n.Expires), "/expires", ruleExpires},
		{n.DependsOn == "" || validType(n.DependsOn) && n.DependsOn != n.Type, "/dependsOn", ruleDepends},
	} {
		if !c.ok {
			return &InputError{c.path, c.rule}
		}
	}
	if err := checkData(n.Data); err != nil {
		return err
	}
	return n.checkKept()
}

func (n *Notice) checkKept() error {
	if n.ID != "" && !validID(n.ID) {
		return &InputError{"/id", ruleID}
	}
	if n.Sequence > maxSequence {
		return &InputError{"/sequence", ruleSequence}
	}
	if n.Count < 0 || n.Count > maxCount {
		return &InputError{"/count", ruleCount}
	}
	if by := n.Acknowledged.By; by != "" && !validID(by) {
		return &InputError{"/acknowledged/by", ruleID}
	}
	for i, t := range []time.Time{n.First, n.Last, n.Resolved, n.Acknowledged.At} {
		if y := t.UTC().Year(); y < 1 || y > 9999 {
			return &InputError{[]string{"/first", "/last", "/resolved", "/acknowledged/at"}[i], ruleTime}
		}
	}
	return nil
}

func checkData(data map[string]string) error {
	if len(data) > MaxData {
		return &InputError{"/data", ruleData}
	}
	for _, key := range slices.Sorted(maps.Keys(data)) {
		if !validDataKey(key) {
			return &InputError{"/data", ruleDataKey}
		}
		if !printable(data[key], MaxValue, false) {
			return &InputError{"/data/" + key, ruleValue}
		}
	}
	return nil
}

// Clean makes outside text fit for a notice: what [Notice.Check] would refuse in
// a title becomes "?", and what exceeds most bytes is cut off.
func Clean(s string, most int) string {
	var b strings.Builder
	for _, r := range s {
		if !printableRune(r) {
			r = '?'
		}
		if b.Len()+utf8.RuneLen(r) > most {
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}

// printable allows what [strconv.IsPrint] does: letters, marks, numbers,
// punctuation, symbols and the plain space, hence no control character, no
// bidirectional override, no zero-width or line separator.
func printable(s string, most int, lines bool) bool {
	if len(s) > most || !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if !printableRune(r) && !(lines && r == '\n') {
			return false
		}
	}
	return true
}

// printableRune refuses U+FFFD, which decoders put in the place of broken text.
func printableRune(r rune) bool { return strconv.IsPrint(r) && r != utf8.RuneError }

// validType reports whether s can be a type, and so resource(s) a resource.
func validType(s string) bool {
	if s == "" || len(s) > maxWord || !lower(s[0]) || strings.Count(s, ".") >= access.MaxSegments {
		return false
	}
	for w := range strings.SplitSeq(s, ".") {
		if w == "" || !all(w, func(c byte) bool { return lower(c) || digit(c) || c == '-' }) {
			return false
		}
	}
	return true
}

// resource is the resource of [access.NotifyRaise] on a type: its words are the
// segments, so that a grant can name an area of types, as "device/**".
func resource(typ string) string { return strings.ReplaceAll(typ, ".", "/") }

func validKey(s string) bool {
	return len(s) <= maxKey && all(s, func(c byte) bool {
		return lower(c) || upper(c) || digit(c) || strings.IndexByte("._~:/@+-", c) >= 0
	})
}

func validAudience(a Audience) bool { return validShort(string(a), "-") }

func validDataKey(s string) bool { return validShort(s, "._-") }

func validShort(s, others string) bool {
	return s != "" && len(s) <= maxShort && lower(s[0]) &&
		all(s, func(c byte) bool { return lower(c) || digit(c) || strings.IndexByte(others, c) >= 0 })
}

// validID reports whether s can be the id of an entity, and so a resource.
func validID(s string) bool {
	return s != "" && len(s) <= maxWord && strings.Trim(s, ".") != "" &&
		all(s, func(c byte) bool { return lower(c) || upper(c) || digit(c) || strings.IndexByte("._~-", c) >= 0 })
}

func validSpan(d time.Duration) bool { return d >= 0 && d <= maxSpan && d%time.Second == 0 }

func all(s string, ok func(byte) bool) bool {
	for i := range len(s) {
		if !ok(s[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) bool { return c >= 'a' && c <= 'z' }
func upper(c byte) bool { return c >= 'A' && c <= 'Z' }
func digit(c byte) bool { return c >= '0' && c <= '9' }
