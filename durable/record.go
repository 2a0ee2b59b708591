package durable

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
)

// A value's file: "bdv" | version 1 | length | CRC-32C | value | padding.
// Numbers are big-endian, 4 bytes. The checksum covers version, length, the
// value's name and the value, so that files that changed places are noticed.
// Padding is what a reserve left behind; see docs/formats.md.
const (
	recordMagic    = "bdv"
	recordVersion  = 1
	recordOverhead = 12
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func encodeRecord(name string, value []byte) []byte {
	raw := make([]byte, recordOverhead, recordOverhead+len(value))
	copy(raw, recordMagic)
	raw[3] = recordVersion
	binary.BigEndian.PutUint32(raw[4:], uint32(len(value)))
	binary.BigEndian.PutUint32(raw[8:], recordSum(raw[3:8], name, value))
	return append(raw, value...)
}

func decodeRecord(name string, raw []byte) ([]byte, error) {
	if len(raw) < recordOverhead || !bytes.HasPrefix(raw, []byte(recordMagic)) {
		return nil, ErrCorrupt
	}
	n := binary.BigEndian.Uint32(raw[4:])
	if uint64(n) > uint64(len(raw)-recordOverhead) {
		return nil, ErrCorrupt
	}
	value := raw[recordOverhead : recordOverhead+n]
	if binary.BigEndian.Uint32(raw[8:]) != recordSum(raw[3:8], name, value) {
		return nil, ErrCorrupt
	}
	if raw[3] != recordVersion {
		return nil, fmt.Errorf("%w: file version %d, want %d", ErrFormat, raw[3], recordVersion)
	}
	return value, nil
}

func recordSum(head []byte, name string, value []byte) uint32 {
	sum := crc32.Update(0, castagnoli, head)
	sum = crc32.Update(sum, castagnoli, []byte(name))
	return crc32.Update(sum, castagnoli, value)
}

// readFile reads a whole value's file; a longer one cannot be a value.
func readFile(fsys FS, name string) ([]byte, error) {
	f, err := fsys.Open(name, ReadOnly)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	const most = MaxValue + recordOverhead
	raw, err := io.ReadAll(io.NewSectionReader(f, 0, most+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > most {
		return nil, ErrCorrupt
	}
	return raw, nil
}
