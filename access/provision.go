package access

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/iot-device-baseline/baseline/durable"
)

// The alphabet of Crockford's base 32: no I, L, O, U.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

const (
	secretChars = 20 // 100 bits
	secretGroup = 5
	redacted    = "[redacted]"
)

// ProvisionOptions are the options of [Provision].
type ProvisionOptions struct {
	Log *slog.Logger // nil discards
}

// Provision makes the initial secret of the device, 100 random bits, and keeps a
// verifier of it in store. It is called once in the life of a device, in the
// factory: a second call is [ErrProvisioned], a damaged record that of the store.
// Nothing calls it by itself, least of all a start without state.
//
// A power cut before the secret is on the label leaves a device whose secret
// nobody knows. It holds nothing yet: clear its store and provision again.
func Provision(ctx context.Context, store durable.Store, opts *ProvisionOptions) (*Secret, error) {
	if store == nil {
		return nil, badInput("provision", "", "has a store")
	}
	value := openRecord(store)
	switch _, err := value.Load(ctx); {
	case err == nil:
		return nil, fmt.Errorf("access: provision: %w", ErrProvisioned)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("access: provision: %w", err)
	}
	salt := make([]byte, verifierSaltSize)
	rand.Read(salt)
	secret := newSecret()
	if err := value.Store(ctx, record{Verifier: newVerifier(salt, secret), Serves: true, Period: newOwnership()}); err != nil {
		return nil, fmt.Errorf("access: provision: %w", err)
	}
	if opts != nil && opts.Log != nil {
		opts.Log.LogAttrs(ctx, LevelAudit, EventProvisioned)
	}
	s := &Secret{}
	s.text.Store(&secret)
	return s, nil
}

func newSecret() string {
	b := make([]byte, secretChars)
	rand.Read(b)
	for i := range b {
		b[i] = crockford[b[i]&31]
	}
	return string(b)
}

// normalSecret brings what somebody typed to the form of newSecret: any case,
// with or without "-" and spaces, O for 0, I and L for 1. What cannot be a secret
// gives "".
func normalSecret(s string) string {
	if len(s) > 4*secretChars {
		return ""
	}
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		switch {
		case c == '-' || c == ' ':
			continue
		case c == 'O':
			c = '0'
		case c == 'I' || c == 'L':
			c = '1'
		}
		if strings.IndexByte(crockford, c) < 0 {
			return ""
		}
		b.WriteByte(c)
	}
	if b.Len() != secretChars {
		return ""
	}
	return b.String()
}

// Secret holds the initial secret until it is revealed. However it is printed,
// logged or encoded, it shows "[redacted]".
type Secret struct {
	text atomic.Pointer[string]
}

// Reveal returns the secret in groups of five ("XXXXX-XXXXX-XXXXX-XXXXX"), for
// the label of the device, the first time it is called; then "".
func (s *Secret) Reveal() string {
	p := s.text.Swap(nil)
	if p == nil {
		return ""
	}
	var groups []string
	for i := 0; i < len(*p); i += secretGroup {
		groups = append(groups, (*p)[i:i+secretGroup])
	}
	return strings.Join(groups, "-")
}

// Format writes "[redacted]" for every verb.
func (s *Secret) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// MarshalText gives "[redacted]".
func (s *Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue gives "[redacted]".
func (s *Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

func isPrint(r rune) bool { return r != utf8.RuneError && strconv.IsPrint(r) }
