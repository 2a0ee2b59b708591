package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/iot-device-baseline/baseline/internal/strictjson"
)

// Limits of a settings bundle.
const (
	MaxBundle          = 512 << 10 // bytes of the document
	MaxBundleSignature = 64 << 10  // bytes
	bundleFormat       = 1
)

// Bundle is a settings bundle: a merge patch that somebody signs for devices that he
// need not reach himself. Its document is strict JSON with the members named below;
// the signature is over these bytes, so that a device never has to write JSON anew
// to verify it.
type Bundle struct {
	Format int `json:"format"` // 1; [Bundle.Encode] sets it
	// Sequence is 1 to 2^53-1 and higher than that of every bundle that the device took
	// before of the same signer or for the same entity, whichever of its keys signed.
	Sequence uint64 `json:"sequence"`
	// Device is the id or a group of the devices that it is for, or "*".
	Device string `json:"device"`
	// Ownership, if it is not "", is the ownership in which alone it counts. The
	// sequence of bundles with it begins anew with each ownership; that of bundles
	// without never does, so that none comes back with the next owner.
	Ownership string `json:"ownership,omitempty"`
	// NotBefore and NotAfter bound the time in which it is taken. A device that does
	// not know the time refuses a bundle with either: leave both out where the
	// sequence is enough.
	NotBefore time.Time `json:"not_before,omitzero"`
	NotAfter  time.Time `json:"not_after,omitzero"`
	// Patch, Accept and Reason are as in [Change]: Patch, AcceptInsecure, Reason.
	Patch  json.RawMessage `json:"patch"`
	Accept []string        `json:"accept,omitempty"`
	Reason string          `json:"reason,omitempty"`
}

// ParseBundle reads the document of a bundle. It looks at form and limits; whether
// the patch is valid only the device says. Errors are a [*BundleError] that is
// [ErrInvalid].
func ParseBundle(document []byte) (*Bundle, error) {
	var b Bundle
	err := strictjson.Decode(document, &b, strictjson.Limits{Bytes: MaxBundle, Depth: 2*maxDepth + 1, Items: mostItems})
	if bad, ok := errors.AsType[*strictjson.Error](err); ok {
		return nil, badBundle(bad.Path, bad.Rule)
	}
	if err != nil {
		return nil, badBundle("", "not JSON")
	}
	if err := b.check(); err != nil {
		return nil, err
	}
	return &b, nil
}

// Encode writes the document that is to be signed.
func (b *Bundle) Encode() ([]byte, error) {
	c := *b
	c.Format = bundleFormat
	document, err := json.Marshal(c)
	if err != nil {
		return nil, badBundle("/patch", "not JSON")
	}
	if _, err := ParseBundle(document); err != nil {
		return nil, err
	}
	return document, nil
}

func (b *Bundle) check() error {
	switch {
	case b.Format != bundleFormat:
		return badBundle("/format", "want 1")
	case b.Sequence == 0 || b.Sequence > maxExact:
		return badBundle("/sequence", "want 1 to 2^53-1")
	case b.Device != "*" && !validName(b.Device):
		return badBundle("/device", ruleName+`, or "*"`)
	case b.Ownership != "" && !validName(b.Ownership):
		return badBundle("/ownership", ruleName)
	case !b.NotBefore.IsZero() && !b.NotAfter.IsZero() && b.NotAfter.Before(b.NotBefore):
		return badBundle("/not_after", "is before not_before")
	case len(b.Patch) == 0 || b.Patch[0] != '{':
		return badBundle("/patch", "want an object")
	case len(b.Accept) > MaxFindings:
		return badBundle("/accept", fmt.Sprintf("more than %d paths", MaxFindings))
	case utf8.RuneCountInString(b.Reason) > 256 || !charsetByName("text").holds(b.Reason):
		return badBundle("/reason", "want at most 256 printable characters")
	}
	return nil
}

const ruleName = "want 1 to 64 of a-z A-Z 0-9 . _ ~ -"

// validName holds for what can be the id of an entity in package access, and for ids
// of devices, groups and ownerships.
func validName(s string) bool {
	for _, r := range s {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '~' || r == '-') {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

// digestOf names a document.
func digestOf(document []byte) string {
	sum := sha256.Sum256(document)
	return hex.EncodeToString(sum[:])
}
