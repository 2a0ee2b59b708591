package erase

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/iot-device-baseline/baseline/internal/strictjson"
	"github.com/iot-device-baseline/baseline/receipt"
)

// PredicateType is the type of the statement in a receipt.
const PredicateType = "https://github.com/iot-device-baseline/baseline/erasure/v1"

// Scopes of an erasure.
const (
	ScopeSubject = "subject"
	ScopeAll     = "all"
)

// Results of an erasure.
const (
	ResultDone   = "done"
	ResultFailed = "failed"
)

// SaltSize is the size of a salt.
const SaltSize = 32

// Receipt is what a device says of an erasure: the predicate of the statement. It
// says that the erasure ran to its end and how, not that nothing is left.
type Receipt struct {
	Job      string     `json:"job"` // 32 hex digits
	Device   string     `json:"device,omitempty"`
	Scope    string     `json:"scope"`  // ScopeSubject or ScopeAll
	Reason   string     `json:"reason"` // as given by who ordered it
	Ordered  time.Time  `json:"ordered"`
	Finished time.Time  `json:"finished"` // both by the clock of the device
	Result   string     `json:"result"`   // ResultDone or ResultFailed
	Stores   []Part     `json:"stores"`   // in the order in which they were asked
	Retained []Retained `json:"retained"` // what stays, and why
	// Subject is the salted digest of who was erased, 64 hex digits: see Names. It is
	// the digest of the statement's subject.
	Subject string `json:"-"`
}

// Part is what one store did.
type Part struct {
	Store string `json:"store"`
	// Method is what was really used, in the store's own words; "" when it failed. When
	// runs that were interrupted used others, all stand here, joined by " + ".
	Method string `json:"method"`
	// Verified says that the store looked again afterwards and found nothing.
	Verified bool `json:"verified"`
	// Repeated says that an interrupted run had asked the store already.
	Repeated bool `json:"repeated,omitempty"`
}

// VerifyReceipt returns what a device whose key is among keys signed. It needs no
// device and no secret. Errors are those of [receipt.Verify], above all
// [receipt.ErrUnsigned] and [receipt.ErrSignature], and a *[receipt.FieldError] for
// a statement that is no receipt of an erasure.
func VerifyReceipt(envelope []byte, keys ...crypto.PublicKey) (*Receipt, error) {
	st, err := receipt.Verify(envelope, keys...)
	if err != nil {
		return nil, fmt.Errorf("erase: verify receipt: %w", err)
	}
	r, err := parse(st)
	if err != nil {
		return nil, fmt.Errorf("erase: verify receipt: %w", err)
	}
	return r, nil
}

// Names reports whether the receipt is about subject; salt is what the requester
// got, or gave. For [ScopeAll] the subject is "".
func (r *Receipt) Names(subject string, salt []byte) bool {
	if (subject == "") != (r.Scope == ScopeAll) {
		return false
	}
	return subtle.ConstantTimeCompare([]byte(digest(subject, salt)), []byte(r.Subject)) == 1
}

// digest names a subject for who has the salt: an id is too easy to guess without.
func digest(subject string, salt []byte) string {
	h := hmac.New(sha256.New, salt)
	h.Write([]byte("baseline erasure subject\x00" + subject))
	return hex.EncodeToString(h.Sum(nil))
}

func isDigest(s string) bool {
	raw, err := hex.DecodeString(s)
	return err == nil && len(raw) == sha256.Size && strings.ToLower(s) == s
}

func newSalt(given []byte) ([]byte, error) {
	if len(given) == SaltSize {
		return given, nil
	}
	if given != nil {
		return nil, fmt.Errorf("salt of %d bytes, want %d: %w", len(given), SaltSize, fs.ErrInvalid)
	}
	salt := make([]byte, SaltSize)
	rand.Read(salt)
	return salt, nil
}

func parse(st *receipt.Statement) (*Receipt, error) {
	var r Receipt
	if st.PredicateType != PredicateType {
		return nil, &receipt.FieldError{Path: "/predicateType", Rule: "want " + PredicateType}
	}
	lim := strictjson.Limits{Bytes: 32 << 10, Depth: 4, Items: 500}
	if err := strictjson.Decode(st.Predicate, &r, lim); err != nil {
		return nil, &receipt.FieldError{Path: "/predicate", Rule: err.Error()}
	}
	if len(st.Subject) == 1 {
		r.Subject = st.Subject[0].Digest["sha256"]
	}
	if path, rule := r.check(); rule != "" {
		return nil, &receipt.FieldError{Path: path, Rule: rule}
	}
	return &r, nil
}

// check says which rule the receipt breaks: when it is made, and when it is read.
func (r *Receipt) check() (path, rule string) {
	raw, err := hex.DecodeString(r.Job)
	switch {
	case !isDigest(r.Subject):
		return "/subject", "want one subject with one digest, sha256"
	case err != nil || len(raw) != 16 || strings.ToLower(r.Job) != r.Job:
		return "/predicate/job", "want 32 hex digits"
	case !printable(r.Device, maxWhat):
		return "/predicate/device", "want at most 64 bytes of printable ASCII"
	case r.Scope != ScopeSubject && r.Scope != ScopeAll:
		return "/predicate/scope", "want subject or all"
	case r.Reason == "" || len(r.Reason) > maxReason:
		return "/predicate/reason", "want 1 to 200 bytes"
	case r.Result != ResultDone && r.Result != ResultFailed:
		return "/predicate/result", "want done or failed"
	case len(r.Stores) == 0 || len(r.Stores) > MaxPlaces:
		return "/predicate/stores", fmt.Sprintf("want 1 to %d", MaxPlaces)
	case len(r.Retained) > MaxRetained:
		return "/predicate/retained", fmt.Sprintf("want at most %d", MaxRetained)
	}
	return r.checkLists()
}

func (r *Receipt) checkLists() (path, rule string) {
	for i, p := range r.Stores {
		bad := !validName(p.Store) || !printable(p.Method, MaxMethods)
		if bad || r.Result == ResultDone && (p.Method == "" || !p.Verified) {
			return fmt.Sprintf("/predicate/stores/%d", i), "want a store, its method, and both erased and verified when all is done"
		}
	}
	for i, left := range r.Retained {
		if left.check() != nil {
			return fmt.Sprintf("/predicate/retained/%d", i), "want what and why"
		}
	}
	return "", ""
}

// seal makes the envelope: signed if the device has a key that works.
func (c *Coordinator) seal(r *Receipt) ([]byte, error) {
	if path, rule := r.check(); rule != "" {
		return nil, fmt.Errorf("receipt: %s: %s: %w", path, rule, fs.ErrInvalid)
	}
	predicate, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	st := &receipt.Statement{
		Subject:       []receipt.Subject{{Name: r.Scope, Digest: map[string]string{"sha256": r.Subject}}},
		PredicateType: PredicateType, Predicate: predicate,
	}
	why := "the device has no key to sign with"
	if c.opts.Signer != nil {
		envelope, err := receipt.Sign(st, c.opts.Signer)
		if err == nil {
			return envelope, nil
		}
		why = "the key of the device did not sign" // the cause may hold anything
	}
	c.count(func(s *Stats) { s.Unsigned++ }) // an erasure does not fail for want of a signature
	return receipt.Unsigned(st, why)
}
