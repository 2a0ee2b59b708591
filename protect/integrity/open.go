package integrity

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/iot-device-baseline/baseline/internal/strictjson"
	"github.com/iot-device-baseline/baseline/receipt"
)

// Expect says which manifest is believed. One of Keys and Verify must be given; with
// both, both must agree.
type Expect struct {
	// Keys are the vendor's; Threshold of them, 1 if it is 0, must have signed. Kinds
	// and sizes are those of package receipt.
	Keys      []crypto.PublicKey
	Threshold int
	// Verify vouches for the manifest by other means, such as a target of TUF under the
	// root chain that the device keeps, and gives an error for what it does not vouch
	// for. Without Keys a manifest that nobody signed is then accepted.
	// Start-up integrity must not hang on the time: Verify should ignore expiry.
	Verify func(ctx context.Context, manifest []byte) error

	Product   string // of which product; "" is any
	Version   string // of which release, as the boot chain says that it runs; "" is any
	MinNumber uint64 // the floor: a lower number is a finding
}

func (x *Expect) check() error {
	switch n := len(x.Keys); {
	case n == 0 && x.Verify == nil:
		return invalid("expect", "no key and no Verify: nothing could be believed")
	case n == 0 && x.Threshold != 0, n > 0 && (x.Threshold < 0 || x.Threshold > n):
		return invalid("expect", fmt.Sprintf("threshold %d of %d keys", x.Threshold, n))
	}
	for _, key := range x.Keys {
		if _, err := receipt.KeyID(key); err != nil {
			return fmt.Errorf("integrity: expect: %w: %w", ErrInvalid, err)
		}
	}
	return nil
}

// a manifest whose origin was verified.
type manifest struct {
	release Release
	digest  string // of its lines
	entries []entry
	bytes   int64 // of all files
}

// open verifies a manifest and reads it: the signature first, of which everything else
// is part. What is wrong with it comes as a finding; the error is that of ctx.
func (x *Expect) open(ctx context.Context, data []byte) (*manifest, *Finding, error) {
	if len(data) > MaxManifest {
		return nil, manifestFinding(Unsigned, fmt.Sprintf("%d bytes, at most %d", len(data), MaxManifest)), nil
	}
	if x.Verify != nil {
		err := x.Verify(ctx, data)
		if ctx.Err() != nil {
			return nil, nil, context.Cause(ctx)
		}
		if err != nil {
			return nil, manifestFinding(Unsigned, err.Error()), nil
		}
	}
	envelope, lines, found := bytes.Cut(data, []byte("\n"))
	if !found {
		return nil, manifestFinding(Unsigned, "no line end behind the envelope"), nil
	}
	st, err := x.statement(envelope)
	if err != nil {
		return nil, manifestFinding(Unsigned, err.Error()), nil
	}
	if st.PredicateType != PredicateType {
		return nil, manifestFinding(Unsigned, "the signature is over something else than a manifest"), nil
	}
	m, h, rule := readHeader(st)
	if rule != "" {
		return nil, manifestFinding(Malformed, rule), nil
	}
	if sum := sha256.Sum256(lines); h.Bytes != int64(len(lines)) || m.digest != hex.EncodeToString(sum[:]) {
		return nil, manifestFinding(Unsigned, "the lines are not those that were signed"), nil
	}
	if rule := m.read(ctx, lines, h.Entries); rule != "" {
		if ctx.Err() != nil {
			return nil, nil, context.Cause(ctx)
		}
		return nil, manifestFinding(Malformed, rule), nil
	}
	return m, nil, nil
}

func (x *Expect) statement(envelope []byte) (*receipt.Statement, error) {
	if len(x.Keys) > 0 {
		return receipt.VerifyThreshold(envelope, max(1, x.Threshold), x.Keys...)
	}
	in, err := receipt.Inspect(envelope) // Verify vouched for these bytes
	if err != nil {
		return nil, err
	}
	return in.Statement, nil
}

// readHeader reads the signed statement. A rule that is not "" was broken.
func readHeader(st *receipt.Statement) (*manifest, *header, string) {
	if len(st.Subject) != 1 || st.Subject[0].URI != "" || len(st.Subject[0].Digest) != 1 {
		return nil, nil, "want one subject with a name and one digest"
	}
	digest := st.Subject[0].Digest["sha256"]
	if len(digest) != 2*sha256.Size {
		return nil, nil, "want a digest sha256"
	}
	var h header
	if err := strictjson.Decode(st.Predicate, &h, strictjson.Limits{Bytes: receipt.MaxPayload, Depth: 2, Items: MaxExclude + 8}); err != nil {
		return nil, nil, "predicate: " + err.Error()
	}
	m := &manifest{
		release: Release{Product: st.Subject[0].Name, Version: h.Version, Number: h.Number, Exclude: h.Exclude},
		digest:  digest,
	}
	if err := m.release.check(); err != nil {
		return nil, nil, err.Error()
	}
	if h.Entries < 1 || h.Entries > MaxEntries {
		return nil, nil, fmt.Sprintf("%d entries, want 1 to %d", h.Entries, MaxEntries)
	}
	return m, &h, ""
}

// read reads the lines. They are in the order of their paths, each once, and each in
// the one form that WriteManifest gives it: a manifest that could be read in two ways
// could be shown to two readers.
func (m *manifest) read(ctx context.Context, lines []byte, want int) (rule string) {
	if n := bytes.Count(lines, []byte("\n")); n != want {
		return fmt.Sprintf("%d lines, and %d entries announced", n, want)
	}
	m.entries = make([]entry, 0, want)
	var r reader
	for number := 1; len(lines) > 0; number++ {
		if number%1024 == 0 && ctx.Err() != nil {
			return "cancelled"
		}
		end := bytes.IndexByte(lines, '\n') + 1
		if end == 0 {
			return fmt.Sprintf("line %d: has no end", number)
		}
		e, err := r.line(lines[:end])
		if err != nil {
			return fmt.Sprintf("line %d: %v", number, err)
		}
		if last := len(m.entries) - 1; last >= 0 && m.entries[last].path >= e.path {
			return fmt.Sprintf("line %d: out of order, or twice", number)
		}
		m.entries, m.bytes, lines = append(m.entries, e), m.bytes+e.size, lines[end:]
		if m.bytes < 0 || m.bytes > MaxNumber {
			return fmt.Sprintf("line %d: sizes add up to more than 2^62", number)
		}
	}
	return m.places()
}

// places refuses an entry that the patterns exclude, and one that lies below another:
// neither a file nor a link has anything below it.
func (m *manifest) places() string {
	last := ""
	for i := range m.entries {
		name := m.entries[i].path
		if m.release.matches(name) {
			return fmt.Sprintf("line %d: excluded by a pattern", i+1)
		}
		dir := parent(name)
		if dir == last { // as of the line before
			continue
		}
		for last = dir; dir != ""; dir = parent(dir) {
			if _, ok := m.find(dir); ok {
				return fmt.Sprintf("line %d: lies below what is no folder", i+1)
			}
			if m.release.matches(dir) {
				return fmt.Sprintf("line %d: excluded by a pattern", i+1)
			}
		}
	}
	return ""
}

func parent(name string) string { return name[:max(0, strings.LastIndexByte(name, '/'))] }

// find gives the index of the entry of a path.
func (m *manifest) find(name string) (int, bool) {
	return slices.BinarySearchFunc(m.entries, name, func(e entry, name string) int { return strings.Compare(e.path, name) })
}
