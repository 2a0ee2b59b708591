package tpm

import (
	"errors"
	"fmt"

	"github.com/google/go-tpm/tpm2"

	"github.com/iot-device-baseline/baseline/protect"
)

// storageKey is the parent of everything that is sealed.
type storageKey struct {
	handle    tpm2.TPMHandle
	name      tpm2.TPM2BName
	public    tpm2.TPMTPublic
	transient bool
}

// session is an HMAC session for one command, salted to the storage key, so that nobody
// on the bus changes a command or its answer, or reads what encrypt covers.
func (k *Keys) session(auth []byte, encrypt ...tpm2.AuthOption) tpm2.Session {
	return tpm2.HMAC(tpm2.TPMAlgSHA256, 16, append(encrypt, tpm2.Auth(auth), tpm2.Salted(k.srk.handle, k.srk.public))...)
}

var (
	encryptBoth = tpm2.AESEncryption(128, tpm2.EncryptInOut)
	// A way on which a command has no parameter of variable size gives TPM_RC_ATTRIBUTES.
	encryptOut = tpm2.AESEncryption(128, tpm2.EncryptOut)
	encryptIn  = tpm2.AESEncryption(128, tpm2.EncryptIn)
)

func (k *Keys) owner(encrypt tpm2.AuthOption) tpm2.AuthHandle {
	return tpm2.AuthHandle{Handle: tpm2.TPMRHOwner, Auth: k.session(k.opts.OwnerAuth, encrypt)}
}

func (k *Keys) parent() tpm2.AuthHandle {
	return tpm2.AuthHandle{Handle: k.srk.handle, Name: k.srk.name, Auth: k.session(nil, encryptBoth)}
}

var errNoStorageKey = errors.New("no storage key")

// findStorageKey takes the persistent key if there is one, or derives the primary key.
// With a name, of what was provisioned, it takes the one that has it.
func (k *Keys) findStorageKey(want []byte) error {
	persistent, err := k.persistent()
	if err == nil && (len(want) == 0 || string(persistent.name.Buffer) == string(want)) {
		k.srk = *persistent
		return nil
	}
	if err != nil && !errors.Is(err, tpm2.TPMRCHandle) && !errors.Is(err, errNoStorageKey) {
		return err // not an answer: that it is another key is not known
	}
	primary, err := k.primary()
	if err != nil {
		return fmt.Errorf("storage key: %w", err)
	}
	if len(want) > 0 && string(primary.name.Buffer) != string(want) {
		k.flush(primary.handle)
		return fmt.Errorf("storage key: the TPM was cleared or replaced: %w", protect.ErrLost)
	}
	k.srk = *primary
	return nil
}

// persistent returns the storage key at the usual place, if what is there is one.
func (k *Keys) persistent() (*storageKey, error) {
	r, err := tpm2.ReadPublic{ObjectHandle: persistedSRK}.Execute(k.t)
	if err != nil {
		return nil, err
	}
	public, err := r.OutPublic.Contents()
	if err != nil {
		return nil, err
	}
	a := public.ObjectAttributes
	if !a.FixedTPM || !a.FixedParent || !a.SensitiveDataOrigin || !a.Restricted || !a.Decrypt || a.SignEncrypt {
		return nil, fmt.Errorf("what is at %#x: %w", persistedSRK, errNoStorageKey)
	}
	return newStorageKey(persistedSRK, public, r.Name)
}

// newStorageKey wants the name to be that of the public part: sessions are salted to the
// one, and the other is pinned, so that who stands on the bus could else exchange the key.
func newStorageKey(handle tpm2.TPMHandle, public *tpm2.TPMTPublic, name tpm2.TPM2BName) (*storageKey, error) {
	own, err := tpm2.ObjectName(public)
	if err != nil {
		return nil, err
	}
	if string(own.Buffer) != string(name.Buffer) {
		return nil, fmt.Errorf("the name of the storage key is not its own: %w", protect.ErrForeign)
	}
	return &storageKey{handle: handle, name: name, public: *public}, nil
}

func (k *Keys) primary() (*storageKey, error) {
	r, err := tpm2.CreatePrimary{
		PrimaryHandle: tpm2.AuthHandle{Handle: tpm2.TPMRHOwner, Auth: tpm2.HMAC(tpm2.TPMAlgSHA256, 16, tpm2.Auth(k.opts.OwnerAuth))},
		InPublic:      tpm2.New2B(tpm2.ECCSRKTemplate),
	}.Execute(k.t)
	if err != nil {
		return nil, err
	}
	public, err := r.OutPublic.Contents()
	if err != nil {
		k.flush(r.ObjectHandle)
		return nil, err
	}
	srk, err := newStorageKey(r.ObjectHandle, public, r.Name)
	if err != nil {
		k.flush(r.ObjectHandle)
		return nil, err
	}
	srk.transient = true
	return srk, nil
}

func (k *Keys) forgetStorageKey() {
	if k.srk.transient {
		k.flush(k.srk.handle)
	}
	k.srk = storageKey{}
}

// flush frees a handle. That it fails is no matter: Open frees what is left.
func (k *Keys) flush(h tpm2.TPMHandle) {
	_, _ = tpm2.FlushContext{FlushHandle: h}.Execute(k.t)
}

// flushStale frees what a process left that was killed: a TPM without a resource manager
// has three places. One with a resource manager tells each process only of its own.
func (k *Keys) flushStale() error {
	for _, first := range []tpm2.TPMHandle{0x80000000, 0x02000000, 0x03000000} { // transient, loaded and saved sessions
		r, err := tpm2.GetCapability{Capability: tpm2.TPMCapHandles, Property: uint32(first), PropertyCount: 64}.Execute(k.t)
		if err != nil {
			return err
		}
		list, err := r.CapabilityData.Data.Handles()
		if err != nil {
			return err
		}
		for _, h := range list.Handle {
			k.flush(h)
		}
	}
	return nil
}

// nameOf returns the name of an NV index, which is over all its public properties.
func (k *Keys) nameOf(h tpm2.TPMHandle) ([]byte, error) {
	r, err := tpm2.NVReadPublic{NVIndex: h}.Execute(k.t)
	if err != nil {
		return nil, err
	}
	return r.NVName.Buffer, nil
}
