package protect

import (
	"context"
	"fmt"
)

// How the counter of the key store is stepped, and what its value means.

// finish steps the counter to the tag of the table, if that is still to be done. It is
// never stepped twice for one tag, and no other table is written under a tag that one in
// its place has, before the counter has it: both would leave two states that count.
func (v *Vault) finish(ctx context.Context) error {
	if v.pending == 0 {
		return nil
	}
	if v.opts.protocol == blindRetry {
		return v.stepBlindly(ctx)
	}
	value, err := v.count.Value(ctx)
	if err != nil {
		return keyStoreError("counter", err)
	}
	if value+1 == v.pending {
		if _, err = v.count.Increment(ctx); err != nil {
			var again error
			if value, again = v.count.Value(ctx); again != nil || value != v.pending {
				return keyStoreError("counter", err)
			}
		}
		if value, err = v.count.Value(ctx); err != nil {
			return keyStoreError("counter", err)
		}
	}
	if value != v.pending {
		return v.astray(value)
	}
	v.pending = 0
	return nil
}

// stepBlindly is a wrong protocol: it steps the counter until it hears that it did.
func (v *Vault) stepBlindly(ctx context.Context) error {
	if _, err := v.count.Increment(ctx); err != nil {
		return keyStoreError("counter", err)
	}
	v.pending = 0
	return nil
}

// counted says why the counter is not where the table left it.
func (v *Vault) counted(ctx context.Context) error {
	value, err := v.count.Value(ctx)
	switch {
	case err != nil:
		return keyStoreError("counter", err)
	case value != v.live.tag:
		return v.astray(value)
	case value >= maxTag:
		return vaultError("counter", actKeyStore, fmt.Errorf("it is at its end, %d: %w", value, ErrLost))
	}
	return nil
}

func (v *Vault) astray(value uint64) error {
	return vaultError("counter", actReanchor, fmt.Errorf("at %d, the vault left it at %d: somebody else stepped it: %w", value, v.live.tag, ErrRollback))
}

// state says what a table's tag means while the counter has value; pending is the tag to
// which it is still to be stepped, or 0.
func (t *table) state(value uint64) (pending uint64, err error) {
	switch {
	case !t.anchored:
		err = fmt.Errorf("never anchored, but the key store counts: %w", ErrRollback)
	case t.tag == value:
	case t.tag == value+1:
		pending = t.tag
	case t.tag < value:
		err = fmt.Errorf("anchored at %d, the counter is at %d: %w", t.tag, value, ErrRollback)
	default:
		err = fmt.Errorf("anchored at %d, the counter is only at %d: %w", t.tag, value, ErrLost)
	}
	return pending, err
}
