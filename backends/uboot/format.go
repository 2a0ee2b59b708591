package uboot

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/iot-device-baseline/baseline/durable"
)

// A copy, as env_t of U-Boot with CONFIG_SYS_REDUNDAND_ENVIRONMENT: CRC-32 (IEEE) of
// the data, 4 bytes, little-endian | flag, 1: counts the writes | data:
// "name=value", NUL, and so on, and one more NUL; zeros up to the size.
const (
	flagAt = 4
	dataAt = 5

	maxName = 255 // bytes
)

// variable is one of an environment. They keep their order.
type variable struct{ name, value string }

// crcOK reports whether the boot loader takes the copy for whole.
func crcOK(raw []byte) bool {
	return len(raw) > dataAt && binary.LittleEndian.Uint32(raw) == crc32.ChecksumIEEE(raw[dataAt:])
}

// newer says which of two whole copies the boot loader uses, as env_import_redund
// of U-Boot does: the flag counts, and after 255 comes 0.
func newer(flag0, flag1 byte) int {
	switch {
	case flag0 == 255 && flag1 == 0:
		return 1
	case flag1 == 255 && flag0 == 0:
		return 0
	case flag1 > flag0:
		return 1
	}
	return 0
}

// encode makes a copy of size bytes.
func encode(vars []variable, flag byte, size int) ([]byte, error) {
	raw := make([]byte, dataAt, size)
	raw[flagAt] = flag
	for _, v := range vars {
		raw = append(append(append(append(raw, v.name...), '='), v.value...), 0)
	}
	if len(vars) == 0 {
		raw = append(raw, 0)
	}
	raw = append(raw, 0)
	if len(raw) > size {
		return nil, fmt.Errorf("%d bytes of variables, there is room for %d: %w", len(raw)-dataAt, size-dataAt, durable.ErrFull)
	}
	raw = append(raw, make([]byte, size-len(raw))...)
	binary.LittleEndian.PutUint32(raw, crc32.ChecksumIEEE(raw[dataAt:]))
	return raw, nil
}

// parse reads the data of a whole copy. What the boot loader would only shrug at
// is an error: who wrote that is not known, so what it means is not either.
func parse(data []byte) ([]variable, error) {
	end := bytes.Index(data, []byte{0, 0})
	if end < 0 {
		return nil, errors.New("it has no end")
	}
	if end == 0 {
		return nil, nil
	}
	var vars []variable
	seen := map[string]bool{}
	for entry := range bytes.SplitSeq(data[:end], []byte{0}) {
		name, value, ok := bytes.Cut(entry, []byte("="))
		v := variable{string(name), string(value)}
		switch {
		case !ok:
			return nil, fmt.Errorf("entry %d has no =", len(vars))
		case !validName(v.name):
			return nil, fmt.Errorf("entry %d: name: want 1 to %d printable bytes without space", len(vars), maxName)
		case seen[v.name]:
			return nil, fmt.Errorf("%s is there twice", v.name)
		}
		seen[v.name] = true
		vars = append(vars, v)
	}
	return vars, nil
}

func validName(name string) bool {
	return name != "" && len(name) <= maxName &&
		!slices.ContainsFunc([]byte(name), func(c byte) bool { return c <= ' ' || c >= 0x7f || c == '=' })
}

func get(vars []variable, name string) (string, bool) {
	i := slices.IndexFunc(vars, func(v variable) bool { return v.name == name })
	if i < 0 {
		return "", false
	}
	return vars[i].value, true
}

// set returns vars with the variable changed; "" removes it, as setenv does.
func set(vars []variable, name, value string) []variable {
	vars = slices.Clone(vars)
	i := slices.IndexFunc(vars, func(v variable) bool { return v.name == name })
	switch {
	case value == "" && i < 0:
		return vars
	case value == "":
		return slices.Delete(vars, i, i+1)
	case i < 0:
		return append(vars, variable{name, value})
	}
	vars[i].value = value
	return vars
}
