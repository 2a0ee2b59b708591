package update

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
)

const (
	suspectEvery = time.Hour          // an event about metadata that does not verify, by checks
	firstPause   = time.Hour          // before a refused image is fetched again without being asked
	longestPause = 7 * 24 * time.Hour // after it was refused again and again
	longestRetry = 24 * time.Hour     // that a source may put the next check off
)

// order is who asked for what is armed. It is kept in memory only, where nobody
// forges it: after a restart of the device there is nothing armed to be restarted into.
type order struct {
	document Digest
	by       *access.Entity
}

// requester names who asks, or whose mandate is carried out.
func requester(e *access.Entity) string {
	switch {
	case e == nil:
		return ""
	case e.OnBehalf() != "":
		return e.OnBehalf()
	}
	return e.ID()
}

// request logs who asked for an installation, once, before the first act of it.
func (u *Updater) request(ctx context.Context, o *offer, by *access.Entity) {
	u.event(ctx, access.EventUpdateRequested, journal{Version: o.Version, Document: o.digest}, by)
}

// refuse logs that a release was refused, by the class of the reason; o is nil if not even
// its document could be verified.
func (u *Updater) refuse(ctx context.Context, o *offer, err error) {
	for _, class := range []error{ErrUntrusted, ErrDowngrade, ErrBlocked} {
		if !errors.Is(err, class) {
			continue
		}
		j := journal{Reason: class.Error()}
		if o != nil {
			j.Version, j.Document = o.Version, o.digest
		}
		u.event(ctx, access.EventUpdateRefused, j, access.FromContext(ctx))
		return
	}
}

// suspect is refuse for metadata that does not verify, found without being asked to
// install: once an hour, since who stands between can cause it at every check.
func (u *Updater) suspect(ctx context.Context, err error) {
	if !errors.Is(err, ErrUntrusted) {
		return
	}
	u.mu.Lock()
	again := !u.suspected.IsZero() && time.Since(u.suspected) < suspectEvery
	if !again {
		u.suspected = time.Now()
	}
	u.mu.Unlock()
	if !again {
		u.refuse(ctx, nil, err)
	}
}

// patient says how long a release is not to be fetched again without being asked: each time
// its images were not what it says doubles that, so that a mirror that lies wears out
// neither the medium nor the line. A restart of the program begins the pause anew.
func (u *Updater) patient(o *offer) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	n := count(u.journal.Refused, o.digest)
	if n == 0 {
		return nil
	}
	pause := min(firstPause<<min(n-1, 10), longestPause) - time.Since(u.refused)
	if pause <= 0 {
		return nil
	}
	return fmt.Errorf("images of %s were refused %d times, next in %s: %w", o.Version, n, pause.Round(time.Second), ErrUntrusted)
}

// refusedImage returns j with one more refusal of what was fetched for its release.
func (u *Updater) refusedImage(j journal) journal {
	j.Refused = counted(j.Refused, j.Document)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.refused = time.Now()
	return j
}

// accepted returns j without the refusals of its release.
func (j journal) accepted() journal {
	j.Refused = slices.DeleteFunc(slices.Clone(j.Refused), func(f failure) bool { return f.Digest == j.Document })
	return j
}

// askedFor returns how long a source wants to be left alone, within limits.
func askedFor(err error) time.Duration {
	var retry *durable.RetryError
	if !errors.As(err, &retry) {
		return 0
	}
	return max(0, min(retry.After, longestRetry))
}

// mayRestart asks whether who asks may still install, and whether who asked for what
// is armed may. Without the latter it is disarmed.
func (u *Updater) mayRestart(ctx context.Context) error {
	if _, err := access.Check(ctx, u.parts.Guard, access.UpdateInstall, resource); err != nil {
		return err
	}
	if u.ordered.by == nil || u.ordered.document != u.current().Document {
		return nil
	}
	_, err := access.Check(access.WithEntity(ctx, u.ordered.by), u.parts.Guard, access.UpdateInstall, resource)
	if errors.Is(err, access.ErrDenied) {
		err = errors.Join(err, u.abandon(ctx, "who asked for it may not any more", nil))
	}
	return err
}
