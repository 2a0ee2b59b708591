package protect

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/iot-device-baseline/baseline/durable"
)

// Reanchor opens a vault that [Open] refuses with [ErrRollback] because of its counter, or
// whose compartments are shut because an index is damaged: when the newest state is gone
// for good, and an older one is better than none. It takes what is there for what is right,
// values and marks of removals, whatever age they have, and anchors that. Everything in it
// must be authentic even so.
//
// A counter that is lower than the vault's is another one: that is [ErrLost] here, too.
//
// Somebody must be present: Options.Presence is asked in every case, and nil gives an
// error that is [fs.ErrInvalid]. Who may do it, and telling people, are the caller's: it
// undoes what was changed since, such as a revoked right. [Report].Accepted counts it for
// good. A power cut leaves a vault that Open refuses as before, or one that it accepts and
// counts.
func Reanchor(ctx context.Context, dir *durable.Dir, keys KeyStore, opts *Options) (*Vault, error) {
	v, err := newVault(dir, keys, opts)
	if err == nil {
		err = v.reanchor(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("protect: re-anchor: %w", err)
	}
	v.reserve(ctx)
	v.sweep(ctx)
	return v, nil
}

func (v *Vault) reanchor(ctx context.Context) error {
	switch {
	case v.opts.Presence == nil:
		return fmt.Errorf("nobody can be present: %w", fs.ErrInvalid)
	case v.count == nil:
		return fmt.Errorf("the key store does not count: %w", fs.ErrInvalid)
	case v.dir.Held() != nil:
		return fmt.Errorf("%w: %s", durable.ErrHeld, v.dir.Held().Reason())
	}
	if err := v.prove(ctx); err != nil {
		return err
	}
	v.accepting = true
	defer func() { v.accepting = false }()
	if err := v.load(ctx); err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.ready(ctx); err != nil {
		return err
	}
	_, err := v.anchor(ctx) // what is not indexed is told by Health
	return err
}
