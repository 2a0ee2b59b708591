package baseline_test

import (
	"context"

	"github.com/iot-device-baseline/baseline"
)

// The faults that are planted in a house.
const (
	faultDeaf       = "an Interlock that lets everything pass"
	faultEndless    = "operations whose end nobody hears of"
	faultNoResume   = "an interrupted erasure that is not resumed"
	faultHalf       = "an erasure that leaves the photos"
	faultArmedEarly = "a slot that is armed while it is written"
)

// wrongLock is an Interlock with a fault.
type wrongLock struct {
	*baseline.Interlock
	fault string
}

func (w wrongLock) Begin(ctx context.Context, op string) error {
	if w.fault == faultDeaf {
		return nil
	}
	return w.Interlock.Begin(ctx, op)
}

func (w wrongLock) Resume(ctx context.Context, op string) error {
	if w.fault == faultDeaf {
		return nil
	}
	return w.Interlock.Resume(ctx, op)
}

func (w wrongLock) End(ctx context.Context, op string) error {
	if w.fault == faultDeaf || w.fault == faultEndless {
		return nil
	}
	return w.Interlock.End(ctx, op)
}
