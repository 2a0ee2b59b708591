package risk

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/iot-device-baseline/baseline/internal/strictjson"
)

// Limits of an assessment, a statement and evidence.
const (
	MaxBytes  = 512 << 10 // of the JSON text; eight times that for a statement
	MaxText   = 2000      // bytes of one text
	MaxID     = 64        // bytes of one id
	MaxList   = 500       // elements of one list
	maxDepth  = 10
	maxItems  = 20_000
	maxErrors = 20
)

// FieldError says which rule an assessment, a statement or evidence breaks, and where.
type FieldError struct {
	Path string // RFC 6901 pointer; "" is the whole document
	Rule string
}

func (e *FieldError) Error() string {
	if e.Path == "" {
		return "risk: " + e.Rule
	}
	return "risk: " + e.Path + ": " + e.Rule
}

// Parse reads an assessment from strict JSON and validates it. The error joins
// up to 20 *[FieldError]: each names a place and the rule broken there. Nothing
// is returned beside an error.
//
// Refused are: more than [MaxBytes] bytes; unknown, repeated or wrongly-cased
// members; a missing or empty member that is not marked omitempty; text above
// [MaxText] bytes or with other than printable characters; ids other than 1 to
// [MaxID] of a-z A-Z 0-9 . _ -, or not unique; more than [MaxList] elements in a
// list; entries that are not of 27402 5.2; references to nothing; and what
// contradicts itself, see [Assessment.Validate].
func Parse(data []byte) (*Assessment, error) {
	a := new(Assessment)
	if err := decode(data, a, MaxBytes, maxItems); err != nil {
		return nil, err
	}
	if err := a.Validate(); err != nil {
		return nil, err
	}
	return a, nil
}

// ParseEvidence reads a JSON object whose one member "evidence" is a list of
// evidence, by the rules of [Parse].
func ParseEvidence(data []byte) ([]Evidence, error) {
	var list struct {
		Evidence []Evidence `json:"evidence"`
	}
	if err := decode(data, &list, MaxBytes, maxItems); err != nil {
		return nil, err
	}
	c := &checker{}
	c.walk("", reflect.ValueOf(list), false)
	for i, e := range list.Evidence {
		c.evidence(fmt.Sprintf("/evidence/%d", i), e)
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	return list.Evidence, nil
}

func decode(data []byte, v any, bytes, items int) error {
	lim := strictjson.Limits{Bytes: bytes, Depth: maxDepth, Items: items}
	err := strictjson.Check(data, reflect.TypeOf(v), lim)
	var e *strictjson.Error
	switch {
	case errors.As(err, &e):
		return &FieldError{e.Path, e.Rule}
	case err != nil:
		return &FieldError{Rule: err.Error()}
	}
	// encoding/json does not say in which element of a list a value does not fit.
	if err := fits(data, reflect.TypeOf(v).Elem()); err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return &FieldError{Rule: err.Error()}
	}
	return nil
}

// Hash identifies the state of the assessment that decisions are about: the
// lower-case hex SHA-256 of its JSON without evidence, decisions and reviews.
func (a *Assessment) Hash() string {
	b := *a
	b.Evidence, b.Decisions, b.Reviews = nil, nil, nil
	data, err := json.Marshal(b)
	if err != nil { // an entry that is none, which Validate refuses
		return ""
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func quote(s string) string {
	const most = 40
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	return fmt.Sprintf("%q", s)
}
