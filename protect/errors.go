package protect

import (
	"errors"
	"fmt"
	"time"

	"github.com/iot-device-baseline/baseline/durable"
)

// The failures of key stores and vaults, classed by what the operator can do.
// The first four are also [durable.ErrCorrupt]: a vault's compartment is a
// [durable.Store], and code above it need not know that it is sealed.
var (
	// ErrTampered: stored bytes are not those that were written. Restore them from
	// their source, or provision anew with somebody present.
	ErrTampered = fmt.Errorf("not what was written: %w", durable.ErrCorrupt)
	// ErrRollback: an older state was put back. Bring the newer state, or provision
	// anew with somebody present.
	ErrRollback = fmt.Errorf("an older state was put back: %w", durable.ErrCorrupt)
	// ErrForeign: it belongs to another place, vault, device or key store. Bring
	// the right one.
	ErrForeign = fmt.Errorf("belongs elsewhere: %w", durable.ErrCorrupt)
	// ErrMissing: something that must be there is not: the vault was not
	// provisioned, or the compartment was erased.
	ErrMissing = errors.New("missing")
	// ErrUnavailable: the key store does not answer. Try again later; never start
	// afresh.
	ErrUnavailable = errors.New("key store unavailable")
	// ErrLost: the key store was cleared or replaced: what it sealed is gone for
	// good. Recover, or provision anew.
	ErrLost = errors.New("sealed by another or a cleared key store")
	// ErrPolicy: the state of the device does not allow it: other software was
	// started, or the generation has not begun.
	ErrPolicy = errors.New("refused by the policy of the key store")
)

// LockoutError says that the key store waits after too many wrong tries. It is
// [ErrUnavailable].
type LockoutError struct {
	RetryAfter time.Duration // from now; 0 is unknown
}

func (e *LockoutError) Error() string {
	return fmt.Sprintf("key store locked out, retry after %v", e.RetryAfter)
}

// Unwrap returns [ErrUnavailable].
func (e *LockoutError) Unwrap() error { return ErrUnavailable }

// ObjectError says which object of a vault cannot be used, and what to do. It is
// the sentinel that it wraps. It never names a subject and holds no secret.
type ObjectError struct {
	Class  Class  // 0: the vault's own records
	Name   string // of the value or log, or of the vault's record
	Action string // what to do, for people
	Err    error  // a sentinel of this package with its cause
}

func (e *ObjectError) Error() string {
	where := "vault"
	if e.Class != 0 {
		where = e.Class.String()
	}
	return fmt.Sprintf("protect: %s: %s: %v; %s", where, e.Name, e.Err, e.Action)
}

// Unwrap returns Err.
func (e *ObjectError) Unwrap() error { return e.Err }

// The actions of an [ObjectError].
const (
	actProvision   = "provision the device"
	actReprovision = "provision anew with somebody present, or bring back the newest state"
	actKeyStore    = "bring back the key store that the vault was provisioned with"
	actRestore     = "restore it from its source, or delete it"
	actRepair      = "restore them from their source, or give them up by Repair of their compartment"
	actReopen      = "open the compartment anew"
	actRetry       = "retry later"
	actReanchor    = "bring the newest state, or accept this one by Reanchor with somebody present"
)

//go:noinline
func vaultError(name, action string, err error) error {
	return &ObjectError{Name: name, Action: action, Err: err}
}

// keyStoreError puts the operator's choice beside an error of a key store.
func keyStoreError(what string, err error) error {
	action := actRetry
	switch {
	case errors.Is(err, ErrUnavailable):
	case errors.Is(err, ErrLost), errors.Is(err, ErrForeign), errors.Is(err, ErrTampered):
		action = actKeyStore
	case errors.Is(err, ErrRollback):
		action = actReprovision
	case errors.Is(err, ErrPolicy):
		action = "start the software that the vault is bound to"
	}
	return vaultError(what, action, err)
}

// isLost reports whether err says that a vault's state is gone for good, or is
// not this device's: what a fresh start with somebody present may replace.
func isLost(err error) bool {
	return errors.Is(err, ErrTampered) || errors.Is(err, ErrRollback) || errors.Is(err, ErrForeign) || errors.Is(err, ErrLost)
}
