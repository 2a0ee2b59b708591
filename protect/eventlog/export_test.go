package eventlog

import (
	"crypto/sha256"
	"encoding/hex"
)

// HexHash is the hash by which the next record is chained to line.
func HexHash(line []byte) []byte {
	sum := sha256.Sum256(line)
	return hex.AppendEncode(nil, sum[:])
}

// ParseFrame decodes a record and encodes what was decoded of the chain.
func ParseFrame(seq uint64, frame []byte) (event string, head [32]byte, err error) {
	r, err := parseFrame(seq, frame)
	if err != nil {
		return "", head, err
	}
	return r.entry().Event, r.leaf(), nil
}
