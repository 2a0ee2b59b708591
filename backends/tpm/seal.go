package tpm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"

	"github.com/google/go-tpm/tpm2"

	"github.com/iot-device-baseline/baseline/protect"
)

// Seal implements [protect.KeyStore].
func (k *Keys) Seal(ctx context.Context, secret []byte) ([]byte, error) {
	return do(ctx, k, "seal", func() ([]byte, error) {
		now, err := k.epoch()
		if err != nil {
			return nil, err
		}
		return k.seal(now, secret)
	})
}

// SealFor implements [protect.Revoker].
func (k *Keys) SealFor(ctx context.Context, gen uint64, secret []byte) ([]byte, error) {
	return do(ctx, k, "seal", func() ([]byte, error) {
		now, err := k.epoch()
		if err != nil {
			return nil, err
		}
		if at := now - k.rec.Base; gen != at && gen != at+1 {
			return nil, fmt.Errorf("for generation %d, it is %d: %w", gen, at, fs.ErrInvalid)
		}
		return k.seal(k.rec.Base+gen, secret)
	})
}

// seal makes a blob that opens while the epoch has a value.
func (k *Keys) seal(epoch uint64, secret []byte) ([]byte, error) {
	if len(secret) < 1 || len(secret) > MaxSecret {
		return nil, fmt.Errorf("%d bytes, want 1 to %d: %w", len(secret), MaxSecret, fs.ErrInvalid)
	}
	b := blob{kind: kindSecret, epoch: epoch, mask: k.mask}
	var err error
	if k.opts.Vendor != nil { // what is sealed now has to open now
		b.kind = kindApproved
		_, err = k.approval(k.mask)
	} else {
		b.pcrs, err = k.measured(k.mask)
	}
	if err != nil {
		return nil, err
	}
	policy, err := b.policy(k.rec.Epoch.named(), k.opts.Vendor)
	if err != nil {
		return nil, err
	}
	o, err := k.create(secret, policy)
	if err != nil {
		return nil, err
	}
	b.object = *o
	return b.encode()
}

// create seals a secret under the storage key: by a policy, or, without one, for whoever
// has this TPM.
func (k *Keys) create(secret, policy []byte) (*object, error) {
	r, err := tpm2.Create{
		ParentHandle: k.parent(),
		InSensitive:  tpm2.TPM2BSensitiveCreate{Sensitive: &tpm2.TPMSSensitiveCreate{Data: tpm2.NewTPMUSensitiveCreate(&tpm2.TPM2BSensitiveData{Buffer: secret})}},
		InPublic: tpm2.New2B(tpm2.TPMTPublic{
			Type: tpm2.TPMAlgKeyedHash, NameAlg: tpm2.TPMAlgSHA256, AuthPolicy: tpm2.TPM2BDigest{Buffer: policy},
			ObjectAttributes: tpm2.TPMAObject{FixedTPM: true, FixedParent: true, NoDA: true, UserWithAuth: policy == nil},
		}),
	}.Execute(k.t)
	if err != nil {
		return nil, err
	}
	return &object{tpm2.Marshal(r.OutPublic), tpm2.Marshal(r.OutPrivate)}, nil
}

// measured reads registers, and refuses one into which nothing was measured: a secret
// bound to it would open for everybody.
func (k *Keys) measured(mask uint32) ([][sha256.Size]byte, error) {
	values, err := k.registers(mask)
	if err != nil {
		return nil, err
	}
	for i, p := range list(mask) {
		if untouched(values[i]) {
			return nil, fmt.Errorf("nothing was measured into PCR %d: %w", p, protect.ErrPolicy)
		}
	}
	return values, nil
}

// untouched reports whether nothing was measured into a register with this value: at the
// start it is all zeros or, for some, all ones.
func untouched(value [sha256.Size]byte) bool {
	first := value[0]
	return (first == 0 || first == 0xFF) && bytes.Count(value[:], []byte{first}) == sha256.Size
}

// registers reads them one by one: a TPM gives at most eight at once.
func (k *Keys) registers(mask uint32) ([][sha256.Size]byte, error) {
	var out [][sha256.Size]byte
	for _, p := range list(mask) {
		r, err := tpm2.PCRRead{PCRSelectionIn: selection(1 << p)}.Execute(k.t)
		if err != nil {
			return nil, err
		}
		if len(r.PCRValues.Digests) != 1 || len(r.PCRValues.Digests[0].Buffer) != sha256.Size {
			return nil, fmt.Errorf("the TPM has no PCR %d of SHA-256: %w", p, protect.ErrPolicy)
		}
		out = append(out, [sha256.Size]byte(r.PCRValues.Digests[0].Buffer))
	}
	return out, nil
}

// Unseal implements [protect.KeyStore]. A boot state that is another gives an error that
// is [protect.ErrPolicy] and names the PCRs that differ.
func (k *Keys) Unseal(ctx context.Context, raw []byte) ([]byte, error) {
	return do(ctx, k, "unseal", func() ([]byte, error) {
		b, err := parseBlob(raw, kindSecret, kindApproved)
		if err != nil {
			return nil, err
		}
		policy, err := b.policy(k.rec.Epoch.named(), k.opts.Vendor)
		if err != nil {
			return nil, err
		}
		return k.unsealObject(&b, policy)
	})
}

// unsealObject opens what create has made.
func (k *Keys) unsealObject(b *blob, policy []byte) ([]byte, error) {
	loaded, public, err := k.load(b, policy)
	if err != nil {
		return nil, err
	}
	defer k.flush(loaded.Handle)
	if public.Type != tpm2.TPMAlgKeyedHash {
		return nil, fmt.Errorf("a key, not a secret: %w", protect.ErrTampered)
	}
	auth := k.session(nil, encryptOut)
	if policy != nil {
		if err := k.opens(b); err != nil {
			return nil, err
		}
		session, end, err := k.play(b)
		if err != nil {
			return nil, err
		}
		defer end()
		auth = session
	}
	r, err := tpm2.Unseal{ItemHandle: tpm2.AuthHandle{Handle: loaded.Handle, Name: loaded.Name, Auth: auth}}.Execute(k.t)
	if err != nil {
		return nil, err
	}
	return r.OutData.Buffer, nil
}

// opens says in our words why the TPM is going to refuse b. It decides nothing: the
// policy does.
func (k *Keys) opens(b *blob) error {
	now, err := k.epoch()
	switch {
	case err != nil:
		return err
	case b.epoch < now:
		return fmt.Errorf("of generation %d, it is %d: %w", int64(b.epoch-k.rec.Base), now-k.rec.Base, protect.ErrRollback)
	case b.epoch > now:
		return fmt.Errorf("its generation has not begun: %w", protect.ErrPolicy)
	}
	if b.kind == kindApproved {
		return nil // see approval
	}
	values, err := k.registers(b.mask)
	if err != nil {
		return err
	}
	if changed := differ(b.mask, values, b.pcrs); len(changed) > 0 {
		return fmt.Errorf("other software was started: PCRs %v differ: %w", changed, protect.ErrPolicy)
	}
	return nil
}

// play shows the TPM that the policy of b holds. The session is closed by end: go-tpm
// leaks one that is made for a single command and whose policy fails.
func (k *Keys) play(b *blob) (session tpm2.Session, end func(), err error) {
	session, closing, err := tpm2.PolicySession(k.t, tpm2.TPMAlgSHA256, 16, tpm2.Salted(k.srk.handle, k.srk.public), encryptOut)
	if err != nil {
		return nil, nil, err
	}
	end = func() { _ = closing() }
	if b.mask != 0 {
		_, err = tpm2.PolicyPCR{PolicySession: session.Handle(), Pcrs: selection(b.mask)}.Execute(k.t)
	}
	if err == nil && b.kind == kindApproved {
		var a *approval
		if a, err = k.approval(b.mask); err == nil {
			err = k.authorize(session.Handle(), a)
		}
	}
	if err == nil {
		nv := b.policyNV(k.rec.Epoch.named())
		nv.AuthHandle, nv.PolicySession = k.owner(encryptIn), session.Handle()
		_, err = nv.Execute(k.t)
	}
	if err != nil {
		end()
		return nil, nil, err
	}
	return session, end, nil
}

// load puts an object into the TPM; the caller flushes it. What does not fit to the
// policy is refused before.
func (k *Keys) load(b *blob, policy []byte) (*tpm2.NamedHandle, *tpm2.TPMTPublic, error) {
	private, err := tpm2.Unmarshal[tpm2.TPM2BPrivate](b.private)
	if err != nil {
		return nil, nil, fmt.Errorf("private part: %w", protect.ErrTampered)
	}
	public, err := tpm2.Unmarshal[tpm2.TPM2BPublic](b.public)
	if err != nil {
		return nil, nil, fmt.Errorf("public part: %w", protect.ErrTampered)
	}
	content, err := public.Contents()
	// The library passes over what follows a part.
	whole := bytes.Equal(tpm2.Marshal(*private), b.private) && bytes.Equal(tpm2.Marshal(*public), b.public)
	if err != nil || !whole || !b.fits(content, policy) {
		return nil, nil, fmt.Errorf("public part: %w", protect.ErrTampered)
	}
	r, err := tpm2.Load{ParentHandle: k.parent(), InPrivate: *private, InPublic: *public}.Execute(k.t)
	if err != nil {
		return nil, nil, refusedLoad(err)
	}
	return &tpm2.NamedHandle{Handle: r.ObjectHandle, Name: r.Name}, content, nil
}
