package softkeys

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/protect"
)

const (
	keySize   = 32
	idSize    = 16
	maxRecord = 1 << 10 // bytes of the record, at most
)

// record is the state: one durable.Value, replaced as a whole, so that a
// generation and the removal of older keys are one step.
type record struct {
	ID         string   `json:"id"`         // 32 hex digits, random
	Generation uint64   `json:"generation"` // 0 at first
	Keys       []genKey `json:"keys"`       // of the present and the next generation, as far as made
	Signing    []byte   `json:"signing"`    // seals for all generations: signing keys
}

// genKey seals secrets for one generation.
type genKey struct {
	Generation uint64 `json:"generation"`
	Key        []byte `json:"key"`
}

func (r record) check() error {
	id, err := hex.DecodeString(r.ID)
	if err != nil || len(id) != idSize || hex.EncodeToString(id) != r.ID {
		return errors.New("/id: 32 hex digits")
	}
	if r.Generation >= 1<<63 {
		return errors.New("/generation: below 2^63")
	}
	if len(r.Signing) != keySize {
		return errors.New("/signing: 32 bytes")
	}
	if len(r.Keys) > 2 {
		return errors.New("/keys: at most 2")
	}
	for i, k := range r.Keys {
		if len(k.Key) != keySize || k.Generation != r.Generation && k.Generation != r.Generation+1 ||
			i > 0 && k.Generation <= r.Keys[i-1].Generation {
			return fmt.Errorf("/keys/%d: 32 bytes, of this generation or the next, in order", i)
		}
	}
	return nil
}

func (k *Keys) value() *durable.Value[record] {
	return durable.NewValue(k.medium(), k.name, &durable.ValueOptions[record]{
		Check: record.check, MaxBytes: maxRecord, MaxDepth: 4, MaxItems: 32,
	})
}

func (k *Keys) load(ctx context.Context) error {
	rec, err := k.value().LoadOr(ctx, record{})
	if errors.Is(err, durable.ErrCorrupt) {
		return fmt.Errorf("keys: %w: %v", protect.ErrTampered, err)
	}
	if err != nil {
		return err
	}
	k.rec = &rec
	return nil
}

// save stores rec and then works with it. When that fails, the next operation
// looks at what the medium shows.
func (k *Keys) save(ctx context.Context, rec record) error {
	k.dirty = true
	if err := k.value().Store(ctx, rec); err != nil {
		if errors.Is(err, fs.ErrInvalid) {
			return fmt.Errorf("store keys: %w", err)
		}
		return fmt.Errorf("store keys: %w: %w", protect.ErrUnavailable, err)
	}
	k.rec, k.dirty = &rec, false
	return nil
}

// identified returns r with what a first record needs.
func (r record) identified() record {
	if r.ID == "" {
		id := make([]byte, idSize)
		rand.Read(id)
		r.ID, r.Signing = hex.EncodeToString(id), randomKey()
	}
	r.Keys = append([]genKey{}, r.Keys...) // never nil, which is null in JSON
	return r
}

func (r record) key(gen uint64) []byte {
	for _, k := range r.Keys {
		if k.Generation == gen {
			return k.Key
		}
	}
	return nil
}

// withKey returns r with a new key for gen, which has none: this generation, whose
// key comes first, or the next.
func (r record) withKey(gen uint64) record {
	r = r.identified()
	at := len(r.Keys)
	if gen == r.Generation {
		at = 0
	}
	r.Keys = slices.Insert(r.Keys, at, genKey{Generation: gen, Key: randomKey()})
	return r
}

// advanced returns r in the next generation, without the keys of older ones.
func (r record) advanced() record {
	r = r.identified()
	r.Generation++
	r.Keys = slices.DeleteFunc(r.Keys, func(k genKey) bool { return k.Generation < r.Generation })
	return r
}
