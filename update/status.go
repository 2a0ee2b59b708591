package update

import (
	"context"
	"errors"
	"fmt"

	"github.com/iot-device-baseline/baseline/clause"
)

// Progress is how far an image is written.
type Progress struct {
	Component   string
	Done, Total int64 // bytes
}

// Stats counts what an [Updater] did since it was opened.
type Stats struct {
	Checks    int   // that found verified metadata
	Failed    int   // installations that returned an error
	Retries   int   // failures of a source
	Confirmed int   // trials
	Reverted  int   // releases found given up
	Last      error // of the last check by the policy, nil when it went well
	Due       error // of the last look of Run: why a trial is not confirmed, what is held
}

// Stats returns the counters.
func (u *Updater) Stats() Stats {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.stats
}

// Progress returns how far the image that is being written, or was last, is.
func (u *Updater) Progress() Progress {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.progress
}

// State names what the journal says: "idle", "preparing", "writing", "verifying",
// "installed", "activating", "restart", "trial", "confirming", "rolling back" or "rolled
// back". It is the field "state" of the record "update/journal".
func (u *Updater) State() string { return u.current().State }

// Status tells the running version and whether the boot chain has it on trial. It
// is part of the public status and asks nobody.
func (u *Updater) Status(ctx context.Context) (version string, trial bool, err error) {
	inv, err := u.boot(ctx)
	if err != nil {
		return "", false, fmt.Errorf("update: status: %w", err)
	}
	return u.parts.Running.Version, inv.Trial, nil
}

func (u *Updater) count(f func(*Stats)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	f(&u.stats)
}

func (u *Updater) setProgress(p Progress) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.progress = p
}

// Health reports what the owner of the device should know: a journal that was
// damaged, a floor that could not be raised, a trial that is not healthy.
func (u *Updater) Health(context.Context) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	var errs []error
	if u.damage != nil {
		errs = append(errs, fmt.Errorf("update: health: journal: %w", u.damage))
	}
	if u.unkept != nil {
		errs = append(errs, fmt.Errorf("update: health: newest release: %w", u.unkept))
	}
	if u.owed != nil {
		errs = append(errs, fmt.Errorf("update: health: floor: %w", u.owed))
	}
	if u.journal.State == stateTrial && u.stats.Due != nil {
		errs = append(errs, fmt.Errorf("update: health: trial: %w", u.stats.Due))
	}
	return errors.Join(errs...)
}

// Features returns what an Updater does for the security of the device. What the
// owner chose in the [Policy] is reported as settings.
func (u *Updater) Features() []clause.Feature {
	const pkg = "update"
	p := u.currentPolicy()
	automatic := "off"
	if p.installs() {
		automatic = "on"
	}
	return []clause.Feature{
		{
			ID: "update.verified", Package: pkg, Clauses: []clause.ID{clause.C5_2_7_1_1, clause.C5_2_7_2_a, clause.C5_2_7_2_D},
			Summary: "a release is verified against the vendor's metadata, and read back from the medium, before it is activated; never below the floor",
		},
		{
			ID: "update.authorised", Package: pkg, Clauses: []clause.ID{clause.C5_2_7_1_2},
			Summary: "checks, installations, confirmation and rollback need a permission, which is asked again before what cannot be undone",
		},
		{
			ID: "update.interrupted", Package: pkg, Clauses: []clause.ID{clause.C5_2_7_1_3},
			Summary: "a confirmed release starts after a power cut at any step; a new one is on trial and rolled back by itself",
		},
		{
			ID: "update.automatic", Package: pkg, Clauses: []clause.ID{clause.C5_2_7_2_b_1, clause.C5_2_7_2_A, clause.C5_2_7_2_B},
			Summary:  "looks for releases at intervals and installs them by itself, if the owner switched that on",
			Settings: []clause.Setting{{Name: "automatic", Value: automatic}, {Name: "checkEvery", Value: p.CheckEvery.String()}},
		},
	}
}
