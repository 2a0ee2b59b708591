package config

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/durable"
)

// BundleVerifier verifies detached signatures over the documents of settings
// bundles. Package backends/openpgp has one.
//
// Who calls it: [Settings.ApplyBundle], concurrently, with at most [MaxBundle] and
// [MaxBundleSignature] bytes that anybody may have sent.
//
//   - A nil error means that signer has signed these very bytes: no others, however
//     alike, have the same signature.
//   - signer names a key for good, by a fingerprint: never by a name that another key
//     could bear. It is a key of [Bundles].Signers, or the bundle is refused.
//   - A key that expired or was revoked gives an error.
//   - It changes nothing, and keeps neither slice.
//   - Its error quotes nothing of the document.
//
// The interface is frozen. It has no kit yet.
type BundleVerifier interface {
	Verify(ctx context.Context, document, signature []byte) (signer string, err error)
}

// BundleOptions say which settings bundles a device takes. All fields are required
// but Groups and Now.
type BundleOptions struct {
	Verifier BundleVerifier
	// Device is the id by which bundles address this device, Groups others that
	// address it too: a product, a site. See [Bundle].Device.
	Device string
	Groups []string
	// Signers are the enrolled signers, by what Verifier calls them.
	Signers map[string]BundleSigner
	// Issuer makes the entity for which a bundle is carried out: that of
	// access.Guard.Issuer("openpgp"). It is authorised as any other.
	Issuer *access.Issuer
	// Ownership tells the present ownership: the method of the access.Guard.
	Ownership func() string
	// Receipts signs with the key of the device: bundle.NewReceipts of config/bundle.
	Receipts BundleReceipts
	// Now tells the time and how far it can be trusted: the method of the
	// durable.Clock. Nil takes no bundle that is bound to a time.
	Now func() (time.Time, durable.Quality)
}

// Bundles make [Settings] take settings bundles; see [NewBundles].
type Bundles struct {
	BundleOptions

	// What follows is reached from here only, so that who takes no bundles links none
	// of it.
	check    func(*Bundles, *Schema) error
	settle   func(*Settings, context.Context) (bundleRecord, error)
	admit    func(*Settings, context.Context, *incoming) error
	mark     func(*Settings, *plan, record) *bundleMark
	features func(*Settings) []clause.Feature
}

// NewBundles returns what [Options].Bundles takes. [Open] looks at the options, since
// the scope of a signer is judged by the schema.
func NewBundles(o BundleOptions) *Bundles {
	return &Bundles{
		BundleOptions: o, check: (*Bundles).checkOptions, settle: (*Settings).settleBundle, admit: (*Settings).admitBundle,
		mark: (*Settings).newMark, features: (*Settings).bundleFeatures,
	}
}

// BundleSigner is who an enrolled signer is, and what bundles of his may touch.
type BundleSigner struct {
	// Entity is his id in package access. The roles of a device, which is any system
	// outside of this one, are assigned by the owner and end with the ownership, and so
	// does the enrolment; those of a service stand in access.GuardOptions.Services.
	// Several keys may be its: their bundles have one sequence. Of a document that is
	// signed for several entities the sequence counts for one of them only, so that a
	// bundle is to be signed for one.
	//
	// A person cannot be one: receipts and sequences outlive an erasure. Let him sign
	// for an organisation, with a key that does not bear his name.
	Entity string
	Kind   access.Kind // access.KindService, or access.KindDevice; zero is KindDevice
	// Scope are pointers to the settings that his bundles may name or alter, with all
	// that is below them: "/network". "" is all settings; none is an error. It
	// narrows what the roles of Entity allow, and never widens it.
	Scope []string
}

// maxSigners bounds the records that bundles leave.
const maxSigners = 64

func (b *Bundles) checkOptions(schema *Schema) error {
	switch {
	case b.Verifier == nil || b.Issuer == nil || b.Ownership == nil || b.Receipts == nil:
		return bundlesWrong("verifier, issuer, ownership or receipts are missing")
	case !validName(b.Device):
		return bundlesWrong("device: " + ruleName)
	case slices.ContainsFunc(b.Groups, func(g string) bool { return !validName(g) }):
		return bundlesWrong("groups: " + ruleName)
	case len(b.Signers) == 0 || len(b.Signers) > maxSigners:
		return bundlesWrong(fmt.Sprintf("want 1 to %d signers", maxSigners))
	}
	names := map[string]bool{}
	for id, signer := range b.Signers {
		name := bundleName(id)
		if durable.ValidName(name) != nil || strings.Contains(id, "/") || names[name] {
			return bundlesWrong("a signer has a name that is not valid, or is there twice")
		}
		names[name] = true
		if err := signer.check(schema); err != nil {
			return err
		}
	}
	return nil
}

func (s BundleSigner) check(schema *Schema) error {
	if !validName(s.Entity) {
		return bundlesWrong("entity of a signer: " + ruleName)
	}
	if s.Kind != 0 && s.Kind != access.KindDevice && s.Kind != access.KindService {
		return bundlesWrong("kind of a signer: want device or service")
	}
	if len(s.Scope) == 0 {
		return bundlesWrong("scope of a signer: is empty")
	}
	for _, path := range s.Scope {
		if path != "" && (!strings.HasPrefix(path, "/") || schema.root.find(path).setting != path) {
			return bundlesWrong("scope of a signer: " + clip(path) + " is no setting")
		}
	}
	return nil
}

func bundlesWrong(rule string) error {
	return fmt.Errorf("config: open: bundles: %s: %w", rule, fs.ErrInvalid)
}

// covers reports whether path is in the scope.
func (s BundleSigner) covers(path string) bool {
	return slices.ContainsFunc(s.Scope, func(in string) bool {
		return path == in || strings.HasPrefix(path, in+"/")
	})
}

func (s BundleSigner) facts() access.Facts {
	f := access.Facts{ID: s.Entity, Kind: s.Kind}
	if f.Kind == 0 {
		f.Kind = access.KindDevice
	}
	return f
}

// addresses reports whether a bundle for target is for this device.
func (b *Bundles) addresses(target string) bool {
	return target == "*" || target == b.Device || slices.Contains(b.Groups, target)
}

func (b *Bundles) time() (time.Time, durable.Quality) {
	if b.Now == nil {
		return time.Now(), durable.LowerBound
	}
	return b.Now()
}
