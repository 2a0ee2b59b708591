package softkeys

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/iot-device-baseline/baseline/protect"
)

// A blob: "bsk" | 1 | kind, 1 | id of the record, 16 | generation, 8 | AEAD of the
// secret; additional data: everything before. AEAD is AES-256-GCM: random nonce,
// 12, ciphertext, tag, 16. Numbers are big-endian.
const (
	blobMagic    = "bsk\x01"
	blobHead     = 4 + 1 + idSize + 8
	aeadOverhead = 28
	kindSecret   = 1
	kindLasting  = 2 // generation 0
)

func (r record) seal(kind byte, gen uint64, secretKey, secret []byte) []byte {
	blob := append([]byte(blobMagic), kind)
	raw, _ := hex.DecodeString(r.ID) // checked when it was loaded
	blob = append(blob, raw...)
	blob = binary.BigEndian.AppendUint64(blob, gen)
	return newAEAD(secretKey).Seal(blob, nil, secret, bytes.Clone(blob))
}

func (r record) open(kind byte, blob []byte) ([]byte, error) {
	if len(blob) < blobHead+aeadOverhead || !bytes.HasPrefix(blob, []byte(blobMagic)) || blob[4] != kind {
		return nil, fmt.Errorf("not such a blob: %w", protect.ErrTampered)
	}
	if r.ID == "" {
		return nil, fmt.Errorf("there are no keys: %w", protect.ErrLost)
	}
	if hex.EncodeToString(blob[5:5+idSize]) != r.ID {
		return nil, fmt.Errorf("sealed with other keys: %w", protect.ErrForeign)
	}
	secretKey, gen := r.Signing, binary.BigEndian.Uint64(blob[5+idSize:])
	if kind == kindSecret {
		switch secretKey = r.key(gen); {
		case gen < r.Generation:
			return nil, fmt.Errorf("of generation %d, it is %d: %w", gen, r.Generation, protect.ErrRollback)
		case gen > r.Generation:
			return nil, fmt.Errorf("of generation %d, it is %d: %w", gen, r.Generation, protect.ErrPolicy)
		}
	}
	if len(secretKey) != keySize {
		return nil, fmt.Errorf("its key was never made: %w", protect.ErrLost)
	}
	secret, err := newAEAD(secretKey).Open(nil, nil, blob[blobHead:], blob[:blobHead])
	if err != nil {
		return nil, fmt.Errorf("authentication failed: %w", protect.ErrTampered)
	}
	return secret, nil
}

func newAEAD(secretKey []byte) cipher.AEAD {
	block, err := aes.NewCipher(secretKey)
	if err != nil {
		panic(errors.New("softkeys: key of a wrong length")) // checked when it was loaded
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return gcm
}
