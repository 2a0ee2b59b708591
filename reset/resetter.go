package reset

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/durable"
)

// Resetter resets a device. It may be used concurrently: one reset runs at a time.
type Resetter struct {
	dir    *durable.Dir
	guard  Guard
	steps  []Step
	record *durable.Value[record]
	opts   Options

	// found is the hold that was in force at Open: since this process began, nothing
	// but what resets could open. Only that one is released.
	found *durable.Hold

	working sync.Mutex // held through every reset

	mu      sync.Mutex // for moments; guards what follows
	reserve error
	silent  error // why a reset could not be told of
}

// Open returns the Resetter of a device whose state is in dir. floor is the vault's
// floor compartment, an authenticated store that no step reaches and that works while
// dir is on hold; the record "reset" there is this package's, and its space is
// reserved. The steps of a scope are begun in the order given. Open does I/O and begins
// nothing: see [Resetter.Resume]. What breaks a rule is [fs.ErrInvalid].
//
// Call it once in a process, with the vault and the guard open and nothing else: a hold
// that it finds was set before anything of this process could open.
func Open(ctx context.Context, dir *durable.Dir, floor durable.Store, guard Guard, steps []Step, opts *Options) (*Resetter, error) {
	r := &Resetter{dir: dir, guard: guard, steps: slices.Clone(steps)}
	if opts != nil {
		r.opts = *opts
	}
	if r.opts.Log == nil {
		r.opts.Log = slog.New(slog.DiscardHandler)
	}
	if dir == nil || floor == nil || guard == nil {
		return nil, fmt.Errorf("reset: open: want a directory, a store and a guard: %w", fs.ErrInvalid)
	}
	err := checkSteps(steps)
	if err == nil && len(r.Scopes()) == 0 {
		err = fmt.Errorf("no scope: %w", fs.ErrInvalid)
	}
	for _, scope := range r.Scopes() {
		if len(actsOf(steps, scope)) > access.MaxActs {
			err = fmt.Errorf("scope %s needs more than %d permissions: %w", scope, access.MaxActs-1, fs.ErrInvalid)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("reset: open: %w", err)
	}
	if r.held() {
		r.found = dir.Held()
	}
	r.record = openRecord(floor)
	r.reserve = durable.Reserve(ctx, floor, recordName, maxRecord)
	return r, nil
}

// Scopes returns what Reset takes: [Restart] with Options.Restart, and those of the
// steps.
func (r *Resetter) Scopes() (scopes []string) {
	if r.opts.Restart != nil {
		scopes = append(scopes, Restart)
	}
	for _, s := range r.steps {
		for _, scope := range s.Scopes {
			if !slices.Contains(scopes, scope) {
				scopes = append(scopes, scope)
			}
		}
	}
	return scopes
}

// Features are what the reset does for 27402 5.2.3.
func (r *Resetter) Features() []clause.Feature {
	return []clause.Feature{{
		ID: "reset.resetter", Clauses: []clause.ID{clause.C5_2_3_1_1, clause.C5_2_3_1_2}, Package: "reset",
		Summary:  "a reset by who may, which ends whatever happens to the power, before anything else opens; the security floor stays",
		Settings: []clause.Setting{{Name: "scopes", Value: strings.Join(r.Scopes(), " ")}},
	}}
}

// Health says what the owner should know: a reset that is not finished, a hold without
// order ([ErrOrphan]), a missing reserve, a reset whose event is not kept.
func (r *Resetter) Health(ctx context.Context) error {
	rec, err := r.load(ctx)
	switch {
	case err != nil:
	case rec.Pending != nil:
		err = fmt.Errorf("scope %s: %w", rec.Pending.scope(), ErrInterrupted)
	case r.orphan(rec):
		err = ErrOrphan
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err = errors.Join(err, r.reserve, r.silent); err != nil {
		return fmt.Errorf("reset: health: %w", err)
	}
	return nil
}

const holdPrefix = "reset "

// held reports whether the directory is on hold for a reset.
func (r *Resetter) held() bool {
	h := r.dir.Held()
	return h != nil && strings.HasPrefix(h.Reason(), holdPrefix)
}

// opened reports whether other parts may be open: the hold in force, if any, was set
// after they could open.
func (r *Resetter) opened() bool { return r.found == nil || r.dir.Held() != r.found }

// orphan reports whether the directory is on hold for a reset of which there is no
// order and no end.
func (r *Resetter) orphan(rec record) bool {
	return r.held() && rec.Pending == nil && (rec.Last == nil || rec.Last.Accepted)
}

// hold puts the directory on hold, unless it is for a reset.
func (r *Resetter) hold(ctx context.Context, scope string) error {
	if r.held() {
		return nil
	}
	_, err := r.dir.Hold(ctx, holdPrefix+scope)
	return err
}
