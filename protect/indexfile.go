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
	"strings"

	"github.com/iot-device-baseline/baseline/durable"
)

// Records of the indexes, in the directory:
//
//	vault/index/C.0, vault/index/C.1  the index of compartment C with an even, an odd number
//	vault/index/C/F                   a mark: file F of C was removed since the anchor
//
// An index: AEAD under the compartment's index key of
//
//	0   4  count of files
//	for each, by file, ascending:
//	0  16  file: the MAC that names it
//	16  8  version
//	24  1  0; or 1 for what may be there instead: a stream that was being written
//
// additional data: "baseline/protect/index/1" | class, 1 | compartment id, 16 | number of
// the index, 8. The key table has the number and the SHA-256 of the one in force.
//
// A mark: AEAD under the same key of a version, 8; additional data:
// "baseline/protect/gone/1" | class, 1 | compartment id, 16 | file, 16.
const (
	indexTop   = top + "index/"
	labelIndex = "baseline/protect/index/1"
	labelGone  = "baseline/protect/gone/1"
	indexHead  = 4
	indexEntry = macSize + 8 + 1
)

// MaxFiles is the most values and streams in one compartment, over a key store that
// counts: more would not fit into an index.
const MaxFiles = 40_000

// maxIndex is what an index has room for: those, and what may be there instead of some.
const maxIndex = (durable.MaxValue - indexHead - aeadOverhead) / indexEntry

func (i id) indexName(number uint64) string {
	return fmt.Sprintf("%s%s.%d", indexTop, i, number%2)
}

func (i id) goneName(file string) string { return indexTop + i.String() + "/" + file }

func (c *cell) indexData(label string, more []byte) []byte {
	data := append([]byte(label), byte(c.class))
	return append(append(data, c.id[:]...), more...)
}

// sealIndex makes the file of the index with a number.
func (c *cell) sealIndex(number uint64) ([]byte, error) {
	plain := c.index.encode()
	if n := (len(plain) - indexHead) / indexEntry; n > maxIndex {
		return nil, fmt.Errorf("%d files in a compartment, at most %d: %w", n, maxIndex, durable.ErrFull)
	}
	data := c.indexData(labelIndex, binary.BigEndian.AppendUint64(nil, number))
	return c.indexes.Seal(nil, nil, plain, data), nil
}

func (x *index) encode() []byte {
	x.mu.RLock()
	defer x.mu.RUnlock()
	n := len(x.versions) + len(x.pending)
	plain := binary.BigEndian.AppendUint32(make([]byte, 0, indexHead+n*indexEntry), uint32(n))
	files := make([]string, 0, n)
	for _, of := range []map[string]uint64{x.versions, x.pending} {
		for file := range of {
			files = append(files, file)
		}
	}
	slices.Sort(files)
	for _, file := range slices.Compact(files) {
		for flag, of := range []map[string]uint64{x.versions, x.pending} {
			if v := of[file]; v != 0 {
				raw, _ := hex.DecodeString(file) // it is a MAC in hex
				plain = binary.BigEndian.AppendUint64(append(plain, raw...), v)
				plain = append(plain, byte(flag))
			}
		}
	}
	return plain
}

// openIndex reads what sealIndex made.
func (c *cell) openIndex(number uint64, digest [sha256.Size]byte, raw []byte) (versions, pending map[string]uint64, err error) {
	if sha256.Sum256(raw) != digest {
		return nil, nil, fmt.Errorf("index: not the one that was anchored: %w", ErrTampered)
	}
	plain, err := c.indexes.Open(nil, nil, raw, c.indexData(labelIndex, binary.BigEndian.AppendUint64(nil, number)))
	if err != nil {
		return nil, nil, fmt.Errorf("index: %w: %w", ErrTampered, errAuth)
	}
	return decodeIndex(plain)
}

// decodeIndex accepts exactly what sealIndex encodes.
func decodeIndex(plain []byte) (versions, pending map[string]uint64, err error) {
	if len(plain) < indexHead || uint64(len(plain)-indexHead) != uint64(binary.BigEndian.Uint32(plain))*indexEntry {
		return nil, nil, fmt.Errorf("index: length: %w", ErrTampered)
	}
	maps := [2]map[string]uint64{{}, {}}
	var last []byte
	for rest := plain[indexHead:]; len(rest) > 0; rest = rest[indexEntry:] {
		version, flag := binary.BigEndian.Uint64(rest[macSize:]), rest[macSize+8]
		this := append(bytes.Clone(rest[:macSize]), flag)
		if flag > 1 || version == 0 || last != nil && bytes.Compare(last, this) >= 0 {
			return nil, nil, fmt.Errorf("index: order: %w", ErrTampered)
		}
		maps[flag][hex.EncodeToString(rest[:macSize])], last = version, this
	}
	return maps[0], maps[1], nil
}

// loadIndexes reads the index of each compartment that has none yet. One that cannot be
// read shuts its compartment alone.
func (v *Vault) loadIndexes(ctx context.Context) error {
	for _, e := range v.live.entries {
		c := v.cells[e.id]
		if v.count == nil || !c.index.notRead() {
			continue
		}
		fresh := e.fresh
		var versions, pending map[string]uint64
		gone, err := v.loadGone(ctx, c)
		if v.accepting { // what is there is believed, and what was removed
			fresh = 0
		} else if err == nil {
			versions, pending, err = v.loadIndex(ctx, c, e)
		}
		if errors.Is(err, durable.ErrCorrupt) {
			err = fmt.Errorf("%w: %v", ErrTampered, err)
		} else if err != nil {
			return err
		}
		c.index.begin(v.live.tag, fresh, versions, pending, gone, err)
	}
	return nil
}

func (v *Vault) loadIndex(ctx context.Context, c *cell, e entry) (versions, pending map[string]uint64, err error) {
	if e.index == 0 {
		return nil, nil, nil
	}
	raw, err := v.medium().Get(ctx, e.id.indexName(e.index))
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("index: missing: %w", ErrTampered)
	}
	if err != nil {
		return nil, nil, err
	}
	return c.openIndex(e.index, e.digest, raw)
}

// loadGone reads the marks.
func (v *Vault) loadGone(ctx context.Context, c *cell) (map[string]uint64, error) {
	gone := map[string]uint64{}
	names, err := v.medium().List(ctx, c.id.goneName(""))
	for _, name := range names {
		raw, err := v.medium().Get(ctx, name)
		file := strings.TrimPrefix(name, c.id.goneName(""))
		version, ok := uint64(0), false
		if err == nil {
			version, ok = c.openGone(file, raw)
		}
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, durable.ErrCorrupt), err == nil && !ok:
			// Without it the file counts as missing, which is the safe side.
		case err != nil:
			return nil, err
		default:
			gone[file] = version
		}
	}
	return gone, err
}

func (c *cell) sealGone(file string, version uint64) []byte {
	raw, _ := hex.DecodeString(file)
	return c.indexes.Seal(nil, nil, binary.BigEndian.AppendUint64(nil, version), c.indexData(labelGone, raw))
}

func (c *cell) openGone(file string, sealed []byte) (uint64, bool) {
	raw, err := hex.DecodeString(file)
	if err != nil || len(raw) != macSize {
		return 0, false
	}
	plain, err := c.indexes.Open(nil, nil, sealed, c.indexData(labelGone, raw))
	if err != nil || len(plain) != 8 {
		return 0, false
	}
	return binary.BigEndian.Uint64(plain), true
}
