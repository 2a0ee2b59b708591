package password

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bounds of what a stored hash may ask for: a forged record must not be able to
// take the memory or the time of the device.
const (
	maxMemory   = 64 << 10 // KiB
	maxTime     = 16
	maxThreads  = 4
	saltSize    = 16
	maxSaltSize = 64
	sumSize     = 32
	maxPHC      = 256 // bytes
)

// Params are the cost of argon2id (RFC 9106).
type Params struct {
	Memory  int // KiB; 8 times Threads to 65,536
	Time    int // passes; 1 to 16
	Threads int // 1 to 4
}

// Default is the cost of a Hasher without options: 19 MiB, two passes.
func Default() Params { return Params{Memory: 19 << 10, Time: 2, Threads: 1} }

func (p Params) check() error {
	switch {
	case p.Threads < 1 || p.Threads > maxThreads:
		return fmt.Errorf("password: threads are 1 to %d", maxThreads)
	case p.Time < 1 || p.Time > maxTime:
		return fmt.Errorf("password: time is 1 to %d", maxTime)
	case p.Memory < 8*p.Threads || p.Memory > maxMemory:
		return fmt.Errorf("password: memory is %d to %d KiB", 8*p.Threads, maxMemory)
	}
	return nil
}

// weaker reports whether p costs an attacker less than q. Memory times passes is
// what the OWASP-equivalent line roughly keeps.
func (p Params) weaker(q Params) bool {
	return float64(p.Memory*p.Time) < math.Floor(0.9*float64(q.Memory*q.Time))
}

// phc is a hash in the PHC string format.
type phc struct {
	Params
	salt, sum []byte
}

// String is the one spelling of h: $argon2id$v=19$m=19456,t=2,p=1$SALT$SUM.
func (h phc) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", h.Memory, h.Time, h.Threads, b64.EncodeToString(h.salt), b64.EncodeToString(h.sum))
}

// parsePHC reads what [phc.String] writes, and nothing else: one version, one
// order of parameters, one spelling of each number, costs within the bounds.
func parsePHC(s string) (phc, error) {
	bad := func(rule string) (phc, error) { return phc{}, fmt.Errorf("password: %w: %s", ErrMalformed, rule) }
	if len(s) > maxPHC {
		return bad("longer than 256 bytes")
	}
	f := strings.Split(s, "$")
	if len(f) != 6 || f[0] != "" || f[1] != "argon2id" || f[2] != "v=19" {
		return bad("not argon2id of version 19")
	}
	var h phc
	costs := strings.Split(f[3], ",")
	if len(costs) != 3 || !cost(costs[0], "m=", &h.Memory) || !cost(costs[1], "t=", &h.Time) || !cost(costs[2], "p=", &h.Threads) {
		return bad("parameters are m=,t=,p=")
	}
	if err := h.check(); err != nil {
		return bad("cost out of bounds")
	}
	var err error
	b64 := base64.RawStdEncoding.Strict()
	if h.salt, err = b64.DecodeString(f[4]); err != nil || len(h.salt) < saltSize || len(h.salt) > maxSaltSize {
		return bad("salt is base64 of 16 to 64 bytes")
	}
	if h.sum, err = b64.DecodeString(f[5]); err != nil || len(h.sum) != sumSize {
		return bad("sum is base64 of 32 bytes")
	}
	if h.String() != s {
		return bad("not in its one spelling")
	}
	return h, nil
}

func cost(s, key string, to *int) bool {
	digits, ok := strings.CutPrefix(s, key)
	if !ok || len(digits) > 6 {
		return false
	}
	n, err := strconv.ParseUint(digits, 10, 24)
	*to = int(n)
	return err == nil
}
