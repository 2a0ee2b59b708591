package update

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Digest is a SHA-256 (FIPS 180-4). Its text is 64 digits of lower-case hex.
type Digest [sha256.Size]byte

// String returns the text of d.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// MarshalText implements [encoding.TextMarshaler].
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler]; it takes only what String
// gives.
func (d *Digest) UnmarshalText(text []byte) error {
	var got Digest
	n, err := hex.Decode(got[:], text[:min(len(text), 2*len(got)+1)])
	if err != nil || n != len(got) || got.String() != string(text) {
		return fmt.Errorf("update: digest: not 64 digits of lower-case hex")
	}
	*d = got
	return nil
}
