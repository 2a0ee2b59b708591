package update

import (
	"context"
	"errors"
	"fmt"

	"github.com/iot-device-baseline/baseline/access"
)

// Install fetches, verifies and activates the release on offer, which must be called
// version, or be newer than what runs if version is ""; then it asks the host for a
// restart and returns. It resumes what was interrupted. It asks for
// [access.UpdateInstall], at its beginning and again before it activates.
//
// An error tells what to do: [ErrUnavailable] call again later, [ErrUntrusted] the
// bytes are not the vendor's, [ErrHeld] a gate holds it back (what is done stays
// done, and Run restarts once that gate opens), [ErrDowngrade], [ErrBlocked],
// [ErrNotOffered], [ErrBusy]. Whatever it is, the running release still starts.
func (u *Updater) Install(ctx context.Context, version string) error {
	o, err := u.installNow(ctx, version)
	if err == nil {
		return nil
	}
	u.refuse(ctx, o, err)
	return fmt.Errorf("update: install: %w", err)
}

// installNow is Install without its events about what was refused.
func (u *Updater) installNow(ctx context.Context, version string) (*offer, error) {
	if _, err := access.Check(ctx, u.parts.Guard, access.UpdateInstall, resource); err != nil {
		return nil, err
	}
	if !u.working.try() {
		return nil, ErrBusy
	}
	defer u.working.give()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	u.interruptible(stop)
	defer u.interruptible(nil)
	o, err := u.install(ctx, version)
	if err != nil {
		u.count(func(s *Stats) { s.Failed++ })
	}
	return o, err
}

// interruptible lets [Updater.Rollback] end the installation under way.
func (u *Updater) interruptible(stop context.CancelCauseFunc) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.stop = stop
}

func (u *Updater) install(ctx context.Context, version string) (*offer, error) {
	if err := u.recovered(ctx); err != nil {
		return nil, err
	}
	o, err := u.wanted(ctx, version)
	if err != nil {
		return o, err
	}
	return o, u.bring(ctx, o)
}

// bring brings a release that may be installed to the restart into it.
func (u *Updater) bring(ctx context.Context, o *offer) error {
	if err := u.finishBefore(ctx, o); err != nil {
		return err
	}
	if err := u.supersede(ctx, o); err != nil {
		return err
	}
	switch j := u.current(); {
	case j.State == stateRestart:
		return u.restart(ctx, o.Release)
	case j.State == stateTrial, j.State == stateConfirming, j.State == stateRollingBack:
		return fmt.Errorf("%s: %w", j.State, ErrBusy)
	}
	if err := u.write(ctx, o); err != nil {
		return err
	}
	if err := u.activate(ctx, o); err != nil {
		return err
	}
	return u.restart(ctx, o.Release)
}

// finishBefore ends a confirmation of which only the floor is left.
func (u *Updater) finishBefore(ctx context.Context, o *offer) error {
	if u.current().State != stateConfirming {
		return nil
	}
	if inv, err := u.boot(ctx); err != nil || inv.Trial {
		return err
	}
	return u.finish(ctx, o, access.FromContext(ctx))
}

// supersede takes back another release that is armed and was not started.
func (u *Updater) supersede(ctx context.Context, o *offer) error {
	if j := u.current(); j.State != stateRestart || j.Document == o.digest {
		return nil
	}
	return u.abandon(ctx, clean(o.Version+" is installed instead"), access.FromContext(ctx))
}

// wanted returns the release on offer, if it is the one meant and may be installed.
func (u *Updater) wanted(ctx context.Context, version string) (*offer, error) {
	o, err := u.newest(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case version != "" && version != o.Version:
		return nil, fmt.Errorf("%.64q, offered is %s: %w", version, o.Version, ErrNotOffered)
	case version == "" && o.Number == u.parts.Running.Number:
		return nil, fmt.Errorf("nothing newer than %s: %w", o.Version, ErrNotOffered)
	}
	return o, u.admissible(ctx, o)
}

// write brings every component into its place.
func (u *Updater) write(ctx context.Context, o *offer) error {
	if err := u.gates(ctx, PhaseDownload, o.Release); err != nil {
		return err
	}
	if err := u.begin(ctx, OpInstall); err != nil {
		return err
	}
	err := u.writeAll(ctx, o)
	return errors.Join(err, u.end(ctx, OpInstall))
}

func (u *Updater) writeAll(ctx context.Context, o *offer) error {
	j := u.current()
	by := access.FromContext(ctx)
	anew := j.Document != o.digest || j.Component >= len(o.Components) || !resumable(j.State)
	if anew || j.By != requester(by) {
		u.request(ctx, o, by)
	}
	if anew {
		j = j.over(statePreparing)
		j.Document, j.Images, j.Version, j.Reason = o.digest, o.images(), o.Version, ""
	}
	if j.By = requester(by); anew {
		// The document first: the journal never names one that is not there.
		if err := u.store.Put(ctx, releaseName, o.document); err != nil {
			return fmt.Errorf("keep release: %w", err)
		}
	}
	if anew || j.By != u.current().By {
		if err := u.keep(ctx, j); err != nil {
			return err
		}
	}
	if j.State == stateVerifying || j.State == stateInstalled {
		return nil // it is verified now, whatever was verified before
	}
	for i := j.Component; i < len(o.Components); i++ {
		if err := u.writeOne(ctx, o, i); err != nil {
			return fmt.Errorf("%s: %w", o.Components[i].Name, err)
		}
	}
	return nil
}

func resumable(state string) bool {
	switch state {
	case statePreparing, stateWriting, stateVerifying, stateInstalled:
		return true
	}
	return false
}

// writeOne writes component i from where it stopped.
func (u *Updater) writeOne(ctx context.Context, o *offer, i int) error {
	c := o.Components[i]
	t, err := u.parts.Trust.Find(ctx, c.Path)
	if err != nil {
		return err
	}
	if t.Digest != c.Digest || t.Length != c.Length {
		return fmt.Errorf("the metadata lists another image: %w", ErrUntrusted)
	}
	for {
		w, err := u.prepare(ctx, o, i, t)
		if err != nil {
			return err
		}
		resumed, got, err := w.image(ctx)
		switch {
		case err != nil || got == c.Digest:
			return err
		case !resumed:
			return u.discard(ctx, fmt.Errorf("digest is %s, the release says %s: %w", got, c.Digest, ErrUntrusted))
		}
		// What was there before may be what is wrong: once more from the beginning.
		if err := u.keep(ctx, u.current().next(statePreparing)); err != nil {
			return err
		}
	}
}

// free returns the place that may be written: the one beside the running one, unless
// that is the only one that would start.
func (u *Updater) free(ctx context.Context, name string) (place string, err error) {
	inv, err := u.parts.Installers[name].Inventory(ctx)
	switch {
	case err != nil:
		return "", err
	case inv.Trial || inv.Armed && inv.Good:
		return "", fmt.Errorf("%s runs and is not confirmed: %w", inv.Running, ErrBusy)
	}
	return inv.Other, nil
}

// prepare makes the place of component i unbootable and opens it.
func (u *Updater) prepare(ctx context.Context, o *offer, i int, t Target) (*writer, error) {
	c := o.Components[i]
	place, err := u.free(ctx, c.Name)
	if err != nil {
		return nil, err
	}
	j := u.current()
	resume := j.Offset
	if j.State != stateWriting || j.Component != i || j.Place != place || resume > c.Length {
		resume = 0
		j.State, j.Component, j.Place, j.Offset = statePreparing, i, place, 0
		if err := u.keep(ctx, j); err != nil {
			return nil, err
		}
	}
	sink, err := u.parts.Installers[c.Name].Prepare(ctx, c, c.Length, resume)
	if err != nil {
		return nil, fmt.Errorf("prepare %s: %w", place, err)
	}
	return newWriter(u, o.Release, c.Name, t, sink, resume), nil
}

// discard counts and forgets what was written: the place stays unbootable, and the next
// installation begins anew.
func (u *Updater) discard(ctx context.Context, cause error) error {
	ctx = context.WithoutCancel(ctx)
	// Ended before the journal forgets it, as in finish.
	if err := u.end(ctx, OpInstall); err != nil {
		return errors.Join(cause, err)
	}
	return errors.Join(cause, u.keep(ctx, u.refusedImage(u.current()).over(stateIdle)))
}
