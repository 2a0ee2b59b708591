package update

import (
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/iot-device-baseline/baseline/internal/strictjson"
)

// Limits of a release document.
const (
	MaxRelease    = 64 << 10 // bytes of JSON
	MaxComponents = 32
	MaxImage      = 64 << 30 // bytes of one image
)

// Release is what a vendor offers for a product and channel. Its document, strict
// JSON, is itself a target of the repository ([ReleasePath]): a release is all of
// its components or nothing, and has the thresholds, expiry and rollback protection
// of the metadata that lists it.
type Release struct {
	Product string `json:"product"` // as the device's; 1 to 64 bytes of [a-z0-9-]
	Channel string `json:"channel"` // as the device's policy says; the same bytes
	Version string `json:"version"` // for people; 1 to 64 bytes of [A-Za-z0-9.+_-]
	// Number orders releases: a higher one is newer. It is never 0.
	Number uint64 `json:"number"`
	// Floor is the lowest Number that may be installed once this release is
	// confirmed: raised by a release that mends a security fault. At most Number.
	Floor      uint64      `json:"floor"`
	Components []Component `json:"components"` // in the order of activation; what decides the boot is last
	// Interrupts says for people what does not work while the device restarts into
	// this release; "" for nothing. At most 512 bytes.
	Interrupts string `json:"interrupts,omitempty"`
	// Notes say for people what is new. At most 4096 bytes.
	Notes string `json:"notes,omitempty"`
	// Blocked are digests of documents of earlier releases that must not run any
	// more. At most 256.
	Blocked []Digest `json:"blocked,omitempty"`
	// BlockedNumbers are the numbers of releases that must not run any more, at most
	// 256 and never its own. A revocation needs them: the program knows its number,
	// while the digest of its document stands in a journal that anybody may write.
	BlockedNumbers []uint64 `json:"blocked_numbers,omitempty"`
	// Published is when the vendor made the document.
	Published time.Time `json:"published"`
}

// Component is one image of a release.
type Component struct {
	Name    string `json:"name"`    // as an Installer of the device is called; 1 to 64 bytes of [a-z0-9-]
	Version string `json:"version"` // for people; as Release.Version
	Path    string `json:"path"`    // of the target that holds the image
	Length  int64  `json:"length"`  // bytes, 1 to MaxImage
	Digest  Digest `json:"digest"`  // of the image
}

// images identifies what the release would install: a document that says something else
// about the same images, or names them in another order, does not make them better.
func (r *Release) images() Digest {
	lines := make([]string, 0, len(r.Components))
	for _, c := range r.Components {
		lines = append(lines, c.Name+" "+c.Digest.String()+"\n")
	}
	slices.Sort(lines)
	h := sha256.New()
	for _, line := range lines {
		io.WriteString(h, line)
	}
	return Digest(h.Sum(nil))
}

// named identifies what the release would install, under the name that it gives to that.
func (r *Release) named() Digest {
	images := r.images()
	return sha256.Sum256(fmt.Appendf(nil, "%s %d %s\n", images, r.Number, r.Version))
}

// ReleasePath is the path of the target that holds the release document of a
// product and channel: "releases/<product>/<channel>.json".
func ReleasePath(product, channel string) string {
	return "releases/" + product + "/" + channel + ".json"
}

// ParseRelease reads a release document. Its error is an [*InputError] that names
// the field and the rule.
func ParseRelease(document []byte) (*Release, error) {
	r := new(Release)
	err := strictjson.Decode(document, r, strictjson.Limits{Bytes: MaxRelease, Depth: 6, Items: 4096})
	if err != nil {
		return nil, syntaxError(err)
	}
	if err := r.Check(); err != nil {
		return nil, err
	}
	return r, nil
}
