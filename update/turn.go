package update

import "context"

// turn lets one call at a time through to what is not to be called concurrently.
type turn chan struct{}

func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// try is take without waiting.
func (t turn) try() bool {
	select {
	case t <- struct{}{}:
		return true
	default:
		return false
	}
}

func (t turn) give() { <-t }

// inTurn makes sure that Trust and the Installers are called by one goroutine at a
// time: a check and a status come while an installation is under way.
func (u *Updater) inTurn() {
	u.parts.Trust = &trustInTurn{u.parts.Trust, make(turn, 1)}
	one := make(turn, 1)
	own := make(map[string]Installer, len(u.parts.Installers))
	for name, i := range u.parts.Installers {
		own[name] = &installerInTurn{i, one}
	}
	u.parts.Installers = own
}

type trustInTurn struct {
	trust Trust
	turn  turn
}

func (t *trustInTurn) Refresh(ctx context.Context) error {
	if err := t.turn.take(ctx); err != nil {
		return err
	}
	defer t.turn.give()
	return t.trust.Refresh(ctx)
}

func (t *trustInTurn) Find(ctx context.Context, path string) (Target, error) {
	if err := t.turn.take(ctx); err != nil {
		return Target{}, err
	}
	defer t.turn.give()
	return t.trust.Find(ctx, path)
}

type installerInTurn struct {
	installer Installer
	turn      turn
}

func (i *installerInTurn) do(ctx context.Context, call func(Installer) error) error {
	if err := i.turn.take(ctx); err != nil {
		return err
	}
	defer i.turn.give()
	return call(i.installer)
}

func (i *installerInTurn) Inventory(ctx context.Context) (inv Installed, err error) {
	err = i.do(ctx, func(in Installer) error { inv, err = in.Inventory(ctx); return err })
	return inv, err
}

func (i *installerInTurn) Prepare(ctx context.Context, c Component, size, resume int64) (s Sink, err error) {
	err = i.do(ctx, func(in Installer) error { s, err = in.Prepare(ctx, c, size, resume); return err })
	return s, err
}

func (i *installerInTurn) Activate(ctx context.Context, c Component, tries int) error {
	return i.do(ctx, func(in Installer) error { return in.Activate(ctx, c, tries) })
}

func (i *installerInTurn) Confirm(ctx context.Context, c Component) error {
	return i.do(ctx, func(in Installer) error { return in.Confirm(ctx, c) })
}

func (i *installerInTurn) Rollback(ctx context.Context, c Component) error {
	return i.do(ctx, func(in Installer) error { return in.Rollback(ctx, c) })
}
