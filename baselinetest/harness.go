package baselinetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/risk"
)

// Harness is how the kit reaches a device. Every case opens a new one. Fields that
// are not marked optional are needed in any case; the optional groups are needed when
// the statement says that their clauses apply, and refused when it says that they do
// not.
type Harness struct {
	// Assessment is the device's; what applies is derived from it and from what is
	// composed.
	Assessment *risk.Assessment

	// Open makes a new device as it leaves the factory: composed, running, with its
	// initial secret in service and the oldest release that the harness offers none of.
	Open func(ctx context.Context) (*Device, error)
	// Reopen takes the power from d and starts the same device again, as its boot chain
	// would: with the release that was activated. It returns when the device runs.
	Reopen func(ctx context.Context, d *Device) (*Device, error)
	// Close ends a device that is not used again.
	Close func(d *Device) error

	// Commission takes the device into service for its owner, with the initial secret,
	// and lets the viewer in.
	Commission func(ctx context.Context, d *Device) error
	// As logs an actor in, by the means that a person would use and the credentials
	// that Commission installed. It keeps no session from call to call.
	As func(ctx context.Context, d *Device, a Actor) (context.Context, error)
	// Patch returns an RFC 7396 merge patch of the settings. The owner may apply each;
	// each of 0 to 9 sets something else than the one before, and nothing insecure.
	Patch func(n int) []byte

	// Operations are what the device is for, beside its settings: each is refused while
	// the initial secret serves, and open to the owner afterwards. Optional.
	Operations []Operation

	Bundles *Bundles // signed settings bundles; optional
	Updates *Updates // releases; optional
	Users   *Users   // persons' data; optional
	Resets  *Resets  // resets; optional

	Log io.Writer // takes the results, one JSON line each; optional
	By  string    // who vouches for the evidence; default "baselinetest"
	At  risk.Date // the day of the evidence; default today
}

// Device is a device under test.
type Device struct {
	Parts   baseline.Parts   // what it is composed of
	Running *baseline.Device // made of Parts
	Own     any              // the harness's
}

// Actor is who acts on the device.
type Actor int

// The actors. Nobody is never asked for: it is a context without an entity.
const (
	Nobody  Actor = iota
	Initial       // who has the initial secret, and nothing else
	Owner         // who may change settings, install, erase and reset
	Viewer        // who may read the settings, and change nothing
	// Program is the device's own program, that does Operations by itself. A device
	// whose program does nothing of the kind has none: errors.ErrUnsupported.
	Program
)

func (a Actor) String() string {
	return [...]string{"nobody", "the initial secret", "the owner", "a viewer", "the program"}[a]
}

// Operation is one thing that a device does for those who may.
type Operation struct {
	Name string
	Do   func(ctx context.Context, d *Device) error
	// Refused reports whether an error of Do is the refusal of who may not, as against
	// a pump that is jammed; nil is what every part of this module gives: an error that
	// is [access.ErrDenied].
	Refused func(err error) bool
}

// Bundles are settings that are signed elsewhere and sent to the device.
type Bundles struct {
	Make func(ctx context.Context, d *Device, spec BundleSpec) (Bundle, error)
	// Send hands a bundle to the device, as whoever may.
	Send func(ctx context.Context, d *Device, b Bundle) error
	// Refused reports whether an error of Send is the refusal of the bundle, as against
	// a device that could not be reached or is busy.
	Refused func(err error) bool
}

// BundleSpec is what a bundle is to be.
type BundleSpec struct {
	Sequence    uint64 // from 1
	Patch       []byte // what it sets
	Stranger    bool   // signed by a key that the device does not know
	OtherDevice bool   // addressed to another device of the same product
}

// Bundle is a signed bundle. Signature may be nil when Document holds it.
type Bundle struct{ Document, Signature []byte }

// Updates are releases that the vendor's server offers.
type Updates struct {
	// Offer makes the server offer one release, and nothing newer, and returns its version.
	Offer func(ctx context.Context, d *Device, r Release) (version string, err error)
	// Image opens the image of the release that would start now.
	Image func(ctx context.Context, d *Device) (io.ReadCloser, error)
	// Refused reports whether an error of Install is the refusal of a release that is
	// made like this: of Older because it is older, of the others because they do not
	// verify; as against a server that does not answer, or a gate that holds back.
	Refused func(r Release, err error) bool
}

// Release is how an offered release is made.
type Release int

// The releases. All but Newer and Older have a version above the newer one.
const (
	Newer    Release = iota // properly signed, newer than what the device left the factory with
	Older                   // properly signed, older than Newer
	Payload                 // one bit of the image flipped after signing
	Metadata                // one bit of what is signed flipped after signing
	Stranger                // signed by a key that the device does not know
	Unsigned                // not signed at all
)

func (r Release) String() string {
	return [...]string{
		"a newer release", "an older release", "a release with a flipped bit in its image",
		"a release with a flipped bit in what is signed", "a release that a stranger signed", "a release without signature",
	}[r]
}

// Users are two persons whose data the device keeps.
type Users struct {
	First, Second string // ids; the first one is the viewer's
	// Keep keeps text as data of a person, in every place that has such data.
	Keep func(ctx context.Context, d *Device, subject, text string) error
	// Find returns what Keep kept, read through the device, or "" when it is gone.
	Find func(ctx context.Context, d *Device, subject string) (string, error)
	// Media are all media of the device, as somebody reads them who took them out.
	Media func(d *Device) []fs.FS
}

// Resets are resets to the state of the factory.
type Resets struct {
	Scope string // of Resetter.Reset: that which ends the ownership
	// Raise makes a floor higher than the factory's: a setting, a revoked key, a
	// minimum version.
	Raise func(ctx context.Context, d *Device) error
	// Floor returns what no reset lowers, in words: one floor with its value a line.
	Floor func(ctx context.Context, d *Device) ([]string, error)
}

// check refuses a harness that cannot be used.
func (h *Harness) check() error {
	var missing []error
	need := func(name string, ok bool) {
		if !ok {
			missing = append(missing, fmt.Errorf("baselinetest: the harness has no %s", name))
		}
	}
	need("Assessment", h.Assessment != nil)
	need("Open", h.Open != nil)
	need("Reopen", h.Reopen != nil)
	need("Close", h.Close != nil)
	need("Commission", h.Commission != nil)
	need("As", h.As != nil)
	need("Patch", h.Patch != nil)
	if b := h.Bundles; b != nil {
		need("Bundles.Make, Bundles.Send and Bundles.Refused", b.Make != nil && b.Send != nil && b.Refused != nil)
	}
	if u := h.Updates; u != nil {
		need("Updates.Offer, Updates.Image and Updates.Refused", u.Offer != nil && u.Image != nil && u.Refused != nil)
	}
	if u := h.Users; u != nil {
		need("Users.Keep, Users.Find and Users.Media", u.Keep != nil && u.Find != nil && u.Media != nil)
		need("Users.First and another Users.Second", u.First != "" && u.Second != "" && u.First != u.Second)
	}
	if r := h.Resets; r != nil {
		need("Resets.Scope, Resets.Raise and Resets.Floor", r.Scope != "" && r.Raise != nil && r.Floor != nil)
	}
	return errors.Join(missing...)
}
