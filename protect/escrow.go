package protect

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/iot-device-baseline/baseline/durable"
)

// The recovery is the record vault/recovery:
//
//	 0   3  "bpr"
//	 3   1  format, 1
//	 4   8  generation of the key table
//	12  32  SHA-256 of what is sealed
//	44   2  count, 0 to 16
//	46      for each, ascending: compartment id, 16
//	..      what Options.Escrow made of: for each, in the same order: class, 1 | key, 32;
//	        info: "baseline/protect/recovery/1" | vault id, 16 | all bytes before
const (
	recoveryName   = top + "recovery"
	recoveryMagic  = "bpr"
	recoveryFormat = 1
	recoveryHead   = 46
	labelRecovery  = "baseline/protect/recovery/1"
	coveredSize    = 1 + keySize
	maxCovered     = 16
	maxEscrow      = 64 << 10 // bytes of what Options.Escrow makes
)

// covered reports whether a recovery holds the keys of a class: what a device needs to be
// itself again, and nothing of persons (27402 5.2.4).
func (c Class) covered() bool { return c == ClassSettings || c == ClassIdentity || c == ClassSecurity }

// cover marks what a recovery of t holds, and returns head and secret of it.
func (t *table) cover() (head, secret []byte) {
	var ids []byte
	n := 0
	for i := range t.entries {
		e := &t.entries[i]
		if !e.class.covered() || e.erasing() {
			continue
		}
		e.marks |= markEscrowed
		ids = append(ids, e.id[:]...)
		secret = append(append(secret, byte(e.class)), e.key.b[:]...)
		n++
	}
	sum := sha256.Sum256(secret)
	head = append([]byte(recoveryMagic), recoveryFormat)
	head = binary.BigEndian.AppendUint64(head, t.gen)
	head = append(head, sum[:]...)
	head = binary.BigEndian.AppendUint16(head, uint16(n))
	return append(head, ids...), secret
}

// escrow writes the recovery of next, which is not the table yet and not shared. It comes
// before the table: a key that is about to be destroyed is not in it when that is done. One
// that cannot be written is none, since an older one has too much; Health tells.
func (v *Vault) escrow(ctx context.Context, next *table) error {
	if v.recovering {
		return nil // by what is there, which is all there is
	}
	if v.opts.Escrow == nil {
		return v.dropRecovery(ctx)
	}
	head, secret := next.cover()
	defer clear(secret)
	if bytes.Equal(head, v.escrowed) {
		return nil
	}
	v.escrowed = nil
	sealed, err := v.opts.Escrow(v.hdr.recoveryInfo(head), secret)
	if err == nil && (len(sealed) == 0 || len(sealed) > maxEscrow) {
		err = fmt.Errorf("%d bytes, want 1 to %d: %w", len(sealed), maxEscrow, fs.ErrInvalid)
	}
	if err == nil {
		v.recovery = true
		err = v.medium().Put(ctx, recoveryName, slices.Concat(head, sealed))
	}
	if v.unescrowed = err; err != nil {
		return v.dropRecovery(ctx)
	}
	v.escrowed = head
	return nil
}

// dropRecovery removes the recovery, if there may be one.
func (v *Vault) dropRecovery(ctx context.Context) error {
	if !v.recovery {
		return nil
	}
	err := v.medium().Delete(ctx, recoveryName)
	v.recovery = err != nil
	return err
}

func (h header) recoveryInfo(head []byte) []byte {
	raw, _ := hex.DecodeString(h.ID)
	return slices.Concat([]byte(labelRecovery), raw, head)
}

// loadEscrow makes the recovery that of the table, as it is after a cut, or when the vault
// has one for the first time: then the table says so before there is one. What fails keeps
// nothing from opening: a recovery that is too old lacks what is new, and has nothing that
// was erased. Under v.mu, or before the vault is shared.
func (v *Vault) loadEscrow(ctx context.Context) {
	raw, err := v.medium().Get(ctx, recoveryName)
	v.recovery = !errors.Is(err, fs.ErrNotExist)
	if v.opts.Escrow == nil {
		return // the next generation has none
	}
	next := v.live.with(v.live.gen)
	head, secret := next.cover()
	clear(secret)
	if next.sameMarks(v.live) {
		if r, perr := parseRecovery(raw); err == nil && perr == nil && bytes.Equal(r.head, head) {
			v.escrowed = head
			return
		}
	} else if err := v.writeMarks(ctx, next); err != nil {
		v.unescrowed = err
		return
	}
	if err := v.escrow(ctx, v.live.with(v.live.gen)); err != nil {
		v.unescrowed = err
	}
}

// writeMarks makes next, which says what is escrowed, the table.
func (v *Vault) writeMarks(ctx context.Context, next *table) error {
	if err := v.finish(ctx); err != nil {
		return err
	}
	return v.put(ctx, next)
}

func (t *table) sameMarks(o *table) bool {
	return slices.EqualFunc(t.entries, o.entries, func(a, b entry) bool { return a.marks == b.marks })
}

// parsedRecovery is a recovery's record. Nothing of it is authentic yet.
type parsedRecovery struct {
	gen    uint64
	sum    [sha256.Size]byte
	ids    []id
	head   []byte
	sealed []byte
}

func parseRecovery(raw []byte) (*parsedRecovery, error) {
	if len(raw) < recoveryHead || !bytes.HasPrefix(raw, []byte(recoveryMagic)) {
		return nil, fmt.Errorf("recovery: %w: %w", ErrTampered, errShort)
	}
	if raw[3] != recoveryFormat {
		return nil, fmt.Errorf("recovery: %w %d: %w", errFormat, raw[3], durable.ErrFormat)
	}
	n := int(binary.BigEndian.Uint16(raw[44:]))
	end := recoveryHead + n*idSize
	if n > maxCovered || len(raw) <= end || len(raw) > end+maxEscrow {
		return nil, fmt.Errorf("recovery: %w: lengths", ErrTampered)
	}
	r := &parsedRecovery{gen: binary.BigEndian.Uint64(raw[4:]), sum: [sha256.Size]byte(raw[12:44]), head: raw[:end], sealed: raw[end:]}
	for rest := raw[recoveryHead:end]; len(rest) > 0; rest = rest[idSize:] {
		next := id(rest[:idSize])
		if k := len(r.ids); k > 0 && bytes.Compare(r.ids[k-1][:], next[:]) >= 0 {
			return nil, fmt.Errorf("recovery: order: %w", ErrTampered)
		}
		r.ids = append(r.ids, next)
	}
	return r, nil
}

// entries returns the compartments whose keys secret has.
func (r *parsedRecovery) entries(secret []byte) ([]entry, error) {
	if len(secret) != len(r.ids)*coveredSize || sha256.Sum256(secret) != r.sum {
		return nil, fmt.Errorf("recovery: not what was sealed: %w", ErrTampered)
	}
	var out []entry
	for i, of := range r.ids {
		part := secret[i*coveredSize : (i+1)*coveredSize]
		e := entry{id: of, class: Class(part[0]), state: stateLive, marks: markOld | markEscrowed, key: &key{[keySize]byte(part[1:])}}
		if !e.class.covered() || slices.ContainsFunc(out, func(o entry) bool { return o.class == e.class }) {
			return nil, fmt.Errorf("recovery: class %v: %w", e.class, ErrTampered)
		}
		out = append(out, e)
	}
	return out, nil
}
