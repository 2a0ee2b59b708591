package tpm

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"

	"github.com/iot-device-baseline/baseline/protect"
)

// Destroy undefines the indices of a key store, and with them kills every secret that
// was ever sealed on them, wherever it was copied to: it needs the owner's auth, and
// nothing that is sealed. A device whose vault does not open is reset by it. The record
// stays, and does not open any more. Without indices it does nothing.
func Destroy(ctx context.Context, t transport.TPM, opts *Options) error {
	o, err := opts.orDefaults()
	if err != nil {
		return fmt.Errorf("tpm: destroy: %w", err)
	}
	k := &Keys{opts: o, busy: make(chan struct{}, 1), t: unclosed{t}}
	_, err = do(ctx, k, "destroy", func() (struct{}, error) { return struct{}{}, k.destroy() })
	return err
}

type unclosed struct{ transport.TPM }

func (unclosed) Close() error { return nil }

func (k *Keys) destroy() error {
	for _, public := range k.publics() {
		if err := k.undefine(public); err != nil {
			return fmt.Errorf("index %#x: %w", public.NVIndex, err)
		}
	}
	// A counter begins one above the highest that there was: where the epoch was that, it
	// would begin again where a blob for the next generation opens.
	scratch := k.publics()[0]
	auth := make([]byte, authSize)
	draw(auth)
	_, err := tpm2.NVDefineSpace{AuthHandle: k.plainOwner(), Auth: tpm2.TPM2BAuth{Buffer: auth}, PublicInfo: tpm2.New2B(scratch)}.Execute(k.t)
	if err != nil {
		return err
	}
	for range 3 {
		name, err := k.nameOf(scratch.NVIndex)
		if err != nil {
			return err
		}
		i := tpm2.NamedHandle{Handle: scratch.NVIndex, Name: tpm2.TPM2BName{Buffer: name}}
		by := tpm2.AuthHandle{Handle: i.Handle, Name: i.Name, Auth: tpm2.HMAC(tpm2.TPMAlgSHA256, 16, tpm2.Auth(auth))}
		if _, err := (tpm2.NVIncrement{AuthHandle: by, NVIndex: i}).Execute(k.t); err != nil {
			return err
		}
	}
	return k.undefine(scratch)
}

// undefine removes an index, if it is there and is what we define.
func (k *Keys) undefine(public tpm2.TPMSNVPublic) error {
	name, err := k.nameOf(public.NVIndex)
	if errors.Is(err, tpm2.TPMRCHandle) {
		return nil
	}
	if err != nil {
		return err
	}
	fresh, err := nvName(public)
	if err != nil {
		return err
	}
	public.Attributes.Written = true
	written, err := nvName(public)
	if err != nil {
		return err
	}
	if string(name) != string(fresh) && string(name) != string(written) {
		return fmt.Errorf("it is somebody else's: %w", protect.ErrForeign)
	}
	_, err = tpm2.NVUndefineSpace{AuthHandle: k.plainOwner(), NVIndex: tpm2.NamedHandle{Handle: public.NVIndex, Name: tpm2.TPM2BName{Buffer: name}}}.Execute(k.t)
	return err
}

// plainOwner is the owner for who has no storage key to salt a session to.
func (k *Keys) plainOwner() tpm2.AuthHandle {
	return tpm2.AuthHandle{Handle: tpm2.TPMRHOwner, Auth: tpm2.HMAC(tpm2.TPMAlgSHA256, 16, tpm2.Auth(k.opts.OwnerAuth))}
}
