package recovery

import (
	"crypto"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/iot-device-baseline/baseline/internal/strictjson"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/receipt"
)

// PredicateType is the type of the statement in an answer.
const PredicateType = "https://github.com/iot-device-baseline/baseline/recovery/v1"

// MaxRequest is the most bytes of a request: what a vault escrows, and 4 KiB.
const MaxRequest = 92 << 10

// ErrRequest says that bytes are no request.
var ErrRequest = errors.New("recovery: not a request")

// Escrow returns what seals for recipient: [protect.Options].Escrow. Any KEM of crypto/hpke
// serves; hpke.MLKEM768X25519 keeps a secret for the life of a device from who will have a
// quantum computer. It may be used concurrently.
func Escrow(recipient hpke.PublicKey) func(info, secret []byte) ([]byte, error) {
	return func(info, secret []byte) ([]byte, error) {
		sealed, err := hpke.Seal(recipient, hpke.HKDFSHA256(), hpke.AES256GCM(), info, secret)
		if err != nil {
			return nil, fmt.Errorf("recovery: escrow: %w", err)
		}
		return append(binary.BigEndian.AppendUint16(nil, recipient.KEM().ID()), sealed...), nil
	}
}

// open is the reverse of [Escrow].
func open(key hpke.PrivateKey, info, sealed []byte) ([]byte, error) {
	if len(sealed) < 2 || binary.BigEndian.Uint16(sealed) != key.KEM().ID() {
		return nil, fmt.Errorf("sealed for another kind of key: %w", ErrRequest)
	}
	return hpke.Open(key, hpke.HKDFSHA256(), hpke.AES256GCM(), info, sealed[2:])
}

// Request is what a device that lost its keys shows. It holds no secret. Fields are as the
// device says, until [Request.Answer] opened what is sealed: then Device and Generation
// are authentic.
type Request struct {
	Device     string `json:"device"`     // id of its vault, 32 hex digits
	KeyStore   string `json:"key_store"`  // that was lost
	Generation uint64 `json:"generation"` // of what is sealed: a lower one than was seen before is an old medium
	State      string `json:"state"`      // SHA-256 of what would come back, 64 hex digits
	Info       []byte `json:"info"`
	Sealed     []byte `json:"sealed"` // by [Escrow]
	Key        []byte `json:"key"`    // ML-KEM-768 with X25519, made for this request: its nonce

	digest [sha256.Size]byte
}

var limits = strictjson.Limits{Bytes: MaxRequest, Depth: 1, Items: 16}

// ParseRequest reads a request, which may come from anybody. An error is [ErrRequest].
func ParseRequest(raw []byte) (*Request, error) {
	r := &Request{digest: sha256.Sum256(raw)}
	if err := strictjson.Decode(raw, r, limits); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrRequest, err)
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrRequest, err)
	}
	return r, nil
}

func (r *Request) check() error {
	_, kerr := hpke.MLKEM768X25519().NewPublicKey(r.Key)
	switch {
	case !isHex(r.Device, 16):
		return errors.New("/device: 32 hex digits")
	case !isHex(r.State, sha256.Size):
		return errors.New("/state: 64 hex digits")
	case len(r.KeyStore) == 0 || len(r.KeyStore) > 64:
		return errors.New("/key_store: 1 to 64 bytes")
	case len(r.Info) == 0 || len(r.Sealed) == 0:
		return errors.New("/info, /sealed: missing")
	case kerr != nil:
		return errors.New("/key: not a public key")
	}
	return nil
}

func isHex(s string, n int) bool {
	raw, err := hex.DecodeString(s)
	return err == nil && len(raw) == n && hex.EncodeToString(raw) == s
}

// answer is the predicate of an answer.
type answer struct {
	Device     string `json:"device"`
	Generation uint64 `json:"generation"`
	State      string `json:"state"`
	Sealed     []byte `json:"sealed"` // for the key of the request
}

const labelAnswer = "baseline/protect/recovery/answer/1"

func answerInfo(request [sha256.Size]byte) []byte { return append([]byte(labelAnswer), request[:]...) }

// Answer opens what is sealed with the recipient's key, seals it for the device that asks,
// and has it signed by authorities. It is for the vendor's bench; whether this device
// may, and whether Generation and State are the last that were seen of it, is up to who calls
// it, before. Errors: [ErrRequest] when the key does not open it.
func (r *Request) Answer(key hpke.PrivateKey, authorities ...crypto.Signer) ([]byte, error) {
	secret, err := open(key, r.Info, r.Sealed)
	if err != nil {
		return nil, fmt.Errorf("recovery: answer: %w: %v", ErrRequest, err)
	}
	defer clear(secret)
	if !protect.IsRecoveryInfo(r.Info, r.Device, r.Generation) {
		return nil, fmt.Errorf("recovery: answer: %w: it is of another device or generation", ErrRequest)
	}
	to, err := hpke.MLKEM768X25519().NewPublicKey(r.Key)
	if err != nil {
		return nil, fmt.Errorf("recovery: answer: %w", err)
	}
	sealed, err := hpke.Seal(to, hpke.HKDFSHA256(), hpke.AES256GCM(), answerInfo(r.digest), secret)
	if err != nil {
		return nil, fmt.Errorf("recovery: answer: %w", err)
	}
	predicate, err := json.Marshal(answer{r.Device, r.Generation, r.State, sealed})
	if err != nil {
		return nil, fmt.Errorf("recovery: answer: %w", err)
	}
	envelope, err := receipt.Sign(&receipt.Statement{
		Subject:       []receipt.Subject{{Name: "request", Digest: map[string]string{"sha256": hex.EncodeToString(r.digest[:])}}},
		PredicateType: PredicateType, Predicate: predicate,
	}, authorities...)
	if err != nil {
		return nil, fmt.Errorf("recovery: answer: %w", err)
	}
	return envelope, nil
}

// Authorities are who must agree to a recovery: as many of Keys as Threshold says, default 1.
// They are part of the device's software.
type Authorities struct {
	Keys      []crypto.PublicKey
	Threshold int
}

// open returns what an answer to the request holds for the device's key.
func (a Authorities) open(r *Request, key hpke.PrivateKey, envelope []byte) ([]byte, error) {
	if len(a.Keys) == 0 {
		return nil, fmt.Errorf("nobody is authority: %w", fs.ErrInvalid)
	}
	st, err := receipt.VerifyThreshold(envelope, max(a.Threshold, 1), a.Keys...)
	if err != nil {
		return nil, err
	}
	var got answer
	if err := strictjson.Decode(st.Predicate, &got, limits); err != nil {
		return nil, fmt.Errorf("answer: %v: %w", err, protect.ErrTampered)
	}
	digest := hex.EncodeToString(r.digest[:])
	switch {
	case st.PredicateType != PredicateType, len(st.Subject) != 1, st.Subject[0].Digest["sha256"] != digest,
		got.Device != r.Device, got.Generation != r.Generation, got.State != r.State:
		return nil, fmt.Errorf("it answers another request: %w", protect.ErrForeign)
	}
	secret, err := hpke.Open(key, hpke.HKDFSHA256(), hpke.AES256GCM(), answerInfo(r.digest), got.Sealed)
	if err != nil {
		return nil, fmt.Errorf("answer: %v: %w", err, protect.ErrTampered)
	}
	return secret, nil
}
