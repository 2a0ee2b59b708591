package password

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"unicode/utf8"
)

// MaxBytes is the greatest length of a password in bytes.
const MaxBytes = 256

// The failures that a caller can act on.
var (
	// ErrWrong: the name or the password is not right. It does not say which.
	ErrWrong = errors.New("name or password is wrong")
	// ErrWeak: a new password is shorter than the rule. The message names the rule.
	ErrWeak = errors.New("password is too weak")
	// ErrInvalid: not valid UTF-8, or longer than [MaxBytes].
	ErrInvalid = errors.New("password is not valid")
	// ErrMalformed: a stored hash that this package did not write, or whose cost is
	// out of bounds.
	ErrMalformed = errors.New("stored hash is malformed")
	// ErrFull: a limit on the number of credentials is reached.
	ErrFull = errors.New("too many credentials")
)

const redacted = "[redacted]"

// Password is a password in clear. However it is printed, logged or encoded, it
// shows "[redacted]". It is compared and hashed as its bytes are: no case folding,
// no normalisation of Unicode. Who types it on keyboards that compose accents
// differently should choose others.
type Password struct{ text *string } // a pointer: fmt prints it as an address even where it cannot call Format

// New returns s as a Password.
func New(s string) Password { return Password{&s} }

func (p Password) bytes() []byte {
	if p.text == nil {
		return nil
	}
	return []byte(*p.text)
}

// Format writes "[redacted]" for every verb.
func (p Password) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// MarshalText gives "[redacted]".
func (p Password) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue gives "[redacted]".
func (p Password) LogValue() slog.Value { return slog.StringValue(redacted) }

// check reports whether p can be a password at all.
func (p Password) check() error {
	switch {
	case p.text == nil || *p.text == "":
		return fmt.Errorf("password: %w: empty", ErrInvalid)
	case len(*p.text) > MaxBytes:
		return fmt.Errorf("password: %w: longer than %d bytes", ErrInvalid, MaxBytes)
	case !utf8.ValidString(*p.text):
		return fmt.Errorf("password: %w: not UTF-8", ErrInvalid)
	}
	return nil
}

// strong reports whether p may be set, for the user called id.
func (p Password) strong(minimum int, id string) error {
	if err := p.check(); err != nil {
		return err
	}
	if n := utf8.RuneCountInString(*p.text); n < minimum {
		return fmt.Errorf("password: %w: %d characters, at least %d", ErrWeak, n, minimum)
	}
	if strings.EqualFold(*p.text, id) {
		return fmt.Errorf("password: %w: it is the name of its user", ErrWeak)
	}
	first, _ := utf8.DecodeRuneInString(*p.text)
	if strings.Count(*p.text, string(first)) == utf8.RuneCountInString(*p.text) {
		return fmt.Errorf("password: %w: one character only", ErrWeak)
	}
	return nil
}
