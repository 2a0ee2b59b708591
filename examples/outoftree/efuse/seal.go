package efuse

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"io/fs"

	"github.com/iot-device-baseline/baseline/protect"
)

// MaxSecret is the most bytes that Seal takes.
const MaxSecret = 512

// A blob: "efs" | 1 | id of the device, 16 | generation, 8 | AES-256-GCM of the
// secret: nonce, 12, ciphertext, tag, 16. Additional data: everything before. Numbers
// are big-endian.
const (
	blobMagic    = "efs\x01"
	blobHead     = len(blobMagic) + idSize + 8
	aeadOverhead = 28
)

// Seal implements [protect.KeyStore].
func (k *Keys) Seal(ctx context.Context, secret []byte) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.seal(ctx, nil, secret)
}

// SealFor implements [protect.Revoker].
func (k *Keys) SealFor(ctx context.Context, gen uint64, secret []byte) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.seal(ctx, &gen, secret)
}

// seal seals for a generation, or for the present one, which ready may learn anew.
func (k *Keys) seal(ctx context.Context, wanted *uint64, secret []byte) ([]byte, error) {
	if err := k.ready(ctx); err != nil {
		return nil, fmt.Errorf("efuse: seal: %w", err)
	}
	if len(secret) == 0 || len(secret) > MaxSecret {
		return nil, fmt.Errorf("efuse: seal: secret of %d bytes, want 1 to %d: %w", len(secret), MaxSecret, fs.ErrInvalid)
	}
	now := k.bank.Generation
	gen := now
	if wanted != nil {
		gen = *wanted
	}
	if gen != now && gen != now+1 {
		return nil, fmt.Errorf("efuse: seal: generation %d, want %d or %d: %w", gen, now, now+1, fs.ErrInvalid)
	}
	head := append([]byte(blobMagic), k.bank.derive("id", 0, idSize)...)
	head = binary.BigEndian.AppendUint64(head, gen)
	return k.bank.aead(gen).Seal(bytes.Clone(head), nil, secret, head), nil
}

// Unseal implements [protect.KeyStore].
func (k *Keys) Unseal(ctx context.Context, blob []byte) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.ready(ctx); err != nil {
		return nil, fmt.Errorf("efuse: unseal: %w", err)
	}
	secret, err := k.bank.open(blob)
	if err != nil {
		return nil, fmt.Errorf("efuse: unseal: %w", err)
	}
	return secret, nil
}

func (b bank) open(blob []byte) ([]byte, error) {
	if len(blob) <= blobHead+aeadOverhead || len(blob) > blobHead+aeadOverhead+MaxSecret || !bytes.HasPrefix(blob, []byte(blobMagic)) {
		return nil, fmt.Errorf("not a blob: %w", protect.ErrTampered)
	}
	if !bytes.Equal(blob[len(blobMagic):][:idSize], b.derive("id", 0, idSize)) {
		return nil, fmt.Errorf("of other fuses: %w", protect.ErrForeign)
	}
	gen := binary.BigEndian.Uint64(blob[blobHead-8:])
	switch {
	case gen < b.Generation:
		return nil, fmt.Errorf("of generation %d, it is %d: %w", gen, b.Generation, protect.ErrRollback)
	case gen > b.Generation:
		return nil, fmt.Errorf("of generation %d, it is %d: %w", gen, b.Generation, protect.ErrPolicy)
	}
	secret, err := b.aead(gen).Open(nil, nil, blob[blobHead:], blob[:blobHead])
	if err != nil {
		return nil, fmt.Errorf("authentication failed: %w", protect.ErrTampered)
	}
	return secret, nil
}

// aead works with the key of a generation.
func (b bank) aead(gen uint64) cipher.AEAD {
	block, err := aes.NewCipher(b.derive("seal", gen, 32))
	if err != nil {
		panic("efuse: " + err.Error())
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("efuse: " + err.Error())
	}
	return gcm
}
