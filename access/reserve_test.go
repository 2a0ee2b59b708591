package access_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

// fill leaves no space on the medium.
func fill(m *powercut.Machine) {
	used := 0
	for _, content := range m.Files() {
		used += len(content)
	}
	m.SetCapacity(int64(used))
}

// crowded is a device on which ann is the owner and others are users of it, open.
func crowded(t *testing.T, m *powercut.Machine, others int) *started {
	t.Helper()
	ctx := t.Context()
	for _, do := range []func(context.Context, *started) error{provision, commissionAnn, func(ctx context.Context, d *started) error {
		for i := range others {
			err := d.Assign(d.as(ctx, "ann"), access.Assignment{ID: fmt.Sprintf("user-%d", i), Kind: access.KindPerson, Roles: []string{"viewer"}})
			if err != nil {
				return err
			}
		}
		return nil
	}} {
		require.NoError(t, on(do)(ctx, m))
	}
	d, err := start(ctx, m)
	require.NoError(t, err)
	return d
}

// What frees the medium may not wait for space on it.
func TestEraseOnAFullMedium(t *testing.T) {
	for _, others := range []int{2, 200} {
		t.Run(fmt.Sprintf("users=%d", others), func(t *testing.T) {
			ctx, m := t.Context(), powercut.New()
			d := crowded(t, m, others)
			fill(m)
			err := d.Assign(d.as(ctx, "ann"), access.Assignment{ID: "more", Kind: access.KindPerson, Roles: []string{"viewer"}})
			require.NoError(t, err, "it has the space of some more")
			for i := range others {
				_, err := d.Erase(d.as(ctx, "ann"), fmt.Sprintf("user-%d", i))
				require.NoError(t, err)
			}
			require.NoError(t, d.EndOwnership(d.as(ctx, "ann")))
			require.NoError(t, d.dir.Close())
			d, err = start(ctx, m)
			require.NoError(t, err)
			assert.Empty(t, d.Ownership())
		})
	}
}

// Without space there is no reserve, and Health says so; a store that knows of none
// need not.
func TestGuardWithoutReserve(t *testing.T) {
	ctx, m := t.Context(), powercut.New()
	dir, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	m.SetCapacity(1)
	g, err := access.OpenGuard(ctx, dir, compile(t, homeSpec()), nil)
	require.NoError(t, err)
	require.ErrorIs(t, g.Health(ctx), durable.ErrFull)
	require.NotErrorIs(t, g.Health(ctx), access.ErrUnreadable)
	g, err = access.OpenGuard(ctx, newMem(), compile(t, homeSpec()), nil)
	require.NoError(t, err)
	require.NoError(t, g.Health(ctx))
}
