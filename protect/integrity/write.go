package integrity

import (
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/iot-device-baseline/baseline/receipt"
)

// WriteManifest writes to w the manifest of everything in fsys that rel does not
// exclude, signed by signer. It is for the vendor's bench; the signer may be a hardware
// module. Files are hashed on all cores.
//
// The lines are the same for the same tree and release; so is the whole with a key
// whose signatures are (Ed25519), and not with ECDSA and RSA-PSS, which have a random
// part.
//
// What no manifest can hold is [ErrInvalid], with its path: something that is neither
// file, folder nor symbolic link; a link that leads out of the tree, is absolute, or has
// ".." behind a name; a name that is not UTF-8; a file that changes while it is read;
// an empty tree; more than the limits. Exclude it, or mend it.
// Nothing is written to w before the manifest is complete.
func WriteManifest(ctx context.Context, w io.Writer, fsys fs.FS, signer crypto.Signer, rel Release) error {
	if fsys == nil || signer == nil {
		return invalid("write", "no tree or no signer")
	}
	rel.Exclude = slices.Clone(rel.Exclude)
	slices.Sort(rel.Exclude)
	rel.Exclude = slices.Compact(rel.Exclude)
	if err := rel.check(); err != nil {
		return err
	}
	entries, err := measure(ctx, fsys, &rel)
	if err != nil {
		return err
	}
	var lines []byte
	for i := range entries {
		lines = entries[i].appendLine(lines)
	}
	if len(lines)+receipt.MaxEnvelope > MaxManifest {
		return invalid("write", fmt.Sprintf("more than %d bytes of manifest", MaxManifest))
	}
	envelope, err := sign(lines, len(entries), &rel, signer)
	if err != nil {
		return fmt.Errorf("integrity: sign: %w", err)
	}
	if _, err := w.Write(append(append(envelope, '\n'), lines...)); err != nil {
		return fmt.Errorf("integrity: write: %w", err)
	}
	return nil
}

func sign(lines []byte, entries int, rel *Release, signer crypto.Signer) ([]byte, error) {
	h := header{rel.Version, rel.Number, entries, int64(len(lines)), rel.Exclude}
	if h.Exclude == nil {
		h.Exclude = []string{}
	}
	predicate, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(lines)
	return receipt.Sign(&receipt.Statement{
		Subject:       []receipt.Subject{{Name: rel.Product, Digest: map[string]string{"sha256": hex.EncodeToString(sum[:])}}},
		PredicateType: PredicateType, Predicate: predicate,
	}, signer)
}

// measure gives the entries of a tree in their order.
func measure(ctx context.Context, fsys fs.FS, rel *Release) ([]entry, error) {
	var entries []entry
	w := &walker{
		fsys: fsys, release: rel,
		broken: func(name string, cause error) error {
			if errors.Is(cause, errName) {
				return invalid(fmt.Sprintf("%.300q", name), cause.Error())
			}
			return wrap("write", cause)
		},
		visit: func(name string, d fs.DirEntry) error {
			if len(entries) == MaxEntries {
				return invalid("write", fmt.Sprintf("more than %d files and links", MaxEntries))
			}
			e, err := newEntry(fsys, name, d.Type())
			entries = append(entries, e)
			return err
		},
	}
	if err := w.walk(ctx); err != nil {
		if ctx.Err() != nil {
			return nil, wrap("write", err)
		}
		return nil, err
	}
	if len(entries) == 0 {
		return nil, invalid("write", "no file and no link in the tree")
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.path, b.path) })
	var jobs []int
	for i := range entries {
		if entries[i].target == "" {
			jobs = append(jobs, i)
		}
	}
	work := func() func(context.Context, int) error {
		h := newHasher(fsys)
		return func(ctx context.Context, i int) error { return h.measure(ctx, &entries[i]) }
	}
	// Sizes are not known yet: the order is that of the paths.
	if err := parallel(ctx, cores(0), jobs, func(int) int64 { return 0 }, work); err != nil {
		if errors.Is(err, ErrInvalid) {
			return nil, err
		}
		return nil, wrap("write", err)
	}
	return entries, nil
}

func newEntry(fsys fs.FS, name string, mode fs.FileMode) (entry, error) {
	switch mode.Type() {
	case 0:
		return entry{path: name}, nil
	case fs.ModeSymlink:
		target, err := fs.ReadLink(fsys, name)
		if err != nil {
			return entry{}, wrap("write", err)
		}
		if rule := checkTarget(name, target); rule != "" {
			return entry{}, invalid(fmt.Sprintf("%q", name), fmt.Sprintf("link to %.200q: %s", target, rule))
		}
		return entry{path: name, target: target}, nil
	}
	return entry{}, invalid(fmt.Sprintf("%q", name), words(mode)+": neither file, folder nor link")
}

// measure fills in what is to know of a file.
func (h *hasher) measure(ctx context.Context, e *entry) error {
	info, n, err := h.read(ctx, e.path, func(info fs.FileInfo) bool { return info.Mode().IsRegular() })
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular() || n != info.Size():
		return invalid(fmt.Sprintf("%q", e.path), "it changes while it is read")
	}
	e.size, e.mode = n, plainMode(info.Mode())
	h.sum.Sum(e.sum[:0])
	return nil
}
