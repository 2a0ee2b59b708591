package tpm_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"io/fs"
	"maps"
	"testing"

	"github.com/google/go-tpm/tpm2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/tpm"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/protecttest"
)

func vendorKey(t testing.TB) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

// release returns what extend(pcr, what) leads to.
func release(what map[int]string) map[int][32]byte {
	pcrs := map[int][32]byte{}
	for pcr, name := range what {
		pcrs[pcr] = sha256.Sum256(append(make([]byte, 32), bytes.Repeat([]byte(name[:1]), 32)...))
	}
	return pcrs
}

func approve(t testing.TB, key *ecdsa.PrivateKey, product string, pcrs map[int][32]byte) []byte {
	a, err := tpm.Approve(key, product, pcrs)
	require.NoError(t, err)
	return a
}

// restart starts the device with a release: what it measures, and what the vendor has
// approved of.
func (d *device) restart(what map[int]string, approvals ...[]byte) {
	d.off()
	d.on()
	for pcr, name := range what {
		d.extend(pcr, name)
	}
	opts := *d.opts
	vendor := *opts.Vendor
	vendor.Approvals = approvals
	opts.Vendor = &vendor
	d.opts = &opts
}

// What was sealed before an update opens after it, since the vendor has approved of it;
// for whatever else was started, the error says which registers show it.
func TestApproved(t *testing.T) {
	key := vendorKey(t)
	one, two, three := map[int]string{7: "keys", 11: "1.0"}, map[int]string{7: "keys", 11: "2.0"}, map[int]string{7: "keys", 11: "3.0"}
	first, second := approve(t, key, "gateway", release(one)), approve(t, key, "gateway", release(two))
	d := newDevice(t, &tpm.Options{PCRs: []int{7, 11}, Vendor: &tpm.Vendor{Key: &key.PublicKey, Product: "gateway"}})
	ctx := somebody(t)

	d.restart(one)
	_, err := d.provision().Seal(ctx, secret)
	require.ErrorIs(t, err, protect.ErrPolicy, "it would not open")
	d.restart(one, first)
	keys := d.mustOpen()
	assert.Equal(t, "this TPM, and software whose measures in PCRs [7 11] the vendor signed", keys.Info().BoundTo)
	blob, err := keys.Seal(ctx, secret)
	require.NoError(t, err)
	v, err := protect.Provision(ctx, d.dir, keys, nil)
	require.NoError(t, err)
	v.Guard(allow{})
	write(t, v, "alice")
	write(t, v, "bob")

	d.restart(two, first, second)
	v, err = d.vault(ctx)
	require.NoError(t, err, "the update took nothing away")
	letter, err := read(ctx, v, "alice")
	require.NoError(t, err)
	assert.Equal(t, "of alice", letter)
	_, err = v.Erase(ctx, "alice")
	require.NoError(t, err)
	d.restart(two, first, second)
	v, err = d.vault(ctx)
	require.NoError(t, err)
	_, err = read(ctx, v, "alice")
	require.ErrorIs(t, err, protect.ErrMissing)
	keys = d.mustOpen()
	_, err = keys.Unseal(ctx, blob)
	require.ErrorIs(t, err, protect.ErrRollback, "it is of before the erasure")

	wrong := map[string][][]byte{
		"not approved of":   {first, second},
		"by somebody else":  {approve(t, vendorKey(t), "gateway", release(three))},
		"for another":       {approve(t, key, "camera", release(three))},
		"of fewer":          {approve(t, key, "gateway", release(map[int]string{11: "3.0"}))},
		"no approval":       {[]byte("btpa")},
		"signature changed": {flipped(approve(t, key, "gateway", release(three)), -1)},
		"values changed":    {exchanged(first, release(three)[11])},
	}
	for name, approvals := range wrong {
		d.restart(three, approvals...)
		_, err = d.vault(ctx)
		require.ErrorIs(t, err, protect.ErrPolicy, name)
		if name == "not approved of" {
			require.ErrorContains(t, err, "PCRs [11] differ")
		}
	}
	d.restart(three, approve(t, key, "gateway", release(three)))
	_, err = d.vault(ctx)
	require.NoError(t, err)
}

// flipped returns raw with a bit of the byte at i changed, from the end if i is below 0.
func flipped(raw []byte, i int) []byte {
	raw = bytes.Clone(raw)
	raw[(i+len(raw))%len(raw)] ^= 1
	return raw
}

// exchanged puts another value of the last register into an approval.
func exchanged(raw []byte, value [32]byte) []byte {
	raw = bytes.Clone(raw)
	copy(raw[len(raw)-64-32:], value[:])
	return raw
}

// The TPM itself refuses who brings a key of his own: with the connection he can do
// without our checks.
func TestOwnApprovalIsRefusedByTheTPM(t *testing.T) {
	key, theirs := vendorKey(t), vendorKey(t)
	boot := map[int]string{11: "1.0"}
	d := newDevice(t, &tpm.Options{PCRs: []int{11}, Vendor: &tpm.Vendor{Key: &key.PublicKey, Product: "gateway"}})
	d.restart(boot, approve(t, key, "gateway", release(boot)))
	blob, err := d.provision().Seal(t.Context(), secret)
	require.NoError(t, err)
	d.restart(map[int]string{11: "x"})
	for who, by := range map[string]*ecdsa.PrivateKey{"his own": theirs, "the vendor's": key} {
		// The attacker approves of what runs, or says that the vendor has.
		code := d.unsealRaw(blob, by, approve(t, theirs, "gateway", release(map[int]string{11: "x"})))
		want := map[string]tpm2.TPMRC{"his own": tpm2.TPMRCPolicyFail, "the vendor's": tpm2.TPMRCSignature}[who]
		require.ErrorIs(t, code, want, who)
	}
	require.NoError(t, d.unsealRaw(blob, key, approve(t, key, "gateway", release(map[int]string{11: "x"}))), "the control")
}

// unsealRaw does what Unseal does, with an approval that is said to be by key, and without
// any check.
func (d *device) unsealRaw(blob []byte, by *ecdsa.PrivateKey, approval []byte) error {
	rest := blob[18:]
	part := func() []byte {
		n := int(binary.BigEndian.Uint16(rest))
		out := rest[:2+n]
		rest = rest[2+n:]
		return out[2:]
	}
	public, err := tpm2.Unmarshal[tpm2.TPM2BPublic](part())
	require.NoError(d.t, err)
	private, err := tpm2.Unmarshal[tpm2.TPM2BPrivate](part())
	require.NoError(d.t, err)
	parent, err := tpm2.CreatePrimary{PrimaryHandle: tpm2.TPMRHOwner, InPublic: tpm2.New2B(tpm2.ECCSRKTemplate)}.Execute(d)
	require.NoError(d.t, err)
	defer tpm2.FlushContext{FlushHandle: parent.ObjectHandle}.Execute(d)
	object, err := tpm2.Load{ParentHandle: tpm2.NamedHandle{Handle: parent.ObjectHandle, Name: parent.Name}, InPrivate: *private, InPublic: *public}.Execute(d)
	require.NoError(d.t, err)
	defer tpm2.FlushContext{FlushHandle: object.ObjectHandle}.Execute(d)
	session, end, err := tpm2.PolicySession(d, tpm2.TPMAlgSHA256, 16)
	require.NoError(d.t, err)
	defer func() { _ = end() }()
	nv, err := tpm2.NVReadPublic{NVIndex: tpm2.TPMHandle(0x01800B5E)}.Execute(d)
	require.NoError(d.t, err)
	if err := tpm.PlayApproval(d, session.Handle(), &tpm.Vendor{Key: &by.PublicKey, Product: "gateway"}, approval); err != nil {
		return err
	}
	_, err = tpm2.PolicyNV{
		AuthHandle: tpm2.AuthHandle{Handle: tpm2.TPMRHOwner, Auth: tpm2.PasswordAuth(nil)}, NVIndex: tpm2.NamedHandle{Handle: 0x01800B5E, Name: nv.NVName},
		PolicySession: session.Handle(), OperandB: tpm2.TPM2BOperand{Buffer: blob[6:14]}, Operation: tpm2.TPMEOEq,
	}.Execute(d)
	require.NoError(d.t, err)
	_, err = tpm2.Unseal{ItemHandle: tpm2.AuthHandle{Handle: object.ObjectHandle, Name: object.Name, Auth: session}}.Execute(d)
	return err
}

// The rules of a key store hold for what the vendor approves of, too.
func TestKitApproved(t *testing.T) {
	key := vendorKey(t)
	boot := map[int]string{11: "1.0"}
	f := &fleet{
		devices: map[protect.KeyStore]*device{}, boot: func(d *device) { d.extend(11, boot[11]) },
		opts: &tpm.Options{PCRs: []int{11}, Vendor: &tpm.Vendor{
			Key: &key.PublicKey, Product: "gateway", Approvals: [][]byte{approve(t, key, "gateway", release(boot))},
		}},
	}
	protecttest.TestKeyStore(t, f.harness())
}

func TestApproveRefuses(t *testing.T) {
	key, good := vendorKey(t), release(map[int]string{7: "keys"})
	_, other, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	long, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	with := func(pcr int, value [32]byte) map[int][32]byte {
		m := maps.Clone(good)
		m[pcr] = value
		return m
	}
	ones := [32]byte(bytes.Repeat([]byte{0xFF}, 32))
	for name, do := range map[string]func() ([]byte, error){
		"no PCR":       func() ([]byte, error) { return tpm.Approve(key, "gateway", nil) },
		"PCR too high": func() ([]byte, error) { return tpm.Approve(key, "gateway", with(24, good[7])) },
		"zeros":        func() ([]byte, error) { return tpm.Approve(key, "gateway", with(8, [32]byte{})) },
		"ones":         func() ([]byte, error) { return tpm.Approve(key, "gateway", with(8, ones)) },
		"no product":   func() ([]byte, error) { return tpm.Approve(key, "", good) },
		"Ed25519":      func() ([]byte, error) { return tpm.Approve(other, "gateway", good) },
		"P-384":        func() ([]byte, error) { return tpm.Approve(long, "gateway", good) },
	} {
		_, err := do()
		require.ErrorIs(t, err, fs.ErrInvalid, name)
	}
	d := newDevice(t, nil).on()
	for name, opts := range map[string]*tpm.Options{
		"no key": {PCRs: []int{7}, Vendor: &tpm.Vendor{Product: "x"}}, "no PCRs": {Vendor: &tpm.Vendor{Key: &key.PublicKey, Product: "x"}},
		"no product": {PCRs: []int{7}, Vendor: &tpm.Vendor{Key: &key.PublicKey}},
		"too many":   {PCRs: []int{7}, Vendor: &tpm.Vendor{Key: &key.PublicKey, Product: "x", Approvals: make([][]byte, 65)}},
	} {
		_, err := tpm.Open(t.Context(), d, d.dir, opts)
		require.ErrorIs(t, err, fs.ErrInvalid, name)
	}
}
