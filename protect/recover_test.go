package protect_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/protecttest"
)

// outside is who can open what is escrowed: here by remembering it. Package
// protect/recovery does it by HPKE.
type outside struct {
	byID map[string][]byte
	err  error
}

func (o *outside) seal(info, secret []byte) ([]byte, error) {
	if o.err != nil {
		return nil, o.err
	}
	name := fmt.Sprintf("sealed %d", len(o.byID))
	o.byID[name+string(info)] = bytes.Clone(secret)
	return []byte(name), nil
}

func (o *outside) open(r *protect.Recovery) []byte {
	return bytes.Clone(o.byID[string(r.Sealed)+string(r.Info)])
}

func newOutside() *outside { return &outside{byID: map[string][]byte{}} }

func (o *outside) options() *protect.Options {
	opts := smallest()
	opts.Escrow, opts.Presence = o.seal, presence{}
	return opts
}

func lose(t testing.TB, m *powercut.Machine) {
	require.NoError(t, protecttest.NewToken(m).Clear())
}

// recoverVault does what a device does that has the answer of who can open its recovery.
func recoverVault(ctx context.Context, m *powercut.Machine, o *outside) (*protect.Vault, error) {
	return begin(ctx, m, token, o.options(), func(ctx context.Context, dir *durable.Dir, keys protect.KeyStore, opts *protect.Options) (*protect.Vault, error) {
		r, err := protect.ReadRecovery(ctx, dir)
		if err != nil {
			return nil, err
		}
		return protect.Recover(ctx, dir, keys, opts, r, o.open(r))
	})
}

func TestRecover(t *testing.T) {
	ctx := somebody(t.Context())
	o, m := newOutside(), powercut.New()
	require.NoError(t, lived(ctx, m, token, o.options()))
	v, err := open(ctx, m, token, o.options())
	require.NoError(t, err)
	require.NoError(t, v.Health(ctx))
	require.Equal(t, 3, v.Report(ctx).Escrowed)
	for _, secret := range o.byID {
		require.LessOrEqual(t, len(secret), 3*33, "keys of settings, identity and security, and no other")
	}
	_, err = recoverVault(ctx, m, o)
	require.ErrorIs(t, err, fs.ErrExist, "it opens")

	lose(t, m)
	_, err = open(ctx, m, token, o.options())
	require.ErrorIs(t, err, protect.ErrLost)
	v, err = recoverVault(ctx, m, o)
	require.NoError(t, err)
	for range 2 {
		text, err := logged(ctx, v)
		require.NoError(t, err)
		require.Equal(t, "settings : network/wifi=canary-passphrase; identity :; security :; logs :; application :; floor :; log 3=changed chan 4=changed chan", text)
		r := v.Report(ctx)
		require.Equal(t, uint32(1), r.Recovered)
		require.Zero(t, r.Inherited)
		require.Contains(t, r.String(), "recovered 1 times")
		require.NoError(t, v.Health(ctx))
		v, err = open(ctx, m, token, o.options())
		require.NoError(t, err)
	}
	lose(t, m)
	v, err = recoverVault(ctx, m, o)
	require.NoError(t, err)
	require.Equal(t, uint32(2), v.Report(ctx).Recovered)
}

// What was erased is not in the recovery when that is acknowledged, and an older one of the
// same medium is refused. Receipts of what was ever covered say no more than is true.
func TestRecoveryHasNothingThatWasErased(t *testing.T) {
	ctx := somebody(t.Context())
	o, m := newOutside(), powercut.New()
	require.NoError(t, setUp(ctx, m, token, o.options()))
	v, err := open(ctx, m, token, o.options())
	require.NoError(t, err)
	dir, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	before, err := protect.ReadRecovery(ctx, dir)
	require.NoError(t, err)
	method, err := v.Erase(ctx, "alice")
	require.NoError(t, err)
	require.Equal(t, protect.MethodPurge, method, "persons are never in it")
	method, err = v.EraseClasses(ctx, reset(), protect.ClassSettings)
	require.NoError(t, err)
	require.Equal(t, protect.MethodClear, method)

	lose(t, m)
	_, err = begin(ctx, m, token, o.options(), func(ctx context.Context, dir *durable.Dir, keys protect.KeyStore, opts *protect.Options) (*protect.Vault, error) {
		return protect.Recover(ctx, dir, keys, opts, before, o.open(before))
	})
	require.ErrorIs(t, err, protect.ErrForeign, "the request was for another state")
	v, err = recoverVault(ctx, m, o)
	require.NoError(t, err)
	text, err := content(ctx, v)
	require.NoError(t, err)
	require.NotContains(t, text, "canary")
	require.NotContains(t, text, "alice")
}

// A key store without abilities can be lost and recovered, too.
func TestRecoverOverAPlainKeyStore(t *testing.T) {
	ctx := somebody(t.Context())
	o, m := newOutside(), powercut.New()
	require.NoError(t, lived(ctx, m, plain, o.options()))
	for n := range uint32(3) {
		lose(t, m)
		_, err := open(ctx, m, plain, o.options())
		require.ErrorIs(t, err, protect.ErrLost)
		_, err = begin(ctx, m, plain, o.options(), func(ctx context.Context, dir *durable.Dir, keys protect.KeyStore, opts *protect.Options) (*protect.Vault, error) {
			r, err := protect.ReadRecovery(ctx, dir)
			require.NoError(t, err)
			return protect.Recover(ctx, dir, keys, opts, r, o.open(r))
		})
		require.NoError(t, err)
		v, err := open(ctx, m, plain, o.options())
		require.NoError(t, err)
		text, err := logged(ctx, v)
		require.NoError(t, err)
		require.Contains(t, text, "network/wifi=canary-passphrase")
		require.Contains(t, text, "log 3=changed")
		require.Equal(t, n+1, v.Report(ctx).Recovered)
		require.Zero(t, v.Report(ctx).Inherited)
	}
}

func TestRecoverRefuses(t *testing.T) {
	ctx := somebody(t.Context())
	o, m := newOutside(), powercut.New()
	require.NoError(t, setUp(ctx, m, token, o.options()))
	lose(t, m)
	try := func(store keyStore, change func(opts *protect.Options, r *protect.Recovery, secret []byte)) error {
		_, err := begin(ctx, m, store, o.options(), func(ctx context.Context, dir *durable.Dir, keys protect.KeyStore, opts *protect.Options) (*protect.Vault, error) {
			r, err := protect.ReadRecovery(ctx, dir)
			require.NoError(t, err)
			secret := o.open(r)
			change(opts, r, secret)
			return protect.Recover(ctx, dir, keys, opts, r, secret)
		})
		return err
	}
	require.ErrorIs(t, try(token, func(opts *protect.Options, _ *protect.Recovery, _ []byte) { opts.Presence = nil }), fs.ErrInvalid)
	require.ErrorContains(t, try(token, func(opts *protect.Options, _ *protect.Recovery, _ []byte) {
		opts.Presence = presence{err: errors.New("nobody there")}
	}), "nobody there")
	for i := range 66 {
		require.ErrorIs(t, try(token, func(_ *protect.Options, _ *protect.Recovery, secret []byte) { secret[i] ^= 1 }), protect.ErrTampered)
	}
	require.ErrorIs(t, try(token, func(_ *protect.Options, r *protect.Recovery, _ []byte) { r.State[3] ^= 1 }), protect.ErrForeign)
	require.ErrorIs(t, try(software, func(*protect.Options, *protect.Recovery, []byte) {}), protect.ErrForeign, "hardware was lost, software takes no place")
	require.NoError(t, try(token, func(*protect.Options, *protect.Recovery, []byte) {}))
}

// An escrow that fails keeps nothing else from working, and leaves none that is too old.
func TestEscrowFails(t *testing.T) {
	ctx := somebody(t.Context())
	o, m := newOutside(), powercut.New()
	require.NoError(t, setUp(ctx, m, token, o.options()))
	v, err := open(ctx, m, token, o.options())
	require.NoError(t, err)
	o.err = errors.New("no entropy")
	_, err = v.EraseClasses(ctx, reset(), protect.ClassSettings)
	require.NoError(t, err)
	require.ErrorContains(t, v.Health(ctx), "no entropy")
	dir, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	_, err = protect.ReadRecovery(ctx, dir)
	require.ErrorIs(t, err, protect.ErrMissing)
	o.err = nil
	v, err = open(ctx, m, token, o.options())
	require.NoError(t, err)
	require.NoError(t, v.Health(ctx))
	_, err = protect.ReadRecovery(ctx, dir)
	require.NoError(t, err)
	// Without the option the next generation has none.
	v, err = open(ctx, m, token, smallest())
	require.NoError(t, err)
	require.NoError(t, v.Rotate(ctx))
	_, err = protect.ReadRecovery(ctx, dir)
	require.ErrorIs(t, err, protect.ErrMissing)
	require.Equal(t, 2, v.Report(ctx).Escrowed, "for good, but for the settings, which are gone")
}

// A vault gets a recovery later in its life, also one over a key store without abilities.
func TestEscrowLater(t *testing.T) {
	for name, store := range stores() {
		t.Run(name, func(t *testing.T) {
			ctx := somebody(t.Context())
			o := newOutside()
			m, _ := device(t, store, smallest())
			v, err := open(ctx, m, store, o.options())
			require.NoError(t, err)
			require.NoError(t, v.Health(ctx))
			require.Equal(t, 3, v.Report(ctx).Escrowed)
			require.Len(t, o.byID, 1)
			v, err = open(ctx, m, store, o.options())
			require.NoError(t, err)
			require.Equal(t, 3, v.Report(ctx).Escrowed)
			require.Len(t, o.byID, 1, "it is right")
		})
	}
}

// recoverOps: erasing a covered class, making it again, and coming back.
func recoverOps() []powercut.Op {
	o := newOutside()
	tellRecovered := func(ctx context.Context, m *powercut.Machine) (string, error) {
		v, err := open(ctx, m, token, o.options())
		if errors.Is(err, protect.ErrLost) || errors.Is(err, protect.ErrTampered) {
			return "lost", nil
		}
		if err != nil {
			return "", err
		}
		if err := v.Health(ctx); err != nil {
			return "", err
		}
		text, err := content(ctx, v)
		return text + recoverable(ctx, m, o), err
	}
	doing := func(fn func(ctx context.Context, v *protect.Vault) error) func(context.Context, *powercut.Machine) error {
		return func(ctx context.Context, m *powercut.Machine) error {
			ctx = somebody(ctx)
			v, err := open(ctx, m, token, o.options())
			if err != nil {
				return err
			}
			return m.Attempt(func() error { return fn(ctx, v) })
		}
	}
	before := func(ctx context.Context, m *powercut.Machine) error {
		return setUp(somebody(ctx), m, token, o.options())
	}
	return []powercut.Op{{
		Name: "escrowed-erase", Methods: []string{"Vault.EraseClasses", "Vault.Compartment"}, Before: before, State: tellRecovered,
		Do: doing(func(ctx context.Context, v *protect.Vault) error {
			_, err := v.EraseClasses(ctx, reset(), protect.ClassSettings)
			return err
		}),
	}, {
		Name: "recover", Methods: []string{"Recover"}, State: tellRecovered,
		Before: func(ctx context.Context, m *powercut.Machine) error {
			return errors.Join(before(ctx, m), protecttest.NewToken(m).Clear())
		},
		Do: func(ctx context.Context, m *powercut.Machine) error {
			return m.Attempt(func() error {
				if v, err := open(ctx, m, token, o.options()); err == nil { // which is only to be encrypted anew
					return v.Renew(ctx)
				}
				_, err := recoverVault(somebody(ctx), m, o)
				return err
			})
		},
	}}
}

// recoverable says what a machine's recovery would bring back if its token was lost now.
func recoverable(ctx context.Context, m *powercut.Machine, o *outside) string {
	m = m.Clone()
	if err := protecttest.NewToken(m).Clear(); err != nil {
		return err.Error()
	}
	v, err := recoverVault(ctx, m, o)
	if err != nil {
		return err.Error()
	}
	text, err := content(ctx, v)
	return fmt.Sprint("; recovered: ", text, err)
}
