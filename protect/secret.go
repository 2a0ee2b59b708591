package protect

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
)

const keySize = 32

// key is 32 secret bytes. It is handled by pointer only, so that a structure that
// is printed shows an address, and it prints itself as redacted.
type key struct{ b [keySize]byte }

const redacted = "[redacted]"

// Format implements [fmt.Formatter].
func (k *key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText keeps a key out of JSON.
func (k *key) MarshalText() ([]byte, error) { return []byte(redacted), nil }

func newKey() *key {
	k := &key{}
	rand.Read(k.b[:])
	return k
}

// derive gives the key for one purpose. What is told apart by label and context
// gets independent keys (HKDF, RFC 5869).
func (k *key) derive(salt []byte, label, context string) *key {
	out, err := hkdf.Key(sha256.New, k.b[:], salt, label+context, keySize)
	if err != nil {
		panic("protect: " + err.Error()) // only for lengths that are constant here
	}
	return &key{[keySize]byte(out)}
}

// aead is AES-256-GCM with random 12-byte nonces in front: 28 bytes longer. It is
// the one that works under GODEBUG=fips140=only.
func (k *key) aead() cipher.AEAD {
	block, err := aes.NewCipher(k.b[:])
	if err != nil {
		panic("protect: " + err.Error())
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("protect: " + err.Error())
	}
	return gcm
}

const aeadOverhead = 28 // nonce 12, tag 16

// mac names a file: 16 bytes of HMAC-SHA-256 in hex.
func (k *key) mac(kind, name string) string {
	h := hmac.New(sha256.New, k.b[:])
	_, _ = io.WriteString(h, kind+"\x00"+name) // a hash never fails
	return hex.EncodeToString(h.Sum(nil)[:macSize])
}

const macSize = 16
