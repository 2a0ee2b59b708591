package receipt

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/iot-device-baseline/baseline/internal/strictjson"
)

// Types of what is signed.
const (
	PayloadType   = "application/vnd.in-toto+json"    // in the envelope
	StatementType = "https://in-toto.io/Statement/v1" // in the statement
)

// Limits of what is made and accepted.
const (
	MaxEnvelope   = 256 << 10 // bytes
	MaxPayload    = 128 << 10 // bytes
	MaxSubjects   = 64
	MaxDigests    = 8   // of one subject
	MaxText       = 512 // bytes of a name, URI or type
	MaxSignatures = 8
	maxDepth      = 16
	maxItems      = 10_000
)

// Statement says something, the predicate, about subjects.
//
// Members that in-toto defines and that are not here are refused rather than
// ignored: what is not understood is not vouched for.
type Statement struct {
	Subject       []Subject       // at least one
	PredicateType string          // a URI that says how Predicate is read
	Predicate     json.RawMessage // a JSON object
}

// Subject is what a statement is about. Digest maps the name of an algorithm to
// lower-case hex, and is not empty.
type Subject struct {
	Name   string            `json:"name,omitempty"`
	URI    string            `json:"uri,omitempty"`
	Digest map[string]string `json:"digest"`
}

// FieldError is the error for an envelope or statement that is not well formed.
type FieldError struct {
	Path string // RFC 6901 pointer; "" is the whole
	Rule string
}

func (e *FieldError) Error() string {
	if e.Path == "" {
		return "receipt: " + e.Rule
	}
	return "receipt: " + e.Path + ": " + e.Rule
}

// wire is the form that is signed.
type wire struct {
	Type          string          `json:"_type"`
	Subject       []Subject       `json:"subject"`
	PredicateType string          `json:"predicateType"`
	Predicate     json.RawMessage `json:"predicate"`
}

func (st *Statement) payload() ([]byte, error) {
	w := wire{StatementType, st.Subject, st.PredicateType, st.Predicate}
	if err := w.check(); err != nil {
		return nil, err
	}
	data, err := json.Marshal(w)
	if err != nil {
		return nil, &FieldError{"/predicate", "not JSON"}
	}
	// What this package would refuse to read it does not sign.
	if _, err := parsePayload(data); err != nil {
		return nil, err
	}
	return data, nil
}

func parsePayload(data []byte) (*Statement, error) {
	var w wire
	lim := strictjson.Limits{Bytes: MaxPayload, Depth: maxDepth, Items: maxItems}
	if err := decode(data, &w, lim); err != nil {
		return nil, err
	}
	if err := w.check(); err != nil {
		return nil, err
	}
	return &Statement{w.Subject, w.PredicateType, w.Predicate}, nil
}

func decode(data []byte, v any, lim strictjson.Limits) error {
	err := strictjson.Decode(data, v, lim)
	if e, ok := errors.AsType[*strictjson.Error](err); ok {
		return &FieldError{e.Path, e.Rule}
	}
	return err
}

func (w *wire) check() error {
	if w.Type != StatementType {
		return &FieldError{"/_type", "want " + StatementType}
	}
	if len(w.Subject) == 0 || len(w.Subject) > MaxSubjects {
		return &FieldError{"/subject", fmt.Sprintf("%d subjects, want 1 to %d", len(w.Subject), MaxSubjects)}
	}
	for i, s := range w.Subject {
		if err := s.check(fmt.Sprintf("/subject/%d", i)); err != nil {
			return err
		}
	}
	if scheme, rest, ok := strings.Cut(w.PredicateType, ":"); !ok || scheme == "" || rest == "" {
		return &FieldError{"/predicateType", "want a URI"}
	}
	if err := checkText("/predicateType", w.PredicateType); err != nil {
		return err
	}
	if p := bytes.TrimLeft(w.Predicate, " \t\r\n"); len(p) == 0 || p[0] != '{' {
		return &FieldError{"/predicate", "want a JSON object"}
	}
	return nil
}

func (s Subject) check(path string) error {
	if err := checkText(path+"/name", s.Name); err != nil {
		return err
	}
	if err := checkText(path+"/uri", s.URI); err != nil {
		return err
	}
	if len(s.Digest) == 0 || len(s.Digest) > MaxDigests {
		return &FieldError{path + "/digest", fmt.Sprintf("%d digests, want 1 to %d", len(s.Digest), MaxDigests)}
	}
	for alg, value := range s.Digest {
		if !algorithm(alg) {
			return &FieldError{path + "/digest", "name of an algorithm: want 1 to 32 of a-z 0-9 _ -"}
		}
		if raw, err := hex.DecodeString(value); err != nil || len(raw) < 16 || len(raw) > 128 || strings.ToLower(value) != value {
			return &FieldError{path + "/digest/" + alg, "want 16 to 128 bytes as lower-case hex"}
		}
	}
	return nil
}

func algorithm(s string) bool {
	const allowed = "abcdefghijklmnopqrstuvwxyz0123456789_-"
	return s != "" && len(s) <= 32 && strings.Trim(s, allowed) == ""
}

func checkText(path, s string) error {
	if len(s) > MaxText {
		return &FieldError{path, fmt.Sprintf("%d bytes, at most %d", len(s), MaxText)}
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r > 0x7e }) {
		return &FieldError{path, "want printable ASCII"}
	}
	return nil
}
