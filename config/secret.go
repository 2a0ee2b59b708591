package config

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a setting that is written and never read back: a password, a token, a
// key. Every setting of class secret has this type, and only those. It redacts
// itself in fmt, JSON and log/slog.
type Secret string

const redacted = "[secret]"

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// Format writes a fixed text, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// String returns a fixed text.
func (s Secret) String() string { return redacted }

// GoString returns a fixed text.
func (s Secret) GoString() string { return redacted }

// MarshalText gives a fixed text, so that a secret cannot leave by JSON.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue returns a fixed text.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
