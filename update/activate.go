package update

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/iot-device-baseline/baseline/access"
)

// maxArmings is how often an activation may be begun without a trial or a rollback
// coming of it, before the release counts as failed.
const maxArmings = 3

// activate verifies every component on its medium and then makes them the next to
// start; what decides the boot is last. A revoked right stops it here.
func (u *Updater) activate(ctx context.Context, o *offer) error {
	if err := u.verify(ctx, o); err != nil {
		return err
	}
	if err := u.gates(ctx, PhaseActivate, o.Release); err != nil {
		return err
	}
	if _, err := access.Check(ctx, u.parts.Guard, access.UpdateInstall, resource); err != nil {
		return err
	}
	u.ordered = order{o.digest, access.FromContext(ctx)}
	if err := u.begin(ctx, OpActivate); err != nil {
		return err
	}
	err := u.arm(ctx, o)
	return errors.Join(err, u.end(ctx, OpActivate))
}

// verify reads back what is written, whoever wrote it and whatever the journal says.
func (u *Updater) verify(ctx context.Context, o *offer) error {
	if err := u.keep(ctx, u.current().next(stateVerifying)); err != nil {
		return err
	}
	for _, c := range o.Components {
		got, err := u.readback(ctx, c)
		if err != nil {
			return fmt.Errorf("verify %s: %w", c.Name, err)
		}
		if got != c.Digest {
			return u.discard(ctx, fmt.Errorf("verify %s: digest on the medium is %s, the release says %s: %w", c.Name, got, c.Digest, ErrUntrusted))
		}
	}
	return u.keep(ctx, u.current().accepted().next(stateInstalled))
}

func (u *Updater) readback(ctx context.Context, c Component) (d Digest, err error) {
	if _, err := u.free(ctx, c.Name); err != nil {
		return d, err
	}
	sink, err := u.parts.Installers[c.Name].Prepare(ctx, c, c.Length, c.Length)
	if err != nil {
		return d, err
	}
	defer sink.Close()
	r, err := sink.Readback(ctx)
	if err != nil {
		return d, err
	}
	defer r.Close()
	h := sha256.New()
	n, err := io.CopyBuffer(h, io.LimitReader(reader{ctx, r}, c.Length), make([]byte, min(maxBuffer, c.Length)))
	if err == nil && n != c.Length {
		err = io.ErrUnexpectedEOF
	}
	h.Sum(d[:0])
	return d, err
}

// arm makes the places of o the next to start.
func (u *Updater) arm(ctx context.Context, o *offer) error {
	j := u.current().next(stateActivating)
	j.Armings, j.Link, j.Places = j.Armings+1, u.parts.Host.LinkUp(), map[string]string{}
	for _, c := range o.Components {
		place, err := u.free(ctx, c.Name)
		if err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
		j.Places[c.Name] = place
	}
	if err := u.keep(ctx, j); err != nil {
		return err
	}
	for _, c := range o.Components {
		if err := u.parts.Installers[c.Name].Activate(ctx, c, u.opts.Tries); err != nil {
			return errors.Join(fmt.Errorf("activate %s: %w", c.Name, err), u.disarm(context.WithoutCancel(ctx)))
		}
	}
	return u.keep(ctx, j.next(stateRestart))
}

// disarm takes an activation back; what is written stays.
func (u *Updater) disarm(ctx context.Context) error {
	if waiting, err := u.putBack(ctx); err != nil || waiting {
		return err
	}
	return u.keep(ctx, u.current().next(stateInstalled))
}

// putBack undoes an activation that did not come to its end. If a part of a release runs
// without the rest, a restart is waited for: its other place is the confirmed one.
func (u *Updater) putBack(ctx context.Context) (waiting bool, err error) {
	started, err := u.undo(ctx)
	if err != nil || !started {
		return false, err
	}
	j := u.current().next(stateRollingBack)
	j.Reason = "a part of it was started without the rest"
	return true, u.keep(ctx, j)
}

// undo makes what was before the next to start: in the reverse order, so that what
// decides the boot is first. It goes by what the boot chain says; the journal tells
// only which parts of a release were confirmed before what decides the boot was.
// started says that a place that was rolled back runs until the next restart.
func (u *Updater) undo(ctx context.Context) (started bool, err error) {
	j := u.current()
	names := u.order(ctx)
	slices.Reverse(names)
	for _, name := range names {
		inv, err := u.parts.Installers[name].Inventory(ctx)
		if err != nil {
			return started, fmt.Errorf("%s: %w", name, err)
		}
		confirmed := j.Confirming && name != u.parts.Boot && inv.Running == j.Places[name] && inv.Running != "" && inv.Good
		if !inv.Trial && (!inv.Armed || inv.Good) && !confirmed {
			continue
		}
		started = started || inv.Trial || confirmed
		if err := u.parts.Installers[name].Rollback(ctx, u.component(ctx, name)); err != nil {
			return started, fmt.Errorf("roll back %s: %w", name, err)
		}
	}
	return started, nil
}

// order returns the installers in the order of activation: as in the release that
// is kept, and what it does not name before that.
func (u *Updater) order(ctx context.Context) []string {
	rank := map[string]int{u.parts.Boot: MaxComponents}
	if o, err := u.kept(ctx); err == nil {
		for i, c := range o.Components {
			if c.Name != u.parts.Boot {
				rank[c.Name] = i + 1
			}
		}
	}
	names := make([]string, 0, len(u.parts.Installers))
	for name := range u.parts.Installers {
		names = append(names, name)
	}
	slices.Sort(names)
	slices.SortStableFunc(names, func(a, b string) int { return rank[a] - rank[b] })
	return names
}

// component returns what the kept release says of name.
func (u *Updater) component(ctx context.Context, name string) Component {
	if o, err := u.kept(ctx); err == nil {
		for _, c := range o.Components {
			if c.Name == name {
				return c
			}
		}
	}
	return Component{Name: name}
}

// restart asks the host to restart into what is armed, or rolled back.
func (u *Updater) restart(ctx context.Context, r *Release) error {
	if err := u.gates(ctx, PhaseRestart, r); err != nil {
		return err
	}
	if err := u.mayRestart(ctx); err != nil {
		return err
	}
	if err := u.begin(ctx, OpRestart); err != nil {
		return err
	}
	u.started = time.Now()
	if err := u.parts.Host.Restart(ctx, "software update"); err != nil {
		return fmt.Errorf("restart: %w", err)
	}
	return nil
}
