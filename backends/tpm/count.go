package tpm

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"

	"github.com/google/go-tpm/tpm2"

	"github.com/iot-device-baseline/baseline/protect"
)

// Generation implements [protect.Revoker].
func (k *Keys) Generation(ctx context.Context) (uint64, error) {
	return do(ctx, k, "generation", func() (uint64, error) {
		now, err := k.epoch()
		return now - k.rec.Base, err
	})
}

// Advance implements [protect.Revoker]: one step of a counter. When the answer is lost
// it has happened or not: Generation tells.
func (k *Keys) Advance(ctx context.Context, gen uint64) error {
	_, err := do(ctx, k, "advance", func() (struct{}, error) {
		now, err := k.epoch()
		if err != nil {
			return struct{}{}, err
		}
		switch at := now - k.rec.Base; gen {
		case at:
			return struct{}{}, nil
		case at + 1:
			return struct{}{}, k.step(&k.rec.Epoch, k.auth.epoch[:])
		default:
			return struct{}{}, fmt.Errorf("to %d from %d: %w", gen, at, fs.ErrInvalid)
		}
	})
	return err
}

// Value implements [protect.Counter].
func (k *Keys) Value(ctx context.Context) (uint64, error) {
	return do(ctx, k, "counter", k.count)
}

// Increment implements [protect.Counter].
func (k *Keys) Increment(ctx context.Context) (uint64, error) {
	return do(ctx, k, "counter", func() (uint64, error) {
		if err := k.step(&k.rec.Count, k.auth.count[:]); err != nil {
			return 0, err
		}
		return k.count()
	})
}

// epoch reads the counter of generations, which never goes below that of the first.
func (k *Keys) epoch() (uint64, error) {
	v, err := k.read(&k.rec.Epoch, k.owner(encryptOut))
	if err == nil && v < k.rec.Base {
		err = fmt.Errorf("epoch: %w", protect.ErrForeign)
	}
	return v, err
}

func (k *Keys) count() (uint64, error) {
	n := k.rec.Count.named()
	return k.read(&k.rec.Count, tpm2.AuthHandle{Handle: n.Handle, Name: n.Name, Auth: k.session(k.auth.count[:], encryptOut)})
}

func (k *Keys) read(i *index, by tpm2.AuthHandle) (uint64, error) {
	r, err := tpm2.NVRead{AuthHandle: by, NVIndex: i.named(), Size: 8}.Execute(k.t)
	if err != nil {
		return 0, gone(i, err)
	}
	if len(r.Data.Buffer) != 8 {
		return 0, fmt.Errorf("index %#x is no counter: %w", i.Handle, protect.ErrForeign)
	}
	return binary.BigEndian.Uint64(r.Data.Buffer), nil
}

// step adds one. The TPM has written it when it answers.
func (k *Keys) step(i *index, auth []byte) error {
	n := i.named()
	_, err := tpm2.NVIncrement{
		AuthHandle: tpm2.AuthHandle{Handle: n.Handle, Name: n.Name, Auth: k.session(auth)}, NVIndex: n,
	}.Execute(k.t)
	return gone(i, err)
}

// knows says why auth is not that of an index.
func (k *Keys) knows(i *index, auth []byte) error {
	n := i.named()
	_, err := tpm2.NVRead{AuthHandle: tpm2.AuthHandle{Handle: n.Handle, Name: n.Name, Auth: k.session(auth, encryptOut)}, NVIndex: n, Size: 8}.Execute(k.t)
	return err
}

// gone says that an index is not there any more.
func gone(i *index, err error) error {
	if errors.Is(err, tpm2.TPMRCHandle) {
		return fmt.Errorf("index %#x is gone: %w", i.Handle, protect.ErrLost)
	}
	return err
}
