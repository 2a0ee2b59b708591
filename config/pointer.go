package config

import (
	"slices"
	"strconv"
	"strings"
)

// pointer is an RFC 6901 pointer that grows and shrinks on the way through a
// document. It is written out only when somebody asks for it.
type pointer []step

// step is a name, or an index.
type step struct {
	name  string
	index int // of an array, plus one; 0 for a name
}

func (p *pointer) push(name string) (before int) {
	before = len(*p)
	*p = append(*p, step{name: name})
	return before
}

func (p *pointer) pushIndex(i int) (before int) {
	before = len(*p)
	*p = append(*p, step{index: i + 1})
	return before
}

func (p *pointer) pop(before int) { *p = (*p)[:before] }

// String writes the pointer out.
func (p pointer) String() string {
	var b []byte
	for _, s := range p {
		b = append(b, '/')
		if s.index > 0 {
			b = strconv.AppendInt(b, int64(s.index-1), 10)
			continue
		}
		name := strings.ReplaceAll(strings.ReplaceAll(s.name, "~", "~0"), "/", "~1")
		b = append(b, clip(name)...)
	}
	return string(b)
}

// clip shortens a name that comes from outside and cannot be one of ours.
func clip(name string) string {
	const most = 2 * maxMapKey
	if len(name) <= most {
		return name
	}
	return strings.ToValidUTF8(name[:most], "") + "…"
}

// reporter collects findings.
type reporter struct {
	list    Report
	invalid int  // number of findings that are Invalid, also those that are left out
	all     bool // nothing is left out
}

func (r *reporter) add(at pointer, rule string, severity Severity) {
	if r.room(severity) {
		r.list = append(r.list, Finding{Path: at.String(), Rule: rule, Severity: severity})
	}
}

func (r *reporter) addPath(path, rule string, severity Severity) {
	if r.room(severity) {
		r.list = append(r.list, Finding{Path: path, Rule: rule, Severity: severity})
	}
}

// room counts a finding and reports whether it is to be kept. When there are too
// many, the last of the least grave gives way to a graver one: no number of warnings
// may hide why a document is refused.
func (r *reporter) room(severity Severity) bool {
	if severity == Invalid {
		r.invalid++
	}
	if r.all || len(r.list) < MaxFindings {
		return true
	}
	least, at := severity, -1
	for i, f := range r.list {
		if f.Severity < severity && f.Severity <= least {
			least, at = f.Severity, i
		}
	}
	if at >= 0 {
		r.list = slices.Delete(r.list, at, at+1)
	}
	return at >= 0
}

// refusal is the error for the findings that are Invalid.
func (r *reporter) refusal() error {
	return &ReportError{Report: r.list.Only(Invalid), invalid: r.invalid}
}

// trail is a pointer on the way through tokens: the number of a name, or for an
// index i of an array, -1-i. It is cheap where findings are rare.
type trail []int32

// pointer returns what t stands for in a document.
func (t trail) pointer(toks []token, text string) pointer {
	p := make(pointer, 0, len(t)+1)
	for _, at := range t {
		if at < 0 {
			p.pushIndex(int(-1 - at))
			continue
		}
		p.push(toks[at].text(text))
	}
	return p
}
