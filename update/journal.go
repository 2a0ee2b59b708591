package update

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/iot-device-baseline/baseline/durable"
)

// The states of a journal. What runs, what is armed and what is on trial is never
// taken from here, but from the boot chain.
const (
	stateIdle        = "idle"
	statePreparing   = "preparing"  // the place is being made unbootable
	stateWriting     = "writing"    // Offset bytes of Component are durable
	stateVerifying   = "verifying"  // everything is written, and is read back
	stateInstalled   = "installed"  // it was as the release says
	stateActivating  = "activating" // places are being made the next to start
	stateRestart     = "restart"    // they are
	stateTrial       = "trial"      // the new release runs
	stateConfirming  = "confirming"
	stateRollingBack = "rolling back" // the place before is being made the next to start
	stateRolledBack  = "rolled back"  // and runs again
)

var states = [...]string{
	stateIdle, statePreparing, stateWriting, stateVerifying, stateInstalled, stateActivating, stateRestart,
	stateTrial, stateConfirming, stateRollingBack, stateRolledBack,
}

const (
	maxFailed  = 16       // releases that failed and are remembered, newest last
	maxJournal = 12 << 10 // bytes
	maxName    = 32       // of a place
	maxReason  = 256
)

// journal is the record of what is under way. It is plain and anybody may have
// written it: whatever it says leads at most to rolling back, to verifying or
// fetching again, to a release that is not tried, or to waiting.
type journal struct {
	State     string            `json:"state"`
	Document  Digest            `json:"document"`  // of the release document
	Images    Digest            `json:"images"`    // of what it would install: Release.images
	Version   string            `json:"version"`   // of the release, for people
	Component int               `json:"component"` // that is being written
	Place     string            `json:"place"`     // into which
	Offset    int64             `json:"offset"`    // bytes that are durable there
	Places    map[string]string `json:"places"`    // what was activated: component and place
	Armings   int               `json:"armings"`   // how often that was begun
	Starts    int               `json:"starts"`    // of the program, in this trial
	Elapsed   int64             `json:"elapsed"`   // seconds of the trial, in those before
	Link      bool              `json:"link"`      // the local network was reached before
	// Confirming says that parts of the release may be confirmed already.
	Confirming bool      `json:"confirming"`
	Reason     string    `json:"reason"` // for rolling back
	Failed     []failure `json:"failed"`
	// Refused counts the installations whose images were not what the release says.
	Refused []failure `json:"refused,omitempty"`
	// By is who asked for the installation, for the log: nothing is allowed for it.
	By string `json:"by,omitempty"`
}

// failure is what was rolled back, by its images, with or without the name that they
// have in the document, or refused, by its document, and how often.
type failure struct {
	Digest Digest `json:"digest"`
	Count  int    `json:"count"`
}

func (j journal) check() error {
	switch {
	case !slices.Contains(states[:], j.State):
		return errors.New("no such state")
	case j.Component < 0 || j.Component >= MaxComponents || j.Offset < 0 || j.Offset > MaxImage:
		return errors.New("component or offset out of range")
	case j.Version != "" && !validVersion(j.Version) || !validText(j.Reason, maxReason) || !validText(j.Place, maxName):
		return errors.New("version, reason or place is not text as it should be")
	case !validText(j.By, 64):
		return errors.New("who asked is not the id of anybody")
	case len(j.Failed) > maxFailed || len(j.Refused) > maxFailed || len(j.Places) > MaxComponents:
		return errors.New("too many places or failures")
	case j.Armings < 0 || j.Starts < 0 || j.Elapsed < 0 || j.Elapsed > int64(month.Seconds()):
		return errors.New("a count out of range")
	}
	for name, place := range j.Places {
		if !validName(name) || !validText(place, maxName) {
			return errors.New("the name of a component or place is not text as it should be")
		}
	}
	return nil
}

// next returns j in another state.
func (j journal) next(state string) journal {
	j.State = state
	return j
}

// over returns a journal with nothing under way, that remembers failures.
func (j journal) over(state string) journal {
	return journal{State: state, Failed: j.Failed, Refused: j.Refused, Reason: j.Reason, Version: j.Version}
}

// failed returns j with one more failure, for cause, of its release: of its images, or,
// where the program in them goes by another name than the document says, of its images
// by that name: one of the two is wrong, and nobody here knows which. A journal of the
// release before this one knows no images.
func (j journal) failed(cause error) journal {
	of := j.Images
	var misnamed *misnamedError
	switch {
	case errors.As(cause, &misnamed):
		of = misnamed.called.named()
	case of == (Digest{}):
		of = j.Document
	}
	j.Failed = counted(j.Failed, of)
	return j
}

// misnamedError: a release document does not call the program what it calls itself.
type misnamedError struct {
	program Version
	called  *Release
}

func (e *misnamedError) Error() string {
	return fmt.Sprintf("the program says it is %s (%d), its release %s (%d): %v", e.program.Version, e.program.Number, e.called.Version, e.called.Number, ErrUntrusted)
}

// Unwrap returns [ErrUntrusted].
func (e *misnamedError) Unwrap() error { return ErrUntrusted }

// counted returns list with one more for d, without the oldest if it is full.
func counted(list []failure, d Digest) []failure {
	if d == (Digest{}) {
		return list
	}
	n := count(list, d) + 1
	list = slices.DeleteFunc(slices.Clone(list), func(f failure) bool { return f.Digest == d })
	list = append(list, failure{d, n})
	return list[max(0, len(list)-maxFailed):]
}

func count(list []failure, d Digest) int {
	for _, f := range list {
		if f.Digest == d {
			return max(f.Count, 1)
		}
	}
	return 0
}

// load reads the journal. A damaged one counts as empty and is told by Health.
func (u *Updater) load(ctx context.Context) error {
	j, err := u.saved.LoadOr(ctx, journal{State: stateIdle})
	if errors.Is(err, durable.ErrCorrupt) || errors.Is(err, durable.ErrFormat) {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.journal, u.damage = journal{State: stateIdle}, err
		return nil
	}
	if err != nil {
		return fmt.Errorf("update: journal: %w", err)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.journal, u.damage = j, nil
	return nil
}

// keep makes j the journal.
func (u *Updater) keep(ctx context.Context, j journal) error {
	if err := u.saved.Store(ctx, j); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.journal, u.damage = j, nil
	return nil
}

func (u *Updater) current() journal {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.journal
}
