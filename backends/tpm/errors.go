package tpm

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/google/go-tpm/tpm2"

	"github.com/iot-device-baseline/baseline/protect"
)

var errProvisioned = fmt.Errorf("the device is provisioned: %w", fs.ErrExist)

// lockout is how long a TPM waits after too many wrong tries, by default.
const lockout = 1000 * time.Second

// sentinels are what is said already and stays.
var sentinels = []error{
	protect.ErrTampered, protect.ErrRollback, protect.ErrForeign, protect.ErrMissing, protect.ErrUnavailable, protect.ErrLost, protect.ErrPolicy,
	fs.ErrInvalid, fs.ErrClosed, fs.ErrExist, errors.ErrUnsupported,
}

// later are answers that mean to ask again.
var later = []tpm2.TPMRC{
	tpm2.TPMRCRetry, tpm2.TPMRCYielded, tpm2.TPMRCTesting, tpm2.TPMRCNVRate, tpm2.TPMRCNVUnavailable, tpm2.TPMRCObjectMemory,
	tpm2.TPMRCSessionMemory, tpm2.TPMRCMemory, tpm2.TPMRCCanceled, tpm2.TPMRCInitialize, tpm2.TPMRCLockout,
}

// refusedLoad is the answer to an object that the TPM does not take: it is of another
// TPM, or of this one before it was cleared, or it was changed.
func refusedLoad(err error) error {
	var rc tpm2.TPMRC
	if !errors.As(err, &rc) || isAny(err, later...) || rc.IsWarning() || isAny(err, tpm2.TPMRCIntegrity, tpm2.TPMRCFailure) {
		return err // classify knows it
	}
	return fmt.Errorf("%w: %w", protect.ErrTampered, err)
}

// classify gives the answers of a TPM the sentinels of protect. What is no answer of a
// TPM is a connection that failed.
func classify(err error) error {
	if err == nil {
		return nil
	}
	for _, s := range sentinels {
		if errors.Is(err, s) {
			return err
		}
	}
	var rc tpm2.TPMRC
	switch {
	case isAny(err, tpm2.TPMRCIntegrity):
		return fmt.Errorf("%w: %w", protect.ErrLost, err)
	case isAny(err, tpm2.TPMRCPolicyFail, tpm2.TPMRCPolicy, tpm2.TPMRCPCRChanged):
		return fmt.Errorf("%w: %w", protect.ErrPolicy, err)
	case isAny(err, tpm2.TPMRCLockout):
		return fmt.Errorf("%w: %w", &protect.LockoutError{RetryAfter: lockout}, err)
	case isAny(err, tpm2.TPMRCAuthFail, tpm2.TPMRCBadAuth):
		return fmt.Errorf("%w: its auth value is another: %w", protect.ErrForeign, err)
	case !errors.As(err, &rc), isAny(err, later...), rc.IsWarning(), isAny(err, tpm2.TPMRCFailure):
		return fmt.Errorf("%w: %w", protect.ErrUnavailable, err)
	}
	return err
}

func isAny(err error, codes ...tpm2.TPMRC) bool {
	for _, c := range codes {
		if errors.Is(err, c) {
			return true
		}
	}
	return false
}
