package protect_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/protecttest"
)

// TestOnlyALogIsALifeToo: a vault that holds nothing but a log, or a reserve, is in
// use. When its key store was cleared or its header is gone, nobody starts afresh
// over it unless somebody is present.
func TestOnlyALogIsALifeToo(t *testing.T) {
	lose := map[string]struct {
		store keyStore
		do    func(t *testing.T, m *powercut.Machine)
		want  error
	}{
		"key store cleared": {token, func(t *testing.T, m *powercut.Machine) {
			require.NoError(t, protecttest.NewToken(m).Clear())
		}, protect.ErrLost},
		"header gone": {plain, func(t *testing.T, m *powercut.Machine) {
			require.NoError(t, m.FS().Remove("vault/header"))
			m.Settle()
		}, protect.ErrTampered},
	}
	for what, put := range map[string]func(context.Context, *protect.Compartment) error{
		"log": func(ctx context.Context, c *protect.Compartment) error {
			_, err := c.OpenLog(ctx, "events", nil)
			return err
		},
		"reserve": func(ctx context.Context, c *protect.Compartment) error { return c.Reserve(ctx, "events", 50) },
	} {
		for how, l := range lose {
			t.Run(what+", "+how, func(t *testing.T) {
				ctx := t.Context()
				m := powercut.New()
				v, err := provision(ctx, m, l.store, few())
				require.NoError(t, err)
				c, err := v.Compartment(ctx, protect.ClassLogs)
				require.NoError(t, err)
				require.NoError(t, put(ctx, c))
				m.Settle()
				l.do(t, m)
				before := m.Files()
				_, err = open(ctx, m, l.store, few())
				require.ErrorIs(t, err, l.want)
				_, err = provision(ctx, m, l.store, few())
				require.ErrorIs(t, err, l.want)
				assert.Equal(t, before, m.Files(), "nothing is touched")

				opts := few()
				opts.Presence = presence{}
				_, err = provision(ctx, m, l.store, opts)
				require.NoError(t, err)
				for file := range m.Files() {
					assert.LessOrEqual(t, strings.Count(file, "/"), 1, file)
				}
			})
		}
	}
}

// strange is a key store that says whose a blob is before it says when it opens.
type strange struct {
	*protecttest.Token
	err error
}

func (s strange) Unseal(context.Context, []byte) ([]byte, error) {
	return nil, fmt.Errorf("strange: %w", s.err)
}

// TestVaultOfAnotherDevice: a vault without data comes to a device that was never
// provisioned. It looks like provisioning that was interrupted, but the key store
// knows that the root is not its own; a fresh start needs somebody present.
func TestVaultOfAnotherDevice(t *testing.T) {
	ctx := t.Context()
	m := powercut.New()
	_, err := provision(ctx, m, token, few())
	require.NoError(t, err)
	dir, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	blank := func() *protecttest.Token { return protecttest.NewToken(powercut.New()) }
	for what, c := range map[string]struct {
		keys protect.KeyStore
		want error
	}{
		"blank":           {blank(), protect.ErrLost},
		"of other fuses":  {strange{blank(), protect.ErrForeign}, protect.ErrForeign},
		"not answering":   {strange{blank(), protect.ErrUnavailable}, protect.ErrUnavailable},
		"its own, early":  {strange{blank(), protect.ErrPolicy}, protect.ErrMissing},
		"does not say so": {strange{blank(), protect.ErrTampered}, protect.ErrMissing},
	} {
		_, err = protect.Open(ctx, dir, c.keys, few())
		require.ErrorIs(t, err, c.want, what)
		if c.want != protect.ErrMissing {
			require.NotErrorIs(t, err, protect.ErrMissing, what)
			_, err = protect.Provision(ctx, dir, c.keys, few())
			require.ErrorIs(t, err, c.want, what)
		}
	}
	v, err := open(ctx, m, token, few())
	require.NoError(t, err, "its own device opens it")
	_, err = settingsOf(t, v).OpenLog(ctx, "events", nil)
	require.NoError(t, err)
	_, err = protect.Open(ctx, dir, strange{blank(), protect.ErrPolicy}, few())
	require.ErrorIs(t, err, protect.ErrLost, "what holds data was provisioned to its end")
}
