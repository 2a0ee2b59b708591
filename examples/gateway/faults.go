package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/erase"
	"github.com/iot-device-baseline/baseline/update"
)

// The faults that -break plants, one each: what vendors get wrong. The story must
// then stop at the step that shows it, or it shows nothing.
var plantable = []fault{
	{"shut-ignored", "operations work while the label's secret is in service", "Nothing works while the label"},
	{"gate-open", "whoever is known may change everything", "Nothing works while the label"},
	{"signature-unchecked", "a bundle of settings counts whoever signed it", "The same with one number changed"},
	{"replay-accepted", "a bundle of settings counts twice", "The bundle once more"},
	{"warning-silent", "an insecure setting is told to nobody", "An insecure choice"},
	{"resume-from-zero", "an interrupted download begins anew", "goes on where the medium ends"},
	{"downgrade-accepted", "a release that is older than the running one is installed", "The old release"},
	{"metadata-unchecked", "what the server has is taken for what the vendor signed", "somebody exchanged"},
	{"health-ignored", "a release that does not work is confirmed", "Release 1.2 fails"},
	{"blocked-forgotten", "a release that failed is tried again", "1.2 is not tried again"},
	{"key-kept", "a person is erased without destroying the key", "bob is nobody any more"},
	{"receipt-overclaims", "the receipt says more than was done", "gets a receipt"},
	{"canary-left", "a copy of a person's data lies outside of the vault", "No byte of the device"},
	{"reset-not-resumed", "a reset that was cut off is forgotten", "The reset is finished"},
	{"floor-lost", "a reset forgets how old software may be", "The reset is finished"},
	{"password-kept", "the old owner's password survives a reset", "The reset is finished"},
	{"log-unchecked", "the log is called whole without a look", "One byte of the log"},
}

// fault is one that can be planted, and words of the step that must show it.
type fault struct{ name, what, step string }

// faults is the planted one.
type faults struct{ planted string }

func plant(name string) (faults, error) {
	known := func(f fault) bool { return f.name == name }
	if name != "" && !slices.ContainsFunc(plantable, known) {
		return faults{}, fmt.Errorf("no fault %q: -break list shows them", name)
	}
	return faults{name}, nil
}

func (f faults) is(name string) bool { return f.planted == name }

// who is the authorizer that settings ask: the guard, unless a fault is planted.
func (g *gateway) who() access.Authorizer {
	if g.is("gate-open") || g.is("shut-ignored") {
		return careless{g.guard, g.is("shut-ignored")}
	}
	return g.guard
}

// careless allows everybody everything, or what is denied for being shut.
type careless struct {
	guard    *access.Guard
	onlyShut bool
}

// Decide implements [access.Authorizer].
func (c careless) Decide(ctx context.Context, e *access.Entity, p access.Permission, resource string) access.Decision {
	d := c.guard.Decide(ctx, e, p, resource)
	if _, shut := c.guard.Shut(); shut || !c.onlyShut {
		d.Allowed = true
	}
	return d
}

// verifier checks the signatures of bundles.
func (g *gateway) verifier(v config.BundleVerifier, enrolled string) config.BundleVerifier {
	if g.is("signature-unchecked") {
		return believer{enrolled}
	}
	return v
}

type believer struct{ signer string }

// Verify implements [config.BundleVerifier].
func (b believer) Verify(context.Context, []byte, []byte) (string, error) { return b.signer, nil }

// breakUpdate plants the faults of the updater.
func (g *gateway) breakUpdate(ctx context.Context, p update.Parts, o *update.Options) (update.Parts, *update.Options, error) {
	switch {
	case g.is("downgrade-accepted") && g.how.channel == oldChannel:
		p.Running.Number, p.Floors = 1, update.NewFloors(forgetful{})
	case g.is("metadata-unchecked"):
		p.Trust = gullible{p.Trust, g.fetched.Source}
	case g.is("health-ignored"):
		p.Health = fine{}
	case g.is("blocked-forgotten"):
		o.Attempts = 1000
	case g.is("resume-from-zero"):
		return p, o, g.dir.Delete(ctx, "update/journal")
	}
	return p, o, nil
}

type fine struct{}

// Healthy implements [update.Health].
func (fine) Healthy(context.Context) error { return nil }

// forgetful is a Store that keeps nothing.
type forgetful struct{ durable.Store }

// Get implements [durable.Store].
func (forgetful) Get(context.Context, string) ([]byte, error) { return []byte("1 {}"), nil }

// Put implements [durable.Store].
func (forgetful) Put(context.Context, string, []byte) error { return nil }

// gullible takes the server's word for every target.
type gullible struct {
	update.Trust
	source update.Source
}

// Find implements [update.Trust].
func (t gullible) Find(ctx context.Context, path string) (update.Target, error) {
	target, err := t.Trust.Find(ctx, path)
	if err != nil {
		return target, err
	}
	r, _, err := t.source.Open(ctx, target.Name, 0, -1)
	if err != nil {
		return target, err
	}
	defer r.Close()
	h := sha256.New()
	target.Length, err = io.Copy(h, r)
	copy(target.Digest[:], h.Sum(nil))
	return target, err
}

// breakErasure plants the faults of the places.
func (g *gateway) breakErasure(vault erase.Store) erase.Store {
	switch {
	case g.is("key-kept"):
		return lazy{vault}
	case g.is("receipt-overclaims"):
		return boaster{vault}
	}
	return vault
}

// lazy says that it erased, and finds nothing.
type lazy struct{ erase.Store }

// Erase implements [erase.Store].
func (lazy) Erase(context.Context, string) (string, error) { return "clear: live copies only", nil }

// Verify implements [erase.Store].
func (lazy) Verify(context.Context, string) error { return nil }

// boaster erases, and says more.
type boaster struct{ erase.Store }

// Erase implements [erase.Store].
func (b boaster) Erase(ctx context.Context, subject string) (string, error) {
	_, err := b.Store.Erase(ctx, subject)
	return "purge: keys destroyed, every copy closed", err
}
