package integrity

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Kind says what is wrong.
type Kind string

// The kinds of findings. Those of the manifest have no path.
const (
	// Unsigned: the manifest, or the lines of it, were not signed by the keys, or not
	// vouched for. Nothing in it was believed and no file was looked at.
	Unsigned Kind = "unsigned"
	// Malformed: whoever signed it signed something that is no manifest. No file was
	// looked at.
	Malformed Kind = "malformed"
	// Foreign: it is of another product or release. No file was looked at.
	Foreign Kind = "foreign"
	// Older: its number is below the floor. The files are checked all the same.
	Older Kind = "older"

	Missing    Kind = "missing"    // the manifest has it, the tree has not
	Changed    Kind = "changed"    // other content, size, mode, target, or kind of file
	Extra      Kind = "extra"      // the tree has it, neither manifest nor exclusions have
	Unreadable Kind = "unreadable" // so that nobody knows: never taken for a pass
)

// Finding is one thing that is not as it was released.
type Finding struct {
	Kind Kind   `json:"kind"`
	Path string `json:"path,omitempty"` // bytes that are not UTF-8 are replaced
	Want string `json:"want,omitempty"` // in words; "" if nothing was expected there
	Got  string `json:"got,omitempty"`  // in words; "" if nothing was there
}

// String returns the finding on one line of printable characters.
func (f Finding) String() string {
	s := string(f.Kind)
	if f.Path != "" {
		s += fmt.Sprintf(" %q", f.Path)
	}
	if f.Want != "" {
		s += ": want " + f.Want
	}
	if f.Got != "" {
		s += ": got " + f.Got
	}
	return s
}

func (f Finding) compare(g Finding) int {
	return cmp.Or(strings.Compare(f.Path, g.Path), cmp.Compare(f.Kind, g.Kind), cmp.Compare(f.Want, g.Want), cmp.Compare(f.Got, g.Got))
}

func manifestFinding(kind Kind, got string) *Finding { return &Finding{Kind: kind, Got: clean(got)} }

// Report is what a check found.
type Report struct {
	// Checked: the manifest was believed and every entry of it was compared. A report
	// without it says nothing good about any file.
	Checked bool `json:"checked"`
	// Release is that of the manifest, and Digest the SHA-256 of its lines in hex. Both
	// are empty unless it was believed.
	Release Release `json:"release"`
	Digest  string  `json:"digest,omitempty"`

	Entries int   `json:"entries"` // of the manifest
	Hashed  int   `json:"hashed"`  // files whose content was read for this report
	Bytes   int64 `json:"bytes"`   // of these
	Rounds  int   `json:"rounds"`  // how often everything was hashed, by a [Checker]

	// Findings are sorted by path, kind and words, those of the manifest first, and are
	// the first of Total.
	Findings []Finding `json:"findings,omitempty"`
	Total    int       `json:"total"`
}

// Whole reports whether the software is what was released: everything was compared,
// and nothing was found. A nil or empty report is not whole.
func (r *Report) Whole() bool { return r != nil && r.Checked && r.Total == 0 }

// Err returns nil for a whole report, [ErrUnchecked] for none, and else [ErrAltered]
// with the first finding.
func (r *Report) Err() error {
	switch {
	case r.Whole():
		return nil
	case r == nil || len(r.Findings) == 0:
		return fmt.Errorf("integrity: %w", ErrUnchecked)
	}
	return fmt.Errorf("integrity: %w: %d findings, the first: %s", ErrAltered, r.Total, r.Findings[0])
}

func (r *Report) clone() *Report {
	if r == nil {
		return nil
	}
	c := *r
	c.Findings, c.Release.Exclude = slices.Clone(r.Findings), slices.Clone(r.Release.Exclude)
	return &c
}

// collector keeps the first findings in their order, whatever the order in which they
// come, and the memory bounded whatever a stranger puts on the medium.
type collector struct {
	limit int
	kept  []Finding
	total int
}

func (c *collector) add(f Finding) {
	c.total++
	at, _ := slices.BinarySearchFunc(c.kept, f, Finding.compare)
	if at >= c.limit {
		return
	}
	if len(c.kept) == c.limit {
		c.kept = c.kept[:c.limit-1]
	}
	c.kept = slices.Insert(c.kept, at, f)
}

// clean makes text from outside fit for a line of a log.
func clean(s string) string {
	const most = 256
	s = strings.ToValidUTF8(s[:min(len(s), most)], "\uFFFD")
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}
