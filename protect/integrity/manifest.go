package integrity

import (
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// PredicateType is the type of the statement that signs a manifest.
const PredicateType = "https://github.com/iot-device-baseline/baseline/integrity-manifest/v1"

// Limits of a manifest, when it is made and when it is accepted.
const (
	MaxManifest = 32 << 20 // bytes
	MaxEntries  = 100_000  // files and links
	MaxPath     = 1024     // bytes of a path, of the target of a link
	MaxExclude  = 64       // patterns
	MaxPattern  = 256      // bytes of a pattern
	MaxText     = 128      // bytes of product and version
	MaxNumber   = 1 << 62
)

// Release says what a manifest is of.
type Release struct {
	Product string `json:"product"` // 1 to MaxText printable ASCII characters
	Version string `json:"version"` // for people, as Product
	Number  uint64 `json:"number"`  // orders releases, from 1 to MaxNumber
	// Exclude are patterns of [path.Match] for what changes while the device runs, and
	// for the manifest itself where it lies among the files. A pattern is held against a
	// whole path: what it matches is left out, with everything below it. Whatever lies
	// there is not checked, and not missed.
	Exclude []string `json:"exclude,omitempty"`
}

// header is the predicate of the statement.
type header struct {
	Version string   `json:"version"`
	Number  uint64   `json:"number"`
	Entries int      `json:"entries"`
	Bytes   int64    `json:"bytes"` // of the lines
	Exclude []string `json:"exclude"`
}

func (r *Release) check() error {
	switch {
	case !printable(r.Product):
		return invalid("product", fmt.Sprintf("want 1 to %d printable ASCII characters", MaxText))
	case !printable(r.Version):
		return invalid("version", fmt.Sprintf("want 1 to %d printable ASCII characters", MaxText))
	case r.Number == 0 || r.Number > MaxNumber:
		return invalid("number", "want 1 to 2^62")
	case len(r.Exclude) > MaxExclude:
		return invalid("exclude", fmt.Sprintf("%d patterns, at most %d", len(r.Exclude), MaxExclude))
	}
	for _, p := range r.Exclude {
		if _, err := path.Match(p, ""); err != nil || !fs.ValidPath(p) || p == "." || len(p) > MaxPattern {
			return invalid("exclude", fmt.Sprintf("%.70q is no pattern of a path below the root, of at most %d bytes", p, MaxPattern))
		}
	}
	return nil
}

// matches reports whether a pattern matches the path itself. Who walks down a tree does
// not come to what lies below such a path.
func (r *Release) matches(name string) bool {
	for _, p := range r.Exclude {
		if ok, _ := path.Match(p, name); ok {
			return true
		}
	}
	return false
}

// An entry is a file or, with a target, a symbolic link.
type entry struct {
	path   string
	target string
	size   int64
	sum    [32]byte
	mode   fs.FileMode // as plainMode leaves it
}

// plainMode keeps of a mode what changes the effect of running a file: whose rights it
// then has, and whether it is run at all. By whom is up to the image: that anybody may
// is what counts.
func plainMode(m fs.FileMode) fs.FileMode {
	out := m & (fs.ModeSetuid | fs.ModeSetgid)
	if m&0o111 != 0 {
		out |= 0o111
	}
	return out
}

// letters writes a mode: "x" executable, "u" setuid, "g" setgid.
func letters(m fs.FileMode) string {
	var b strings.Builder
	for _, bit := range []struct {
		mask   fs.FileMode
		letter byte
	}{{0o111, 'x'}, {fs.ModeSetuid, 'u'}, {fs.ModeSetgid, 'g'}} {
		if m&bit.mask != 0 {
			b.WriteByte(bit.letter)
		}
	}
	return b.String()
}

// words says what an entry is, for a report.
func (e *entry) words() string {
	if e.target != "" {
		return "link to " + strconv.Quote(e.target)
	}
	return describe(e.size, e.mode) + ", sha256 " + hex.EncodeToString(e.sum[:])
}

func describe(size int64, mode fs.FileMode) string {
	s := "file of " + strconv.FormatInt(size, 10) + " bytes"
	if l := letters(mode); l != "" {
		s += ", mode " + l
	}
	return s
}

// checkPath says what is wrong with the path of an entry, or "".
func checkPath(name string) string {
	if !fs.ValidPath(name) || name == "." || len(name) > MaxPath || strings.IndexByte(name, 0) >= 0 {
		return fmt.Sprintf("no clean relative path in UTF-8 of at most %d bytes", MaxPath)
	}
	return ""
}

// checkTarget says what is wrong with the target of the link at name, or "". ".." may
// stand only in front: behind a name it would be taken from wherever that name leads,
// which no look at the text can tell.
func checkTarget(name, target string) string {
	rest, up := target, 0
	for strings.HasPrefix(rest, "../") {
		rest, up = rest[3:], up+1
	}
	if rest == ".." {
		rest, up = ".", up+1
	}
	if up > strings.Count(name, "/") {
		return "leads out of the tree"
	}
	if !fs.ValidPath(rest) || len(target) > MaxPath || strings.IndexByte(target, 0) >= 0 {
		return fmt.Sprintf(`no clean relative path in UTF-8 of at most %d bytes, with ".." only in front`, MaxPath)
	}
	return ""
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return s != "" && len(s) <= MaxText
}

func invalid(what, rule string) error {
	return fmt.Errorf("integrity: %s: %w: %s", what, ErrInvalid, rule)
}
