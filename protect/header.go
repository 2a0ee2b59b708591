package protect

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/iot-device-baseline/baseline/durable"
)

// maxMoves is how often a vault goes to another key store.
const maxMoves = 4

// Names of the vault's own records.
const (
	top        = "vault/"
	headerName = top + "header"
)

// tableTop is the beginning of the names of tables.
const tableTop = "table."

// tableName returns the record of the table of a generation. Two generations
// that follow each other have different records, so that the next is written
// while the present one stays; so have two key stores.
func (h header) tableName(gen uint64) string {
	if n := len(h.earlier()); n > 0 {
		return fmt.Sprintf("%s%s%d.%d", top, tableTop, n, gen%2)
	}
	return fmt.Sprintf("%s%s%d", top, tableTop, gen%2)
}

// earlier returns the key stores that the vault was moved from.
func (h header) earlier() []string {
	if h.From == "" {
		return nil
	}
	return strings.Split(h.From, ",")
}

// header says what the vault was provisioned with. It is a durable.Value and so
// strict JSON; it is readable without a secret, and the key table authenticates
// what it says.
type header struct {
	ID        string `json:"id"`                  // 32 hex digits, random
	KeyStore  string `json:"key_store"`           // Info.Name
	Hardware  bool   `json:"hardware"`            // Info.Hardware
	From      string `json:"from,omitempty"`      // key stores that it was moved from, oldest first, with commas
	Recovered uint32 `json:"recovered,omitempty"` // how often it was recovered
}

func (h header) check() error {
	raw, err := hex.DecodeString(h.ID)
	if err != nil || len(raw) != idSize || hex.EncodeToString(raw) != h.ID {
		return errors.New("/id: 32 hex digits")
	}
	if !validMechanism(h.KeyStore) {
		return errors.New("/key_store: 1 to 64 bytes of [a-z0-9-]")
	}
	if from := h.earlier(); len(from) > maxMoves || slices.ContainsFunc(from, func(s string) bool { return !validMechanism(s) }) {
		return errors.New("/from: at most 4 names of 1 to 64 bytes of [a-z0-9-]")
	}
	return nil
}

// bind is the additional data of the key table whose file begins with prefix.
func (h header) bind(prefix []byte) []byte {
	raw, _ := hex.DecodeString(h.ID) // checked when it was loaded
	data := append([]byte(labelTable), prefix...)
	data = append(data, raw...)
	hardware := byte(0)
	if h.Hardware {
		hardware = 1
	}
	data = append(append(data, hardware), h.KeyStore...)
	if h.From != "" {
		data = append(append(data, 0), h.From...)
	}
	if h.Recovered > 0 {
		data = binary.BigEndian.AppendUint32(append(data, 0), h.Recovered)
	}
	return data
}

func headerValue(s durable.Store) *durable.Value[header] {
	return durable.NewValue(s, headerName, &durable.ValueOptions[header]{Check: header.check, MaxBytes: 1 << 10, MaxDepth: 1, MaxItems: 8})
}

// loadHeader returns the header, with an error that is [fs.ErrNotExist] without one.
func loadHeader(ctx context.Context, s durable.Store) (header, error) {
	h, err := headerValue(s).Load(ctx)
	if errors.Is(err, durable.ErrCorrupt) {
		return h, vaultError("header", actReprovision, fmt.Errorf("%w: %v", ErrTampered, err))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return h, fmt.Errorf("protect: header: %w", err)
	}
	return h, err
}

// matches says why keys is not the key store that the header records.
func (h header) matches(info Info) error {
	switch {
	case h.Hardware && !info.Hardware:
		return vaultError("key store", actKeyStore,
			fmt.Errorf("hardware %q is recorded, software %q was given: %w", h.KeyStore, info.Name, ErrForeign))
	case h.KeyStore != info.Name || h.Hardware != info.Hardware:
		return vaultError("key store", actKeyStore, fmt.Errorf("%q is recorded, %q was given: %w", h.KeyStore, info.Name, ErrForeign))
	}
	return nil
}

func validMechanism(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= 64
}
