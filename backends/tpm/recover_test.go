package tpm_test

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/hpke"
	"testing"

	"github.com/google/go-tpm/tpm2"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/softkeys"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/recovery"
)

type pressed struct{}

func (pressed) Prove(context.Context, []byte) error { return nil }

// TestRecoverAClearedTPM is the procedure of a device whose TPM was cleared, from end to
// end: it is lost, it asks, the bench answers, somebody is present, and it has its settings
// and a vault over the TPM again. Of what was erased before nothing comes back, and no
// image opens.
func TestRecoverAClearedTPM(t *testing.T) {
	ctx := somebody(t)
	recipient, err := hpke.MLKEM768X25519().GenerateKey()
	require.NoError(t, err)
	public, authority, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	opts := &protect.Options{Escrow: recovery.Escrow(recipient.PublicKey()), Presence: pressed{}}
	d := newDevice(t, nil).on()
	v, err := protect.Provision(ctx, d.dir, d.provision(), opts)
	require.NoError(t, err)
	v.Guard(allow{})
	settings, err := v.Compartment(ctx, protect.ClassSettings)
	require.NoError(t, err)
	require.NoError(t, settings.Put(ctx, "network/wifi", []byte("passphrase")))
	identity, err := v.Compartment(ctx, protect.ClassIdentity)
	require.NoError(t, err)
	require.NoError(t, identity.Put(ctx, "name", []byte("of the old owner")))
	write(t, v, "alice")
	method, err := v.EraseClasses(ctx, protect.Authority{Permission: "reset.request", Resource: "transfer"}, protect.ClassIdentity)
	require.NoError(t, err)
	require.Equal(t, protect.MethodClear, method, "it was escrowed")
	sealed := blobs(t, d.medium)

	_, err = tpm2.Clear{AuthHandle: tpm2.AuthHandle{Handle: tpm2.TPMRHLockout, Auth: tpm2.PasswordAuth(nil)}}.Execute(d)
	require.NoError(t, err)
	_, err = d.open()
	require.ErrorIs(t, err, protect.ErrLost)

	d.off()
	d.on()
	require.NoError(t, d.dir.Delete(ctx, "tpm")) // with somebody present: the key store begins anew
	keys := d.provision()
	_, err = protect.Open(ctx, d.dir, keys, opts)
	require.ErrorIs(t, err, protect.ErrLost, "and is not that of the vault")
	asked, err := recovery.Ask(ctx, d.dir)
	require.NoError(t, err)
	request, err := recovery.ParseRequest(asked.Request())
	require.NoError(t, err)
	answer, err := request.Answer(recipient, authority)
	require.NoError(t, err)
	_, err = asked.Recover(ctx, d.dir, keys, opts, answer, recovery.Authorities{Keys: []crypto.PublicKey{public}})
	require.NoError(t, err)

	d.off()
	d.on()
	keys = d.mustOpen()
	v, err = protect.Open(ctx, d.dir, keys, opts)
	require.NoError(t, err)
	settings, err = v.Compartment(ctx, protect.ClassSettings)
	require.NoError(t, err)
	value, err := settings.Get(ctx, "network/wifi")
	require.NoError(t, err)
	require.Equal(t, "passphrase", string(value))
	names, err := mustCompartment(ctx, t, v, protect.ClassIdentity).List(ctx, "")
	require.NoError(t, err)
	require.Empty(t, names)
	_, err = read(ctx, v, "alice")
	require.ErrorIs(t, err, protect.ErrMissing)
	report := v.Report(ctx)
	require.Equal(t, protect.RollbackAnchored, report.Rollback)
	require.Equal(t, uint32(1), report.Recovered)
	require.Zero(t, report.Inherited)
	for _, blob := range sealed {
		_, err := keys.Unseal(ctx, blob)
		require.Error(t, err)
	}
}

func mustCompartment(ctx context.Context, t *testing.T, v *protect.Vault, class protect.Class) *protect.Compartment {
	c, err := v.Compartment(ctx, class)
	require.NoError(t, err)
	return c
}

// TestMigrateToATPM: a device with keys in software gets its TPM used by an update. Power
// fails before each command of the TPM; it ends over the TPM, with everything.
func TestMigrateToATPM(t *testing.T) {
	ctx := somebody(t)
	for n := 0; ; n++ {
		d := newDevice(t, nil).on()
		soft, err := softkeys.Open(ctx, d.dir, nil)
		require.NoError(t, err)
		v, err := protect.Provision(ctx, d.dir, soft, nil)
		require.NoError(t, err)
		write(t, v, "alice")
		require.NoError(t, v.Close())
		keys := d.provision()

		d.left = n
		_, err = protect.Migrate(ctx, d.dir, soft, keys, nil)
		cut := d.cmd == nil
		if !cut {
			require.NoError(t, err)
			require.Greater(t, n, 10, "commands")
		}
		d.off()
		d.on()
		soft, err = softkeys.Open(ctx, d.dir, nil)
		require.NoError(t, err)
		v, err = protect.Migrate(ctx, d.dir, soft, d.mustOpen(), nil)
		require.NoError(t, err, "cut before command %d", n)
		letter, err := read(ctx, v, "alice")
		require.NoError(t, err)
		require.Equal(t, "of alice", letter)
		require.Equal(t, "tpm", v.Report(ctx).KeyStore.Name)
		require.Zero(t, v.Report(ctx).Inherited)
		d.off()
		if !cut {
			t.Logf("commands=%d, each cut", n)
			return
		}
	}
}
