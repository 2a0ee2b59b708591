package tpm_test

import (
	"bytes"
	"io/fs"
	"testing"

	"github.com/google/go-tpm/tpm2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/tpm"
	"github.com/iot-device-baseline/baseline/protect"
)

var secret = []byte("the root of a vault, of 32 bytes")

// extend measures something into a register, as a boot chain does.
func (d *device) extend(pcr int, what string) {
	d.t.Helper()
	digest := bytes.Repeat([]byte(what[:1]), 32)
	_, err := tpm2.PCRExtend{
		PCRHandle: tpm2.AuthHandle{Handle: tpm2.TPMHandle(pcr), Auth: tpm2.PasswordAuth(nil)},
		Digests:   tpm2.TPMLDigestValues{Digests: []tpm2.TPMTHA{{HashAlg: tpm2.TPMAlgSHA256, Digest: digest}}},
	}.Execute(d)
	require.NoError(d.t, err)
}

// A secret that is bound to registers opens for the software that was measured, and the
// error names the registers in which another one shows.
func TestRegisters(t *testing.T) {
	d := newDevice(t, &tpm.Options{PCRs: []int{7, 4, 16}}).on()
	keys := d.provision()
	_, err := keys.Seal(t.Context(), secret)
	require.ErrorIs(t, err, protect.ErrPolicy)
	require.ErrorContains(t, err, "nothing was measured into PCR 4")
	boot := func(what string) {
		d.extend(4, "loader")
		d.extend(7, what)
		d.extend(16, what)
	}
	boot("ours")
	blob, err := keys.Seal(t.Context(), secret)
	require.NoError(t, err)
	got, err := keys.Unseal(t.Context(), blob)
	require.NoError(t, err)
	require.Equal(t, secret, got)
	for range 10 { // more than there are sessions
		d.off()
		d.on()
		boot("theirs")
		_, err = d.mustOpen().Unseal(t.Context(), blob)
		require.ErrorIs(t, err, protect.ErrPolicy)
		require.ErrorContains(t, err, "PCRs [7 16] differ")
	}
	d.off()
	d.on()
	boot("ours")
	keys = d.mustOpen()
	got, err = keys.Unseal(t.Context(), blob)
	require.NoError(t, err)
	require.Equal(t, secret, got)
	assert.Equal(t, "this TPM, and what was measured into PCRs [7 4 16]", keys.Info().BoundTo)
}

// The power fails before each command of Provision: it can be done again, and what it
// then has works.
func TestProvisionIsCut(t *testing.T) {
	for n := range 100 {
		d := newDevice(t, nil).on()
		d.left = n
		_, err := tpm.Provision(t.Context(), d, d.dir, nil)
		if err == nil {
			require.Equal(t, 22, n, "commands")
			return
		}
		require.ErrorIs(t, err, protect.ErrUnavailable, "%d", n)
		d.off()
		d.on()
		_, err = d.open()
		require.ErrorIs(t, err, protect.ErrMissing, "%d", n)
		d.off()
		d.on()
		keys, err := tpm.Provision(t.Context(), d, d.dir, nil)
		require.NoError(t, err, "%d", n)
		blob, err := keys.Seal(t.Context(), secret)
		require.NoError(t, err)
		require.NoError(t, keys.Advance(t.Context(), 1))
		_, err = keys.Unseal(t.Context(), blob)
		require.ErrorIs(t, err, protect.ErrRollback)
		_, err = tpm.Provision(t.Context(), d, d.dir, nil)
		require.ErrorIs(t, err, fs.ErrExist, "once")
		d.off()
	}
	t.Fatal("Provision does not end")
}

// Every way in which the TPM is not the one that it was.
func TestAnotherTPM(t *testing.T) {
	owner := func() tpm2.AuthHandle {
		return tpm2.AuthHandle{Handle: tpm2.TPMRHOwner, Auth: tpm2.PasswordAuth(nil)}
	}
	named := func(d *device, handle tpm2.TPMHandle) tpm2.NamedHandle {
		r, err := tpm2.NVReadPublic{NVIndex: handle}.Execute(d)
		require.NoError(t, err)
		return tpm2.NamedHandle{Handle: handle, Name: r.NVName}
	}
	const epoch, count = tpm2.TPMHandle(0x01800B5E), tpm2.TPMHandle(0x01800B5F)
	undefine := func(d *device, handle tpm2.TPMHandle) {
		_, err := tpm2.NVUndefineSpace{AuthHandle: owner(), NVIndex: named(d, handle)}.Execute(d)
		require.NoError(t, err)
	}
	define := func(d *device, handle tpm2.TPMHandle, a tpm2.TPMANV) {
		_, err := tpm2.NVDefineSpace{AuthHandle: owner(), Auth: tpm2.TPM2BAuth{Buffer: []byte("stranger")},
			PublicInfo: tpm2.New2B(tpm2.TPMSNVPublic{NVIndex: handle, NameAlg: tpm2.TPMAlgSHA256, DataSize: 8, Attributes: a})}.Execute(d)
		require.NoError(t, err)
		i := named(d, handle)
		if a.NT == tpm2.TPMNTCounter {
			_, err = tpm2.NVIncrement{AuthHandle: tpm2.AuthHandle{Handle: handle, Name: i.Name, Auth: tpm2.PasswordAuth([]byte("stranger"))}, NVIndex: i}.Execute(d)
		} else {
			_, err = tpm2.NVWrite{AuthHandle: tpm2.AuthHandle{Handle: handle, Name: i.Name, Auth: tpm2.PasswordAuth([]byte("stranger"))}, NVIndex: i,
				Data: tpm2.TPM2BMaxNVBuffer{Buffer: []byte{0, 0, 0, 0, 0, 0, 0, 1}}}.Execute(d)
		}
		require.NoError(t, err)
	}
	ofEpoch := tpm2.TPMANV{OwnerRead: true, AuthRead: true, AuthWrite: true, NT: tpm2.TPMNTCounter, NoDA: true}
	for name, tt := range map[string]struct {
		change func(d *device)
		open   error
	}{
		"cleared": {func(d *device) {
			_, err := tpm2.Clear{AuthHandle: tpm2.AuthHandle{Handle: tpm2.TPMRHLockout, Auth: tpm2.PasswordAuth(nil)}}.Execute(d)
			require.NoError(t, err)
		}, protect.ErrLost},
		"another TPM in its place": {func(d *device) { d.off(); d.state = t.TempDir(); d.on() }, protect.ErrLost},
		"epoch gone":               {func(d *device) { undefine(d, epoch) }, protect.ErrLost},
		"count gone":               {func(d *device) { undefine(d, count) }, protect.ErrLost},
		"destroyed":                {func(d *device) { require.NoError(t, tpm.Destroy(t.Context(), d, nil)) }, protect.ErrLost},
		"another index at its handle": {func(d *device) {
			undefine(d, epoch)
			define(d, epoch, tpm2.TPMANV{OwnerRead: true, AuthWrite: true, NT: tpm2.TPMNTOrdinary, NoDA: true})
		}, protect.ErrForeign},
		// Its name is the same; but a TPM never counts back.
		"the same index again": {func(d *device) { undefine(d, epoch); define(d, epoch, ofEpoch) }, protect.ErrForeign},
		"stepped by the owner of another auth": {func(d *device) {
			undefine(d, count)
			define(d, count, tpm2.TPMANV{AuthRead: true, AuthWrite: true, NT: tpm2.TPMNTCounter, NoDA: true})
		}, protect.ErrForeign},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDevice(t, nil).on()
			d.provision()
			d.off()
			d.on()
			tt.change(d)
			_, err := d.open()
			require.ErrorIs(t, err, tt.open)
		})
	}
}

// After Destroy the device can be provisioned anew, and opens nothing of before.
func TestDestroyed(t *testing.T) {
	d := newDevice(t, nil).on()
	keys := d.provision()
	require.NoError(t, keys.Advance(t.Context(), 1))
	require.NoError(t, keys.Advance(t.Context(), 2))
	blob, err := keys.SealFor(t.Context(), 3, secret) // the counter begins again there, were it not for Destroy
	require.NoError(t, err)
	require.NoError(t, tpm.Destroy(t.Context(), d, nil))
	require.NoError(t, tpm.Destroy(t.Context(), d, nil), "again")
	require.NoError(t, d.dir.Delete(t.Context(), "tpm"))
	keys = d.provision()
	_, err = keys.Unseal(t.Context(), blob)
	require.ErrorIs(t, err, protect.ErrRollback)
	require.NoError(t, d.dir.Delete(t.Context(), "tpm"))
	_, err = tpm.Provision(t.Context(), d, d.dir, nil)
	require.ErrorIs(t, err, protect.ErrForeign, "the counters of another life")
}
