package access

import "strings"

// Limits of a resource and of the pattern of a grant.
const (
	MaxResource = 256 // bytes
	MaxSegments = 16
)

// self is the pattern segment that stands for the id of the asking entity.
const self = "{self}"

// One bit for each byte below 128 that may stand in a segment of a resource.
const (
	segLow  = 0x3ff<<'0' | 1<<'-' | 1<<'.'                                          // below 64
	segHigh = 0x3ffffff<<('A'-64) | 0x3ffffff<<('a'-64) | 1<<('_'-64) | 1<<('~'-64) // 64 to 127
)

// segByte reports whether c may stand in a segment: [a-zA-Z0-9._~-].
func segByte(c byte) bool {
	if c < 64 {
		return uint64(segLow)>>c&1 != 0
	}
	return c < 128 && uint64(segHigh)>>(c-64)&1 != 0
}

// parsePattern splits a pattern into its segments, or names the rule it breaks.
func parsePattern(s string) (segs []string, rule string) {
	if s == "" || len(s) > MaxResource {
		return nil, "is 1 to 256 bytes"
	}
	segs = strings.Split(s, "/")
	if len(segs) > MaxSegments {
		return nil, "has at most 16 segments"
	}
	for i, seg := range segs {
		switch {
		case seg == "**" && i != len(segs)-1:
			return nil, `has "**" only at its end`
		case seg == "*", seg == "**", seg == self:
		case !validSegment(seg):
			return nil, `has segments of [a-zA-Z0-9._~-], "*", "**" or "{self}", joined by "/"`
		}
	}
	return segs, ""
}

// validSegment reports whether s can stand between two slashes of a resource.
// Segments of dots only are refused, whatever a part may map resources to.
func validSegment(s string) bool {
	dots := true
	for i := range len(s) {
		if !segByte(s[i]) {
			return false
		}
		dots = dots && s[i] == '.'
	}
	return !dots // also the empty one
}

// ValidResource reports whether [Check] can allow anything on s: "" (the
// capability as a whole), or at most 16 segments of [a-zA-Z0-9._~-] joined by
// "/", none of them empty or of dots only, together at most 256 bytes.
func ValidResource(s string) bool {
	if s == "" {
		return true
	}
	if len(s) > MaxResource || strings.Count(s, "/") >= MaxSegments {
		return false
	}
	for seg := range strings.SplitSeq(s, "/") {
		if !validSegment(seg) {
			return false
		}
	}
	return true
}
