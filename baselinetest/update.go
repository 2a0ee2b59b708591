package baselinetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
)

// downgrade: UPD-03.
func downgrade(ctx context.Context, x *trial) error {
	d, err := x.commissioned(ctx)
	if err != nil {
		return err
	}
	if d, err = x.installs(ctx, d); err != nil {
		return err
	}
	for _, cut := range []bool{false, true} {
		if cut {
			if d, err = x.again(ctx, d); err != nil {
				return err
			}
		}
		if d, err = x.keeps(ctx, d, Older); err != nil {
			return err
		}
	}
	return nil
}

// tamperedImage: UPD-01.
func tamperedImage(ctx context.Context, x *trial) error {
	d, err := x.commissioned(ctx)
	if err != nil {
		return err
	}
	for _, r := range []Release{Payload, Metadata, Stranger, Unsigned} {
		if d, err = x.keeps(ctx, d, r); err != nil {
			return err
		}
	}
	// A device that installs nothing refuses nothing.
	_, err = x.installs(ctx, d)
	return err
}

// installs wants the newer release to be installed, started and confirmed.
func (x *trial) installs(ctx context.Context, d *Device) (*Device, error) {
	version, err := x.offer(ctx, d, Newer)
	if err != nil {
		return nil, err
	}
	if err := unclear("install a good release", x.install(ctx, d, version)); err != nil {
		return nil, err
	}
	if d, err = x.again(ctx, d); err != nil {
		return nil, err
	}
	owner, err := x.as(ctx, d, Owner)
	if err != nil {
		return nil, err
	}
	if running, trial, err := d.Parts.Updater.Status(owner); err != nil || running != version {
		return nil, unclearf("after the installation %q runs, not %q: %w", running, version, err)
	} else if trial {
		if err := d.Parts.Updater.Confirm(owner); err != nil {
			return nil, unclear("confirm a good release", err)
		}
	}
	x.stepf("%s is installed, runs and is confirmed", version)
	return d, nil
}

// keeps wants a release to be refused, and the device to start with what it has.
func (x *trial) keeps(ctx context.Context, d *Device, r Release) (*Device, error) {
	before, err := x.running(ctx, d)
	if err != nil {
		return nil, err
	}
	version, err := x.offer(ctx, d, r)
	if err != nil {
		return nil, err
	}
	refusal := x.install(ctx, d, version)
	if err := x.unchanged(ctx, d, r, before); err != nil {
		return nil, err
	}
	if err := x.refused(r.String(), refusal, func(err error) bool { return x.h.Updates.Refused(r, err) }); err != nil {
		return nil, err
	}
	if d, err = x.again(ctx, d); err != nil {
		return nil, err
	}
	return d, x.unchanged(ctx, d, r, before)
}

func (x *trial) offer(ctx context.Context, d *Device, r Release) (string, error) {
	version, err := x.h.Updates.Offer(ctx, d, r)
	if err == nil && version == "" {
		err = unclearf("it has no version")
	}
	return version, unclear("offer "+r.String(), err)
}

// install asks as the owner: what is refused is not refused for who asks.
func (x *trial) install(ctx context.Context, d *Device, version string) error {
	owner, err := x.as(ctx, d, Owner)
	if err != nil {
		return err
	}
	return d.Parts.Updater.Install(owner, version)
}

// release is what starts: its version and the digest of its image.
type release struct {
	version string
	digest  []byte
}

func (x *trial) running(ctx context.Context, d *Device) (release, error) {
	owner, err := x.as(ctx, d, Owner)
	if err != nil {
		return release{}, err
	}
	version, _, err := d.Parts.Updater.Status(owner)
	if err != nil {
		return release{}, unclear("ask for the running version", err)
	}
	image, err := x.h.Updates.Image(ctx, d)
	if err != nil {
		return release{}, unclear("open the image that starts", err)
	}
	defer image.Close()
	h := sha256.New()
	if n, err := io.Copy(h, image); err != nil || n == 0 {
		return release{}, unclearf("read the image that starts: %d bytes: %w", n, err)
	}
	return release{version, h.Sum(nil)}, nil
}

func (x *trial) unchanged(ctx context.Context, d *Device, r Release, before release) error {
	now, err := x.running(ctx, d)
	switch {
	case err != nil:
		return err
	case now.version != before.version:
		return fmt.Errorf("%s: %q runs in the place of %q", r, now.version, before.version)
	case !bytes.Equal(now.digest, before.digest):
		return fmt.Errorf("%s: the image that starts is another", r)
	}
	return nil
}
