package clause

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"sort"
)

// Feature is one thing that a part of a device does for its security: what a
// risk assessment may ask for, and what a statement of applicability is checked
// against. A part makes its features from its constructor's arguments alone, so
// that the same program always has the same features.
type Feature struct {
	ID       string    `json:"id"`      // "config.authorised": see [ValidFeatureID]
	Clauses  []ID      `json:"clauses"` // the entries it answers, in any order
	Package  string    `json:"package"` // import path below the module, or a vendor's own
	Summary  string    `json:"summary"` // one line for people
	Settings []Setting `json:"settings,omitempty"`
}

// Setting is how a feature is set at the moment: what the owner of the device
// chose. Settings are reported and never change which features are composed.
// They must not hold secrets.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// MaxFeatureID is the most bytes of a feature's id.
const MaxFeatureID = 64

// ValidFeatureID reports whether s can be the id of a feature: segments of
// [a-z0-9-], each beginning with a letter or digit, joined by ".", at most
// [MaxFeatureID] bytes in all.
func ValidFeatureID(s string) bool {
	if s == "" || len(s) > MaxFeatureID {
		return false
	}
	start := true
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			start = false
		case c == '-' && !start:
		case c == '.' && !start:
			start = true
		default:
			return false
		}
	}
	return !start
}

// Check returns an error that names the first feature which is not well formed:
// a bad or repeated id, no clause, an unknown or repeated clause, no package.
func Check(features []Feature) error {
	seen := map[string]bool{}
	for _, f := range features {
		if !ValidFeatureID(f.ID) {
			return fmt.Errorf("clause: feature %q: not a feature id", clip(f.ID))
		}
		if seen[f.ID] {
			return fmt.Errorf("clause: feature %s: given twice", f.ID)
		}
		seen[f.ID] = true
		if err := f.check(); err != nil {
			return err
		}
	}
	return nil
}

func (f Feature) check() error {
	if f.Package == "" {
		return fmt.Errorf("clause: feature %s: names no package", f.ID)
	}
	if len(f.Clauses) == 0 {
		return fmt.Errorf("clause: feature %s: answers no clause", f.ID)
	}
	for i, id := range f.Clauses {
		if !id.Valid() {
			return fmt.Errorf("clause: feature %s: %w clause number %d", f.ID, ErrUnknown, uint8(id))
		}
		if slices.Contains(f.Clauses[:i], id) {
			return fmt.Errorf("clause: feature %s: clause %s given twice", f.ID, id)
		}
	}
	return nil
}

// Digest identifies a composition: the lower-case hex SHA-256 over id, package
// and clauses of every feature, whatever their order. Summaries and settings
// have no part in it, so that what the owner switches does not change it.
func Digest(features []Feature) string {
	sorted := slices.Clone(features)
	sort.Slice(sorted, func(i, j int) bool {
		if sorted[i].ID != sorted[j].ID {
			return sorted[i].ID < sorted[j].ID
		}
		return sorted[i].Package < sorted[j].Package
	})
	h := sha256.New()
	for _, f := range sorted {
		names := make([]string, len(f.Clauses))
		for i, id := range f.Clauses {
			names[i] = id.String()
		}
		slices.Sort(names)
		// %q and the number of clauses keep two compositions from reading alike.
		fmt.Fprintf(h, "%q %q %d", f.ID, f.Package, len(names))
		for _, name := range names {
			io.WriteString(h, " "+name)
		}
		io.WriteString(h, "\n")
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Answering returns the features that answer the entry id, in the given order.
func Answering(features []Feature, id ID) []Feature {
	var out []Feature
	for _, f := range features {
		if slices.Contains(f.Clauses, id) {
			out = append(out, f)
		}
	}
	return out
}
