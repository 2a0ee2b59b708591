package eventlog

import (
	"encoding/base64"
	"log/slog"
	"math"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"
)

// maxText is the most bytes of one text of a record, and cutMark what ends one that
// was longer.
const (
	maxText = 256
	cutMark = "…"
)

// appendText appends s as a JSON string, at most maxText bytes of it. What does not
// print becomes "?": whoever reads a log looks at it in a terminal.
func appendText(b []byte, s string) (out []byte, cut bool) {
	if len(s) > maxText {
		s, cut = s[:maxText-len(cutMark)], true
		for len(s) > 0 && !utf8.RuneStart(s[len(s)-1]) {
			s = s[:len(s)-1]
		}
		if r, _ := utf8.DecodeLastRuneInString(s); r == utf8.RuneError && s != "" {
			s = s[:len(s)-1] // the first byte of a longer rune
		}
	}
	b = append(b, '"')
	b = appendRunes(b, s)
	if cut {
		b = append(b, cutMark...)
	}
	return append(b, '"'), cut
}

func appendRunes(b []byte, s string) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			i++
			switch {
			case c == '"' || c == '\\':
				b = append(b, '\\', c)
			case c < ' ' || c == 0x7f:
				b = append(b, '?')
			default:
				b = append(b, c)
			}
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			r = '?'
		}
		b = utf8.AppendRune(b, r)
		i += n
	}
	return b
}

// appendValue appends a value that plain allows as JSON.
func appendValue(b []byte, v slog.Value) (out []byte, cut bool) {
	switch v.Kind() {
	case slog.KindString:
		b, cut = appendText(b, v.String())
	case slog.KindInt64:
		b = strconv.AppendInt(b, v.Int64(), 10)
	case slog.KindUint64:
		b = strconv.AppendUint(b, v.Uint64(), 10)
	case slog.KindFloat64:
		b = appendFloat(b, v.Float64())
	case slog.KindBool:
		b = strconv.AppendBool(b, v.Bool())
	case slog.KindDuration:
		b, cut = appendText(b, v.Duration().String())
	case slog.KindTime:
		b = appendTime(b, v.Time().UTC())
	default:
		b, cut = appendText(b, v.String())
	}
	return b, cut
}

func appendFloat(b []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		b = append(b, '"')
		b = strconv.AppendFloat(b, f, 'g', -1, 64)
		return append(b, '"')
	}
	return strconv.AppendFloat(b, f, 'g', -1, 64)
}

func inRange(t time.Time) bool { return t.Year() >= 1 && t.Year() <= 9999 }

func appendTime(b []byte, t time.Time) []byte {
	b = append(b, '"')
	b = t.AppendFormat(b, time.RFC3339Nano)
	return append(b, '"')
}

func appendBase64(b, raw []byte) []byte {
	b = append(b, '"')
	b = base64.StdEncoding.AppendEncode(b, raw)
	return append(b, '"')
}
