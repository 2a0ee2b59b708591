package protecttest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/protecttest"
)

func harness() protecttest.Harness {
	open := func(testing.TB) protect.KeyStore { return protecttest.NewToken(powercut.New()) }
	reopen := func(_ testing.TB, ks protect.KeyStore) protect.KeyStore {
		m := ks.(*protecttest.Token).Machine()
		m.Drop()
		return protecttest.NewToken(m)
	}
	return protecttest.Harness{
		Open: open, Other: open, Reopen: reopen,
		Interrupt: func(t testing.TB, ks protect.KeyStore, n int, act func()) (protect.KeyStore, bool) {
			m := ks.(*protecttest.Token).Machine()
			m.Cut(n)
			act()
			cut := m.Step("probe", "power") != nil
			return reopen(t, ks), cut
		},
		Abilities: protecttest.Abilities{SigningKeys: true, Counter: true, Revoker: true},
	}
}

func TestKeyStore(t *testing.T) { protecttest.TestKeyStore(t, harness()) }

func TestTokenFaults(t *testing.T) {
	m := powercut.New()
	token := protecttest.NewToken(m)
	blob, err := token.Seal(t.Context(), []byte("secret"))
	require.NoError(t, err)

	token.SetFault(&protect.LockoutError{RetryAfter: time.Minute})
	_, err = token.Unseal(t.Context(), blob)
	require.ErrorIs(t, err, protect.ErrUnavailable)
	var lockout *protect.LockoutError
	require.ErrorAs(t, err, &lockout)
	require.Equal(t, time.Minute, lockout.RetryAfter)

	token.SetFault(nil)
	_, err = token.Unseal(t.Context(), blob)
	require.NoError(t, err)

	require.NoError(t, token.Clear())
	_, err = token.Unseal(t.Context(), blob)
	require.ErrorIs(t, err, protect.ErrLost)
}

func TestTokenIsNotInTheImage(t *testing.T) {
	m := powercut.New()
	token := protecttest.NewToken(m)
	require.NoError(t, token.Advance(t.Context(), 1))
	m.Restore(powercut.Image{})
	gen, err := protecttest.NewToken(m).Generation(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 1, gen)
}
