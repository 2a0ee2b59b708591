package update

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/iot-device-baseline/baseline/access"
)

const latestLimit = 30 * time.Second

// releaseName is where the release document of what is installed is kept.
const releaseName = "update/release"

// offer is a release whose document is what the verified metadata says.
type offer struct {
	*Release
	digest   Digest // of the document
	document []byte
}

// Check fetches the newest metadata and returns the release that it offers. The
// error is nil if it may be installed, [ErrNotOffered] if it runs already; with
// [ErrDowngrade] or [ErrBlocked] the release is returned, too, to be shown. It asks
// for [access.UpdateCheck].
func (u *Updater) Check(ctx context.Context) (*Release, error) {
	o, err := u.check(ctx)
	if err != nil {
		err = fmt.Errorf("update: check: %w", err)
	}
	if o == nil {
		return nil, err
	}
	return o.Release, err
}

func (u *Updater) check(ctx context.Context) (*offer, error) {
	if _, err := access.Check(ctx, u.parts.Guard, access.UpdateCheck, resource); err != nil {
		return nil, err
	}
	o, err := u.newest(ctx)
	if err != nil {
		u.suspect(ctx, err)
		return nil, err
	}
	u.count(func(s *Stats) { s.Checks++ })
	u.catchUp(ctx, o)
	err = u.admissible(ctx, o)
	if err == nil && o.Number == u.parts.Running.Number {
		err = fmt.Errorf("%s runs already: %w", o.Version, ErrNotOffered)
	}
	return o, err
}

// newest refreshes what is trusted and returns the release on offer. Without a way
// to the server what was verified before still counts.
func (u *Updater) newest(ctx context.Context) (*offer, error) {
	limit, cancel := context.WithTimeoutCause(ctx, u.opts.Stall, errStalled)
	defer cancel()
	unreachable := u.parts.Trust.Refresh(limit)
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	if unreachable != nil && !errors.Is(unreachable, ErrUnavailable) {
		return nil, fmt.Errorf("metadata: %w", unreachable)
	}
	o, err := u.offered(limit)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil && unreachable != nil {
		return nil, fmt.Errorf("metadata: %w", unreachable)
	}
	return o, err
}

// offered returns the release that the verified metadata offers now.
func (u *Updater) offered(ctx context.Context) (*offer, error) {
	t, err := u.parts.Trust.Find(ctx, ReleasePath(u.parts.Product, u.parts.Channel))
	if err != nil {
		return nil, fmt.Errorf("find release: %w", err)
	}
	for _, name := range []string{newestName, releaseName} {
		if kept, err := u.read(ctx, name); err == nil && kept.digest == t.Digest {
			u.remember(ctx, kept)
			return kept, u.suits(kept)
		}
	}
	if t.Length < 1 || t.Length > MaxRelease {
		return nil, bad("", "is 1 byte to 64 KiB")
	}
	document, err := u.fetch(ctx, t)
	if err != nil {
		return nil, fmt.Errorf("fetch release: %w", err)
	}
	o, err := parseOffer(document)
	if err != nil {
		return nil, err
	}
	u.remember(ctx, o) // before it is judged: it revokes what it names even if it is none for this device
	return o, u.suits(o)
}

func parseOffer(document []byte) (*offer, error) {
	r, err := ParseRelease(document)
	if err != nil {
		return nil, err
	}
	return &offer{r, sha256.Sum256(document), document}, nil
}

// fetch returns the bytes of a small target.
func (u *Updater) fetch(ctx context.Context, t Target) ([]byte, error) {
	r, at, err := u.parts.Source.Open(ctx, t.Name, 0, t.Length)
	if err != nil {
		return nil, sourceError(ctx, err)
	}
	defer r.Close()
	if at != 0 {
		return nil, fmt.Errorf("begins at %d of 0: %w", at, errRange)
	}
	data := make([]byte, t.Length)
	if _, err := io.ReadFull(reader{ctx, r}, data); err != nil {
		return nil, sourceError(ctx, err)
	}
	if got := Digest(sha256.Sum256(data)); got != t.Digest {
		return nil, fmt.Errorf("digest is %s, the metadata says %s: %w", got, t.Digest, ErrUntrusted)
	}
	return data, nil
}

// suits says why a release is none for this device.
func (u *Updater) suits(o *offer) error {
	switch last := o.Components[len(o.Components)-1]; {
	case o.Product != u.parts.Product:
		return bad("/product", "is that of the device")
	case o.Channel != u.parts.Channel:
		return bad("/channel", "is that of the device")
	case last.Name != u.parts.Boot:
		return bad("/components", "has the one that decides the boot as its last")
	}
	for _, c := range o.Components {
		if u.parts.Installers[c.Name] == nil {
			return bad("/components", "names what the device can install")
		}
	}
	return nil
}

// admissible says why a verified release may not be installed. The one that runs
// may: that repairs the other place.
func (u *Updater) admissible(ctx context.Context, o *offer) error {
	running := u.parts.Running
	if o.Number < running.Number || o.Number == running.Number && o.Version != running.Version {
		return fmt.Errorf("%s (%d), running is %s (%d): %w", o.Version, o.Number, running.Version, running.Number, ErrDowngrade)
	}
	floor, err := u.parts.Floors.Get(ctx, floorName)
	if err != nil {
		return fmt.Errorf("floor: %w", err)
	}
	if o.Number < floor {
		return fmt.Errorf("%s (%d), the floor is %d: %w", o.Version, o.Number, floor, ErrDowngrade)
	}
	failed := u.current().Failed
	if n := count(failed, o.images()) + count(failed, o.named()) + count(failed, o.digest); n >= u.opts.Attempts {
		return fmt.Errorf("%s failed %d times: %w", o.Version, n, ErrBlocked)
	}
	return nil
}

// latest returns the release that the vendor offers now, as far as that can be known
// in a short time, or nil: being offline holds up no trial.
func (u *Updater) latest(ctx context.Context) *offer {
	limit, cancel := context.WithTimeoutCause(ctx, min(u.opts.Stall, latestLimit), errStalled)
	defer cancel()
	o, err := u.newest(limit)
	if err != nil {
		return nil
	}
	return o
}
