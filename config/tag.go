package config

import (
	"fmt"
	"strings"
)

// entry is one "key=value" or "flag" of a setting tag.
type entry struct {
	key, value string
	valued     bool
}

// The keys of a setting tag and the kinds that take them; the table never changes.
var tagKeys = map[string]struct {
	kinds  kinds
	flag   bool
	repeat bool
}{
	"doc":      {kinds: anyKind},
	"default":  {kinds: scalars | kList | kDict},
	"min":      {kinds: ranged | kList | kDict},
	"max":      {kinds: ranged | kList | kDict},
	"minlen":   {kinds: kString | kList | kDict},
	"maxlen":   {kinds: kString | kList | kDict},
	"charset":  {kinds: kString | kList | kDict},
	"pattern":  {kinds: kString | kList | kDict},
	"enum":     {kinds: kString | kInt | kUint | kList | kDict},
	"minitems": {kinds: kList | kDict},
	"maxitems": {kinds: kList | kDict},
	"keys":     {kinds: kDict},
	"unit":     {kinds: ranged | kList | kDict},
	"insecure": {kinds: scalars | kList | kDict, repeat: true},
	"warn":     {kinds: scalars | kList | kDict, repeat: true},
	"class":    {kinds: anyKind},
	"write":    {kinds: anyKind},
	"needs":    {kinds: anyKind},
	"restart":  {kinds: anyKind, flag: true},
	"floor":    {kinds: anyKind, flag: true},
	"required": {kinds: scalars | kList | kDict, flag: true},
}

// parseTag splits a setting tag by the grammar in the package documentation, or
// names the rule that it breaks.
func parseTag(tag string) (entries []entry, rule string) {
	const most = 4096
	if len(tag) > most {
		return nil, fmt.Sprintf("tag has at most %d bytes", most)
	}
	seen := map[string]bool{}
	for rest := tag; strings.TrimSpace(rest) != ""; {
		var e entry
		if e, rest, rule = nextEntry(rest); rule != "" {
			return nil, rule
		}
		known, ok := tagKeys[e.key]
		switch {
		case !ok:
			return nil, fmt.Sprintf("tag has no key %.32q", e.key)
		case known.flag && e.valued:
			return nil, e.key + " takes no value"
		case !known.flag && (!e.valued || e.value == "" && e.key != "default"):
			return nil, e.key + " needs a value"
		case seen[e.key] && !known.repeat:
			return nil, e.key + " is given twice"
		}
		seen[e.key] = true
		entries = append(entries, e)
	}
	return entries, ""
}

func nextEntry(s string) (e entry, rest, rule string) {
	s = strings.TrimLeft(s, " ")
	end := strings.IndexAny(s, "=;")
	if end < 0 || s[end] == ';' {
		word, rest, _ := strings.Cut(s, ";")
		return entry{key: strings.TrimSpace(word)}, rest, ""
	}
	e = entry{key: strings.TrimSpace(s[:end]), valued: true}
	s = strings.TrimLeft(s[end+1:], " ")
	if !strings.HasPrefix(s, "'") {
		value, rest, _ := strings.Cut(s, ";")
		e.value = strings.TrimSpace(value)
		return e, rest, ""
	}
	e.value, s, rule = quoted(s[1:])
	s = strings.TrimLeft(s, " ")
	switch {
	case rule != "":
	case strings.HasPrefix(s, ";"):
		s = s[1:]
	case s != "":
		rule = e.key + " has text after the closing quote"
	}
	return e, s, rule
}

// quoted reads up to the closing quote; two quotes stand for one.
func quoted(s string) (value, rest, rule string) {
	var b strings.Builder
	for {
		part, after, ok := strings.Cut(s, "'")
		if !ok {
			return "", "", "a quote is not closed"
		}
		b.WriteString(part)
		if !strings.HasPrefix(after, "'") {
			return b.String(), after, ""
		}
		b.WriteByte('\'')
		s = after[1:]
	}
}
