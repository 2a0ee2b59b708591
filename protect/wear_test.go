package protect_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/protecttest"
)

// TestWear runs a day of a change a minute, and of a start an hour.
func TestWear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, _ := device(t, token, few())
		count := protecttest.NewToken(m)
		first, err := count.Value(t.Context())
		require.NoError(t, err)
		writes := int64(0)
		for range 24 {
			v, err := open(t.Context(), m, token, few())
			require.NoError(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			go func() { done <- v.Run(ctx) }()
			for range 60 {
				time.Sleep(time.Minute)
				require.NoError(t, settingsOf(t, v).Put(ctx, "network/wifi", []byte("x")))
			}
			cancel()
			require.ErrorIs(t, <-done, context.Canceled)
			writes += v.Stats().Puts
		}
		last, err := count.Value(t.Context())
		require.NoError(t, err)
		t.Logf("writes=%d increments=%d", writes, last-first)
		assert.EqualValues(t, 24*60, writes)
		assert.LessOrEqual(t, last-first, uint64(200))
	})
}

func anchorOps() []powercut.Op {
	change := func(ctx context.Context, v *protect.Vault) error {
		c, err := v.Compartment(ctx, protect.ClassSettings)
		if err != nil {
			return err
		}
		if err := c.Put(ctx, "network/wifi", []byte("anchored")); err != nil {
			return err
		}
		return v.Anchor(ctx)
	}
	old := func(ctx context.Context, m *powercut.Machine) error {
		if err := before(token)(ctx, m); err != nil {
			return err
		}
		images := m.Image()
		if err := do(token, change)(ctx, m); err != nil {
			return err
		}
		m.Restore(images)
		return nil
	}
	return []powercut.Op{{
		Name: "anchor", Methods: []string{"Vault.Anchor"}, Before: before(token), Do: do(token, change), State: tell(token),
	}, {
		Name: "reanchor", Methods: []string{"Reanchor"}, Before: old,
		Do: func(ctx context.Context, m *powercut.Machine) error {
			opts := smallest()
			opts.Presence = presence{}
			again := func(ctx context.Context, dir *durable.Dir, keys protect.KeyStore, opts *protect.Options) (v *protect.Vault, err error) {
				err = m.Attempt(func() error { v, err = protect.Reanchor(ctx, dir, keys, opts); return err })
				return v, err
			}
			_, err := begin(ctx, m, token, opts, again)
			return err
		},
		State: func(ctx context.Context, m *powercut.Machine) (string, error) {
			text, err := tell(token)(ctx, m)
			if errors.Is(err, protect.ErrRollback) {
				return "refused", nil
			}
			return text, err
		},
	}}
}
