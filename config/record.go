package config

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/iot-device-baseline/baseline/durable"
)

// record is what is stored: settings as far as they differ from the defaults, so
// that those follow the release.
type record struct {
	// Sequence grows with each change.
	Sequence uint64 `json:"sequence"`
	// Nonce keys the digest in the revision: a bare digest of settings would let
	// whoever sees it guess the few that he may not read.
	Nonce string `json:"nonce"`
	// Settings is a document with secrets.
	Settings json.RawMessage `json:"settings"`
	// Accepted are the paths of the insecure choices among them.
	Accepted []string `json:"accepted"`
	// Ownership is that under which they were stored, or "" if it is not known.
	Ownership string `json:"ownership,omitempty"`
	// Bundle is the last one that was taken, or nil: see bundleMark.
	Bundle *bundleMark `json:"bundle,omitempty"`
}

const nonceBytes = 16

func recordValue(s durable.Store, name string) *durable.Value[record] {
	return durable.NewValue(s, name, &durable.ValueOptions[record]{
		Check: record.check, MaxBytes: durable.MaxValue, MaxDepth: 2*maxDepth + 2, MaxItems: 2 * mostItems,
	})
}

func (r record) check() error {
	nonce, err := hex.DecodeString(r.Nonce)
	switch {
	case err != nil || len(nonce) != nonceBytes:
		return fmt.Errorf("nonce is not %d bytes in hex", nonceBytes)
	case r.Sequence == 0 || r.Sequence > maxExact:
		return fmt.Errorf("sequence is not 1 to 2^53-1")
	case r.Accepted == nil || len(r.Accepted) > MaxFindings:
		return fmt.Errorf("accepted has more than %d entries, or is missing", MaxFindings)
	case len(r.Ownership) > 64:
		return fmt.Errorf("ownership has more than 64 bytes")
	case len(r.Settings) == 0 || r.Settings[0] != '{':
		return fmt.Errorf("settings are not an object")
	case r.Bundle != nil:
		return r.Bundle.check()
	}
	return nil
}

// newRecord makes the record of the settings in v.
func (s *Schema) newRecord(sequence uint64, v reflect.Value, accepted []string) record {
	e := encoder{secrets: true}
	e.encode(s.root, v, s.defaults)
	nonce := make([]byte, nonceBytes)
	rand.Read(nonce)
	return record{Sequence: sequence, Nonce: hex.EncodeToString(nonce), Settings: e.buf, Accepted: append([]string{}, accepted...)}
}

// floorOf returns the record of the floor settings in v, made of r.
func (s *Schema) floorOf(r record, v reflect.Value) record {
	e := encoder{secrets: true, floor: true}
	e.encode(s.root, v, s.defaults)
	r.Settings, r.Accepted, r.Bundle = e.buf, []string{}, nil
	for _, path := range s.insecure(v) {
		if s.root.find(path).node.tag.floor {
			r.Accepted = append(r.Accepted, path)
		}
	}
	return r
}

// digest is a short keyed digest of a document without secrets.
func (r record) digest(document []byte) string {
	mac := hmac.New(sha256.New, []byte(r.Nonce))
	mac.Write(document)
	return hex.EncodeToString(mac.Sum(nil)[:8])
}

// insecure returns the paths of the insecure choices in v.
func (s *Schema) insecure(v reflect.Value) []string {
	r := reporter{all: true}
	s.grade(&r, v)
	var paths []string
	for _, f := range r.list.Only(Insecure) {
		paths = append(paths, f.Path)
	}
	return paths
}
