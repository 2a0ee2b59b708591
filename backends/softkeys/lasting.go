package softkeys

import (
	"context"
	"fmt"
)

// SealLasting seals a secret of 1 to [MaxSecret] bytes for all generations. It is
// what package signing keeps private keys with, and nothing else should use it: no
// Advance kills what it seals, so no erasure reaches it. The errors are those of
// Seal. It may be called concurrently.
func (k *Keys) SealLasting(ctx context.Context, secret []byte) (blob []byte, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if blob, err = k.sealLasting(ctx, secret); err != nil {
		return nil, fmt.Errorf("softkeys: seal lasting: %w", err)
	}
	return blob, nil
}

func (k *Keys) sealLasting(ctx context.Context, secret []byte) ([]byte, error) {
	if err := k.ready(ctx); err != nil {
		return nil, err
	}
	if err := checkSecret(secret); err != nil {
		return nil, err
	}
	if k.rec.ID == "" {
		if err := k.save(ctx, k.rec.identified()); err != nil {
			return nil, err
		}
	}
	return k.rec.seal(kindLasting, 0, k.rec.Signing, secret), nil
}

// UnsealLasting opens what SealLasting sealed, in any generation, and nothing that
// Seal sealed. The errors are those of Unseal. It may be called concurrently.
func (k *Keys) UnsealLasting(ctx context.Context, blob []byte) (secret []byte, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if secret, err = k.unseal(ctx, kindLasting, blob); err != nil {
		return nil, fmt.Errorf("softkeys: unseal lasting: %w", err)
	}
	return secret, nil
}
