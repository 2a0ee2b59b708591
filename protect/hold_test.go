package protect_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/protecttest"
)

// holding is a context that puts dir on hold when it is asked the second time whether
// it has ended: after the look for a compartment, before one is made.
type holding struct {
	context.Context
	dir   *durable.Dir
	asked int
	hold  *durable.Hold
}

func (h *holding) Err() error {
	if h.asked++; h.asked == 2 {
		h.hold, _ = h.dir.Hold(context.WithoutCancel(h.Context), "reset")
	}
	return h.Context.Err()
}

// TestHoldWhileMaking: a reset must not find a compartment that came after its hold.
func TestHoldWhileMaking(t *testing.T) {
	m, _ := device(t, token, few())
	dir, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	v, err := protect.Open(t.Context(), dir, protecttest.NewToken(m), few())
	require.NoError(t, err)
	ctx := &holding{Context: somebody(t.Context()), dir: dir}
	_, err = v.Subject(ctx, "carol")
	require.NotNil(t, ctx.hold)
	require.ErrorIs(t, err, durable.ErrHeld)
	require.NoError(t, ctx.hold.Release(t.Context()))
	_, err = v.OpenSubject(t.Context(), "carol")
	require.ErrorIs(t, err, protect.ErrMissing)
}
