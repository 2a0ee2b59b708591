package access

import "math/bits"

// A table finds a short string among those of a policy. It is a Go map made for
// this one use: it never changes, its keys come from the policy and so cannot be
// chosen by an attacker, and a look-up is about a third of a map's.
type table struct {
	mask  uint64
	slots []slot
}

type slot struct {
	print
	key string // "" is free
	val int32
}

// print is the length, the first and the last 8 bytes of a string, and a digest of
// those between. Two strings of up to 16 bytes with the same print are the same.
type print struct {
	head, tail, middle uint64
	size               int
}

func newTable(n int) table {
	size := tableSize(n)
	return table{mask: uint64(size - 1), slots: make([]slot, size)}
}

// tableSize is how many slots a table of n strings has.
func tableSize(n int) int { return 1 << bits.Len(uint(2*n)) }

// put adds key, which is not "" and not yet there.
func (t *table) put(key string, val int32) {
	p := printOf(key)
	i := p.hash() & t.mask
	for t.slots[i].key != "" {
		i = (i + 1) & t.mask
	}
	t.slots[i] = slot{p, key, val}
}

// find returns the value of key, or -1.
func (t *table) find(key string) int32 {
	if len(t.slots) == 0 || key == "" {
		return -1
	}
	p := printOf(key)
	for i := p.hash() & t.mask; ; i = (i + 1) & t.mask {
		s := &t.slots[i]
		if s.print == p && (p.size <= 16 || s.key == key) {
			return s.val
		}
		if s.size == 0 {
			return -1
		}
	}
}

// printOf returns the print of s, which is not "".
func printOf(s string) print {
	n := len(s)
	switch {
	case n > 16:
		return print{load8(s), load8(s[n-8:]), middle(s), n}
	case n >= 8:
		return print{load8(s), load8(s[n-8:]), 0, n}
	case n >= 4:
		return print{load4(s), load4(s[n-4:]), 0, n}
	}
	return print{uint64(s[0]), uint64(s[n-1]) | uint64(s[n>>1])<<8, 0, n}
}

func middle(s string) (m uint64) {
	for i := 8; i < len(s)-8; i += 8 {
		m = bits.RotateLeft64((m^load8(s[i:]))*0x9e3779b97f4a7c15, 29)
	}
	return m
}

func (p *print) hash() uint64 {
	h := p.head*0x9e3779b97f4a7c15 ^ bits.RotateLeft64(p.tail*0xe7037ed1a0b428db, 32) ^ p.middle + uint64(p.size)
	h = (h ^ h>>32) * 0xd6e8feb86659fd93
	return h ^ h>>32
}

func load8(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

func load4(s string) uint64 {
	_ = s[3]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24
}

// slash returns the index of the first '/' in s, or -1. Segments are short: eight
// bytes at a time beat the call that strings.IndexByte makes.
func slash(s string) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(s); i += 8 {
		x := load8(s[i:]) ^ '/'*ones
		if t := (x - ones) &^ x & tops; t != 0 {
			return i + bits.TrailingZeros64(t)>>3
		}
	}
	for ; i < len(s); i++ {
		if s[i] == '/' {
			return i
		}
	}
	return -1
}
