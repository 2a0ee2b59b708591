package update

import (
	"strconv"
	"unicode/utf8"
)

const (
	ruleName    = "is 1 to 64 bytes of [a-z0-9-]"
	ruleVersion = "is 1 to 64 bytes of [A-Za-z0-9.+_-]"
	rulePath    = "is 1 to 256 bytes of [A-Za-z0-9._/-], no segment of it empty or of dots only"
)

// Check says which field of r breaks which rule, as an [*InputError].
func (r *Release) Check() error {
	switch {
	case !validName(r.Product):
		return bad("/product", ruleName)
	case !validName(r.Channel):
		return bad("/channel", ruleName)
	case !validVersion(r.Version):
		return bad("/version", ruleVersion)
	case r.Number == 0 || r.Number > 1<<62:
		return bad("/number", "is 1 to 2^62")
	case r.Floor > r.Number:
		return bad("/floor", "is at most the number: a release that is not confirmed blocks nothing")
	case len(r.Components) == 0 || len(r.Components) > MaxComponents:
		return bad("/components", "has 1 to 32 elements")
	case !validText(r.Interrupts, 512):
		return bad("/interrupts", "is at most 512 bytes of printable UTF-8")
	case !validText(r.Notes, 4096):
		return bad("/notes", "is at most 4096 bytes of printable UTF-8")
	case len(r.Blocked) > 256:
		return bad("/blocked", "has at most 256 elements")
	case len(r.BlockedNumbers) > 256:
		return bad("/blocked_numbers", "has at most 256 elements")
	}
	for i, n := range r.BlockedNumbers {
		if n == 0 || n > 1<<62 || n == r.Number {
			return bad("/blocked_numbers/"+strconv.Itoa(i), "is 1 to 2^62, and not the number of the release itself")
		}
	}
	return r.checkComponents()
}

func (r *Release) checkComponents() error {
	names := map[string]bool{}
	for i := range r.Components {
		c, at := &r.Components[i], "/components/"+strconv.Itoa(i)
		switch {
		case !validName(c.Name):
			return bad(at+"/name", ruleName)
		case names[c.Name]:
			return bad(at+"/name", "is given twice")
		case !validVersion(c.Version):
			return bad(at+"/version", ruleVersion)
		case !validPath(c.Path):
			return bad(at+"/path", rulePath)
		case c.Length < 1 || c.Length > MaxImage:
			return bad(at+"/length", "is 1 byte to 64 GiB")
		case c.Digest == Digest{}:
			return bad(at+"/digest", "is the SHA-256 of the image")
		}
		names[c.Name] = true
	}
	return nil
}

func validName(s string) bool {
	return of(s, 64, func(c byte) bool { return lowerOrDigit(c) || c == '-' })
}

func validVersion(s string) bool {
	return of(s, 64, func(c byte) bool {
		return lowerOrDigit(c) || 'A' <= c && c <= 'Z' || c == '.' || c == '+' || c == '_' || c == '-'
	})
}

// validPath allows what is a path in metadata, in a URL without escapes and on a
// stick alike.
func validPath(s string) bool {
	dots, segment := true, 0
	ok := of(s, 256, func(c byte) bool {
		if c == '/' {
			good := segment > 0 && !dots
			dots, segment = true, 0
			return good
		}
		segment, dots = segment+1, dots && c == '.'
		return lowerOrDigit(c) || 'A' <= c && c <= 'Z' || c == '.' || c == '_' || c == '-'
	})
	return ok && segment > 0 && !dots
}

// of reports whether s has 1 to n bytes that are all allowed, asked in order.
func of(s string, n int, allowed func(byte) bool) bool {
	for i := range len(s) {
		if !allowed(s[i]) {
			return false
		}
	}
	return s != "" && len(s) <= n
}

func lowerOrDigit(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }

func validText(s string, n int) bool {
	if len(s) > n || !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if r != '\n' && !strconv.IsPrint(r) || r == utf8.RuneError {
			return false
		}
	}
	return true
}
