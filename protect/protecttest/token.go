package protecttest

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
)

// medium names the token's cells in a machine.
const (
	medium    = "token"
	cellState = "state"
)

// Token is a root of trust in memory: a KeyStore with Revoker, Counter and
// SigningKeys whose state lies in the cells of a [powercut.Machine], beside its
// disk and in no image of it. Each change is one step that a power cut may fall
// before. Everything sealed before an Advance is dead, wherever it was copied to.
//
// It plays hardware, for tests: it protects nothing. Tokens on one machine are one
// device. It may be used concurrently.
type Token struct {
	m *powercut.Machine

	mu     sync.Mutex
	fault  error
	closed bool
}

// The abilities.
var (
	_ protect.KeyStore    = (*Token)(nil)
	_ protect.Revoker     = (*Token)(nil)
	_ protect.Counter     = (*Token)(nil)
	_ protect.SigningKeys = (*Token)(nil)
)

// NewToken returns the token of m, which is new when m never had one.
func NewToken(m *powercut.Machine) *Token { return &Token{m: m} }

// Machine returns the machine whose token it is.
func (k *Token) Machine() *powercut.Machine { return k.m }

// SetFault makes every call fail with err until SetFault(nil): an error that is
// [protect.ErrUnavailable], a [*protect.LockoutError], [protect.ErrPolicy].
func (k *Token) SetFault(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fault = err
}

// Clear makes the token a new one, as clearing a TPM does: what it sealed is lost.
func (k *Token) Clear() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.m.Store(medium, cellState, nil)
}

// Info implements protect.KeyStore.
func (k *Token) Info() protect.Info {
	return protect.Info{
		Name: "token", Hardware: true, MaxSecret: 128, BoundTo: "the token",
		Advance: protect.ReachCopies, Protects: "nothing: it plays hardware in tests",
	}
}

// Close implements protect.KeyStore.
func (k *Token) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
	return nil
}

// state is what the cells hold: a seed, which never leaves, and two counters.
type state struct {
	seed       []byte
	generation uint64
	count      uint64
}

const seedSize = 32

// begin returns the state, or why the token does not answer. Under mu.
func (k *Token) begin(ctx context.Context) (state, error) {
	switch {
	case ctx.Err() != nil:
		return state{}, ctx.Err()
	case k.closed:
		return state{}, fs.ErrClosed
	case k.fault != nil:
		return state{}, k.fault
	}
	raw := k.m.Load(medium, cellState)
	if len(raw) != seedSize+16 {
		return state{}, nil
	}
	return state{raw[:seedSize], binary.BigEndian.Uint64(raw[seedSize:]), binary.BigEndian.Uint64(raw[seedSize+8:])}, nil
}

// seeded is begin for calls that need the seed; it makes one at the first call.
func (k *Token) seeded(ctx context.Context) (state, error) {
	s, err := k.begin(ctx)
	if err != nil || s.seed != nil {
		return s, err
	}
	s.seed = make([]byte, seedSize)
	rand.Read(s.seed)
	return s, k.keep(s)
}

// keep stores the state: one step.
func (k *Token) keep(s state) error {
	raw := binary.BigEndian.AppendUint64(bytes.Clone(s.seed), s.generation)
	if err := k.m.Store(medium, cellState, binary.BigEndian.AppendUint64(raw, s.count)); err != nil {
		return fmt.Errorf("%w: %w", protect.ErrUnavailable, err)
	}
	return nil
}

// A blob: kind, 1 | generation, 8, big-endian | AEAD under a key of the seed, the
// kind and the generation; additional data: everything before.
const (
	kindSecret  = 's'
	kindSigning = 'k'
	blobHead    = 9
)

func (s state) aead(kind byte, gen uint64) cipher.AEAD {
	info := string(binary.BigEndian.AppendUint64([]byte{kind}, gen))
	key, err := hkdf.Key(sha256.New, s.seed, nil, info, 32)
	if err != nil {
		panic(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return gcm
}

func (s state) seal(kind byte, gen uint64, secret []byte) []byte {
	head := binary.BigEndian.AppendUint64([]byte{kind}, gen)
	return s.aead(kind, gen).Seal(bytes.Clone(head), nil, secret, head)
}

func (s state) open(kind byte, blob []byte) ([]byte, error) {
	if len(blob) < blobHead || blob[0] != kind {
		return nil, fmt.Errorf("token: not such a blob: %w", protect.ErrTampered)
	}
	gen := binary.BigEndian.Uint64(blob[1:])
	switch {
	case s.seed == nil:
		return nil, fmt.Errorf("token: never used: %w", protect.ErrLost)
	case kind == kindSecret && gen < s.generation:
		return nil, fmt.Errorf("token: blob of generation %d, it is %d: %w", gen, s.generation, protect.ErrRollback)
	case kind == kindSecret && gen > s.generation:
		return nil, fmt.Errorf("token: blob of generation %d, it is %d: %w", gen, s.generation, protect.ErrPolicy)
	}
	secret, err := s.aead(kind, gen).Open(nil, nil, blob[blobHead:], blob[:blobHead])
	if err != nil {
		return nil, fmt.Errorf("token: integrity: %w", protect.ErrLost)
	}
	return secret, nil
}

// Seal implements protect.KeyStore.
func (k *Token) Seal(ctx context.Context, secret []byte) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s, err := k.seeded(ctx)
	if err != nil {
		return nil, fmt.Errorf("token: seal: %w", err)
	}
	return k.seal(s, s.generation, secret)
}

func (k *Token) seal(s state, gen uint64, secret []byte) ([]byte, error) {
	if most := k.Info().MaxSecret; len(secret) == 0 || len(secret) > most {
		return nil, fmt.Errorf("token: seal: %d bytes, want 1 to %d: %w", len(secret), most, fs.ErrInvalid)
	}
	return s.seal(kindSecret, gen, secret), nil
}

// Unseal implements protect.KeyStore.
func (k *Token) Unseal(ctx context.Context, blob []byte) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s, err := k.begin(ctx)
	if err != nil {
		return nil, fmt.Errorf("token: unseal: %w", err)
	}
	return s.open(kindSecret, blob)
}

// Format shows nothing of the state.
func (k *Token) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "protecttest.Token") }
