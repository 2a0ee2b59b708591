package protect

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strconv"

	"github.com/iot-device-baseline/baseline/clause"
)

// Describe tells the report as names and values, for the composition and for
// documents. Like [Vault.Report] it is a typed read in process.
func (v *Vault) Describe(ctx context.Context) ([]clause.Setting, error) {
	r := v.Report(ctx)
	return []clause.Setting{
		{Name: "key store", Value: r.KeyStore.Name},
		{Name: "hardware", Value: strconv.FormatBool(r.KeyStore.Hardware)},
		{Name: "bound to", Value: r.KeyStore.BoundTo},
		{Name: "erasure", Value: string(r.Erasure)},
		{Name: "rollback", Value: r.Rollback},
	}, nil
}

// Features returns what erasing by key does (27402 5.2.4). How far it reaches is a
// setting of the feature: the key store decides that.
func (s *Subjects) Features() []clause.Feature {
	return []clause.Feature{{
		ID: "protect.erase-subject", Clauses: []clause.ID{clause.C5_2_4_1_1, clause.C5_2_4_1_2},
		Package: "protect", Summary: "the user data of one person is erased by destroying its key, for who may",
		Settings: []clause.Setting{{Name: "method", Value: string(s.v.method())}},
	}}
}

// text is all that a compartment shows of itself: it holds keys and a subject.
func (c *Compartment) text() string { return "protect.Compartment(" + c.c.class.String() + ")" }

// String returns the class, not the subject.
func (c *Compartment) String() string { return c.text() }

// GoString returns String.
func (c *Compartment) GoString() string { return c.text() }

// MarshalText returns String.
func (c *Compartment) MarshalText() ([]byte, error) { return []byte(c.text()), nil }

// LogValue returns String.
func (c *Compartment) LogValue() slog.Value { return slog.StringValue(c.text()) }

// Format redacts the vault, which holds keys.
func (v *Vault) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "protect.Vault"+redacted) }

// MarshalText redacts the vault.
func (v *Vault) MarshalText() ([]byte, error) { return []byte("protect.Vault" + redacted), nil }

// LogValue redacts the vault.
func (v *Vault) LogValue() slog.Value { return slog.StringValue("protect.Vault" + redacted) }

// Format redacts the writer, which holds a key.
func (w *StreamWriter) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "protect.StreamWriter"+redacted)
}

// MarshalText redacts the writer.
func (w *StreamWriter) MarshalText() ([]byte, error) {
	return []byte("protect.StreamWriter" + redacted), nil
}

// LogValue redacts the writer.
func (w *StreamWriter) LogValue() slog.Value {
	return slog.StringValue("protect.StreamWriter" + redacted)
}

// Format redacts the reader, which holds a key.
func (r *StreamReader) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "protect.StreamReader"+redacted)
}

// MarshalText redacts the reader.
func (r *StreamReader) MarshalText() ([]byte, error) {
	return []byte("protect.StreamReader" + redacted), nil
}

// LogValue redacts the reader.
func (r *StreamReader) LogValue() slog.Value {
	return slog.StringValue("protect.StreamReader" + redacted)
}
