package tpm_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"testing"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/tpm"
	"github.com/iot-device-baseline/baseline/protect"
)

// tap keeps what crosses the bus.
type tap struct {
	*device
	bus bytes.Buffer
}

func (p *tap) Send(input []byte) ([]byte, error) {
	p.bus.Write(input)
	out, err := p.device.Send(input)
	p.bus.Write(out)
	return out, err
}

// Nothing secret crosses the bus in clear, either way.
func TestBus(t *testing.T) {
	d := newDevice(t, nil).on()
	p := &tap{device: d}
	keys, err := tpm.Provision(t.Context(), p, d.dir, nil)
	require.NoError(t, err)
	blob, err := keys.Seal(t.Context(), secret)
	require.NoError(t, err)
	got, err := keys.Unseal(t.Context(), blob)
	require.NoError(t, err)
	require.Equal(t, secret, got)
	require.Greater(t, p.bus.Len(), 4000)
	require.False(t, bytes.Contains(p.bus.Bytes(), secret), "in clear on the bus")
	// The taps of this test do see what is in clear.
	plain := tpm2.TPM2BSensitiveCreate{Sensitive: &tpm2.TPMSSensitiveCreate{Data: tpm2.NewTPMUSensitiveCreate(&tpm2.TPM2BSensitiveData{Buffer: secret})}}
	parent, err := tpm2.CreatePrimary{PrimaryHandle: tpm2.TPMRHOwner, InPublic: tpm2.New2B(tpm2.ECCSRKTemplate)}.Execute(p)
	require.NoError(t, err)
	_, err = tpm2.Create{ParentHandle: tpm2.NamedHandle{Handle: parent.ObjectHandle, Name: parent.Name}, InSensitive: plain, InPublic: tpm2.New2B(tpm2.TPMTPublic{
		Type: tpm2.TPMAlgKeyedHash, NameAlg: tpm2.TPMAlgSHA256, ObjectAttributes: tpm2.TPMAObject{FixedTPM: true, FixedParent: true, UserWithAuth: true},
	})}.Execute(p)
	require.NoError(t, err)
	require.True(t, bytes.Contains(p.bus.Bytes(), secret))
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		require.Equal(t, "tpm.Keys", fmt.Sprintf(format, keys))
	}
}

// The owner's auth is used wherever the owner is asked, and a wrong one is told.
func TestOwnerAuth(t *testing.T) {
	auth := []byte("owner of the plant")
	d := newDevice(t, &tpm.Options{OwnerAuth: auth}).on()
	_, err := tpm2.HierarchyChangeAuth{AuthHandle: tpm2.AuthHandle{Handle: tpm2.TPMRHOwner, Auth: tpm2.PasswordAuth(nil)}, NewAuth: tpm2.TPM2BAuth{Buffer: auth}}.Execute(d)
	require.NoError(t, err)
	keys := d.provision()
	blob, err := keys.Seal(t.Context(), secret)
	require.NoError(t, err)
	_, err = keys.Unseal(t.Context(), blob)
	require.NoError(t, err)
	d.off()
	d.on().opts = nil
	_, err = d.open()
	require.ErrorIs(t, err, protect.ErrForeign)
	require.ErrorContains(t, err, "its auth value is another")
	d.off()
	d.on()
	require.NoError(t, tpm.Destroy(t.Context(), d, &tpm.Options{OwnerAuth: auth}))
}

// mute answers when it is let.
type mute struct {
	transport.TPMCloser
	let chan struct{}
}

func (m mute) Send(input []byte) ([]byte, error) {
	<-m.let
	return m.TPMCloser.Send(input)
}

// A TPM that does not answer holds up nobody beyond his context; when it answers, the
// call that was left cleans up after itself, and the next one works.
func TestNoAnswer(t *testing.T) {
	d := newDevice(t, nil).on()
	d.provision()
	d.off()
	d.on()
	let := make(chan struct{}, 1000)
	for range 500 {
		let <- struct{}{}
	}
	keys, err := tpm.Open(t.Context(), mute{d, let}, d.dir, &tpm.Options{Timeout: time.Millisecond})
	require.NoError(t, err)
	blob, err := keys.Seal(t.Context(), secret)
	require.NoError(t, err)
	raw, err := keys.CreateKey(t.Context(), protect.ECDSAP256)
	require.NoError(t, err)
	for len(let) > 0 {
		<-let
	}
	for range 4 { // of which three would fill the TPM
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		_, err = keys.Unseal(ctx, blob)
		cancel()
		require.ErrorIs(t, err, protect.ErrUnavailable)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	}
	for range 900 {
		let <- struct{}{}
	}
	got, err := keys.Unseal(t.Context(), blob)
	require.NoError(t, err)
	require.Equal(t, secret, got)
	_, err = keys.OpenKey(t.Context(), raw)
	require.NoError(t, err)
	require.NoError(t, keys.Close())
	require.NoError(t, keys.Close())
}

func TestOptions(t *testing.T) {
	d := newDevice(t, nil).on()
	for name, opts := range map[string]*tpm.Options{
		"PCR too high": {PCRs: []int{24}}, "PCR twice": {PCRs: []int{7, 7}}, "negative PCR": {PCRs: []int{-1}},
		"one index": {Epoch: 0x01800001, Count: 0x01800001}, "not an index": {Epoch: 0x81000001},
		"name": {Record: "../x"}, "time-out": {Timeout: -1}, "zero byte": {OwnerAuth: []byte{1, 0, 1}},
	} {
		_, err := tpm.Open(t.Context(), d, d.dir, opts)
		require.ErrorIs(t, err, fs.ErrInvalid, name)
	}
	_, err := tpm.Open(t.Context(), nil, d.dir, nil)
	require.ErrorIs(t, err, fs.ErrInvalid)
	_, err = tpm.Open(t.Context(), d, nil, nil)
	require.ErrorIs(t, err, fs.ErrInvalid)
	_, err = d.open()
	require.ErrorIs(t, err, protect.ErrMissing)
}

// TestExchangedStorageKey: who stands on the bus shows another public part with the name
// that was pinned, so that sessions would be salted to him.
func TestExchangedStorageKey(t *testing.T) {
	d := newDevice(t, nil).on()
	primary, err := tpm2.CreatePrimary{PrimaryHandle: tpm2.TPMRHOwner, InPublic: tpm2.New2B(tpm2.ECCSRKTemplate)}.Execute(d)
	require.NoError(t, err)
	_, err = tpm2.EvictControl{Auth: tpm2.TPMRHOwner, ObjectHandle: &tpm2.NamedHandle{Handle: primary.ObjectHandle, Name: primary.Name}, PersistentHandle: 0x81000001}.Execute(d)
	require.NoError(t, err)
	blob, err := d.provision().Seal(t.Context(), secret)
	require.NoError(t, err)
	d.off()
	d.on()
	got, err := d.mustOpen().Unseal(t.Context(), blob)
	require.NoError(t, err, "the persistent key is found again")
	require.Equal(t, secret, got)
	d.off()
	d.on()
	_, err = tpm.Open(t.Context(), exchanging{d}, d.dir, nil)
	require.ErrorIs(t, err, protect.ErrForeign)
	require.ErrorContains(t, err, "the name of the storage key is not its own")
}

// exchanging changes a bit of the attributes in what ReadPublic answers.
type exchanging struct{ *device }

func (e exchanging) Send(input []byte) ([]byte, error) {
	out, err := e.device.Send(input)
	if err == nil && bytes.Equal(input[6:10], []byte{0, 0, 1, 0x73}) && len(out) > 18 {
		out[18] ^= 4
	}
	return out, err
}

// What follows a part of a blob, with its length, is no blob of ours.
func TestLongerPart(t *testing.T) {
	keys := newDevice(t, nil).on().provision()
	blob, err := keys.Seal(t.Context(), secret)
	require.NoError(t, err)
	at := 18 // after magic, version, kind, epoch, mask
	at += 2 + int(blob[at])<<8 + int(blob[at+1])
	blob[at+1]++ // of the length of the private part
	_, err = keys.Unseal(t.Context(), append(blob, 0))
	require.ErrorIs(t, err, protect.ErrTampered)
}
