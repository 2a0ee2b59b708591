package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/argon2"
)

// HasherOptions are the options of [NewHasher].
type HasherOptions struct {
	Params Params // of new hashes; zero is [Default]
	Slots  int    // hashes that run at the same time, 1 to 16; default 1
	// MinLength of new passwords in characters: 8 to 64, default 15. Below 15 is for
	// a password that is one of several factors.
	MinLength int
}

// Hasher hashes and verifies passwords, at most Slots at a time: however many
// people log in, they take Slots times the memory of one hash. Make one per
// process. It may be used concurrently.
type Hasher struct {
	params  Params
	minimum int
	slots   chan struct{}
	dummy   phc
}

// NewHasher returns a Hasher, or says which option is out of bounds.
func NewHasher(opts *HasherOptions) (*Hasher, error) {
	o := HasherOptions{}
	if opts != nil {
		o = *opts
	}
	if o.Params == (Params{}) {
		o.Params = Default()
	}
	if o.Slots == 0 {
		o.Slots = 1
	}
	if o.MinLength == 0 {
		o.MinLength = 15
	}
	if err := o.Params.check(); err != nil {
		return nil, err
	}
	if o.Slots < 1 || o.Slots > 16 {
		return nil, fmt.Errorf("password: slots are 1 to 16")
	}
	if o.MinLength < 8 || o.MinLength > 64 {
		return nil, fmt.Errorf("password: minimum length is 8 to 64")
	}
	h := &Hasher{params: o.Params, minimum: o.MinLength, slots: make(chan struct{}, o.Slots)}
	h.dummy = phc{Params: o.Params, salt: random(saltSize), sum: random(sumSize)}
	return h, nil
}

// Params returns the cost of new hashes.
func (h *Hasher) Params() Params { return h.params }

// Hash returns the argon2id hash of p as a PHC string. A password that must not be
// set is [ErrWeak] or [ErrInvalid]. It waits for a slot, until ctx is done.
func (h *Hasher) Hash(ctx context.Context, p Password) (string, error) {
	if err := p.strong(h.minimum, ""); err != nil {
		return "", err
	}
	return h.hash(ctx, p)
}

func (h *Hasher) hash(ctx context.Context, p Password) (string, error) {
	out := phc{Params: h.params, salt: random(saltSize)}
	var err error
	if out.sum, err = h.run(ctx, p, out); err != nil {
		return "", err
	}
	return out.String(), nil
}

// Verify reports whether p is the password of encoded, in constant time, and
// whether encoded costs less than new hashes do, so that it should be replaced. A
// string that [Hasher.Hash] cannot have written is [ErrMalformed]; a password that
// cannot be one [ErrInvalid]. It waits for a slot, until ctx is done.
func (h *Hasher) Verify(ctx context.Context, encoded string, p Password) (match, upgrade bool, err error) {
	if err := p.check(); err != nil {
		return false, false, err
	}
	want, err := parsePHC(encoded)
	if err != nil {
		return false, false, err
	}
	sum, err := h.run(ctx, p, want)
	if err != nil {
		return false, false, err
	}
	match = subtle.ConstantTimeCompare(sum, want.sum) == 1
	return match, match && want.weaker(h.params), nil
}

// Dummy takes as long as Verify of a hash of the present cost, and fails as a wrong
// password does: the answer to a name that nobody has.
func (h *Hasher) Dummy(ctx context.Context, p Password) error {
	if err := p.check(); err != nil {
		return err
	}
	sum, err := h.run(ctx, p, h.dummy)
	if err != nil {
		return err
	}
	subtle.ConstantTimeCompare(sum, h.dummy.sum)
	return fmt.Errorf("password: %w", ErrWrong)
}

func (h *Hasher) run(ctx context.Context, p Password, c phc) ([]byte, error) {
	if h.slots == nil {
		return nil, errors.New("password: the hasher was not made by NewHasher")
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("password: wait for a slot: %w", err)
	}
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-ctx.Done():
		return nil, fmt.Errorf("password: wait for a slot: %w", ctx.Err())
	}
	return argon2.IDKey(p.bytes(), c.salt, uint32(c.Time), uint32(c.Memory), uint8(c.Threads), sumSize), nil
}

// Calibrate measures this device and returns the costliest parameters that one
// hash does in target, within memory KiB (0: 46 MiB): along the line of equal
// strength 46 MiB/1, 19/2, 12/3, 9/4, 7/5, then with more passes up to 16. When even
// the cheapest takes longer, it returns that: less is not secure, the login waits.
// It runs a few hashes; call it once, at provisioning, and keep the result.
func Calibrate(target time.Duration, memory int) Params {
	return calibrate(target, memory, func(p Params) time.Duration {
		start := time.Now()
		argon2.IDKey([]byte("calibrate"), make([]byte, saltSize), uint32(p.Time), uint32(p.Memory), uint8(p.Threads), sumSize)
		return time.Since(start)
	})
}

func line() []Params {
	return []Params{{46 << 10, 1, 1}, {19 << 10, 2, 1}, {12 << 10, 3, 1}, {9 << 10, 4, 1}, {7 << 10, 5, 1}}
}

func calibrate(target time.Duration, memory int, measure func(Params) time.Duration) Params {
	if memory == 0 {
		memory = 46 << 10
	}
	all := line()
	best := all[len(all)-1]
	for _, p := range all {
		if p.Memory > memory {
			continue
		}
		took := measure(p)
		if took <= target {
			passes := int(target / max(took/time.Duration(p.Time), 1))
			p.Time = min(max(passes, p.Time), maxTime)
			return p
		}
	}
	return best
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}
