package efuse

import (
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/protect"
)

const (
	rootSize   = 32
	idSize     = 16
	recordName = "fuses"
)

// bank is the record on the fuse medium. The root is burned once; the generation
// only grows.
type bank struct {
	Root       []byte `json:"root"`
	Generation uint64 `json:"generation"`
}

// Format redacts the bank.
func (bank) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

func (b bank) check() error {
	if len(b.Root) != rootSize {
		return fmt.Errorf("/root: want %d bytes", rootSize)
	}
	return nil
}

func record(fuses durable.Store) *durable.Value[bank] {
	return durable.NewValue(fuses, recordName, &durable.ValueOptions[bank]{Check: bank.check, MaxBytes: 256, MaxDepth: 2, MaxItems: 4})
}

// Burn makes the root key of a device, once in its life and in the factory. It does
// I/O. Fuses that are burned give an error that is [fs.ErrExist], damaged ones
// [protect.ErrTampered]: nothing is ever burned over. A power cut leaves a bank that is
// burned, or one to burn again.
func Burn(ctx context.Context, fuses durable.Store) error {
	_, err := load(ctx, fuses)
	switch {
	case err == nil:
		return fmt.Errorf("efuse: burn: the fuses are burned: %w", fs.ErrExist)
	case !errors.Is(err, protect.ErrMissing):
		return fmt.Errorf("efuse: burn: %w", err)
	}
	root := make([]byte, rootSize)
	rand.Read(root)
	if err := record(fuses).Store(ctx, bank{Root: root}); err != nil {
		return fmt.Errorf("efuse: burn: %w", err)
	}
	return nil
}

func load(ctx context.Context, fuses durable.Store) (bank, error) {
	b, err := record(fuses).Load(ctx)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return bank{}, fmt.Errorf("the fuses are not burned: %w", protect.ErrMissing)
	case errors.Is(err, durable.ErrCorrupt):
		return bank{}, fmt.Errorf("fuses: %w: %v", protect.ErrTampered, err)
	case err != nil && ctx.Err() == nil:
		return bank{}, fmt.Errorf("fuses: %w: %w", protect.ErrUnavailable, err)
	}
	return b, err
}

// derive gives the bytes for one purpose: "id", or "seal" with a generation.
func (b bank) derive(purpose string, gen uint64, size int) []byte {
	info := binary.BigEndian.AppendUint64([]byte("efuse 1 "+purpose+" "), gen)
	out, err := hkdf.Key(sha256.New, b.Root, nil, string(info), size)
	if err != nil {
		panic("efuse: " + err.Error()) // only for lengths that are constant here
	}
	return out
}
