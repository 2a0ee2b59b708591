package protect_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/protect"
)

// TestForgedRecords maps what an attacker does to the vault's own records.
func TestForgedRecords(t *testing.T) {
	ctx := somebody(t.Context())
	m, v := device(t, token, few())
	other, _ := device(t, token, few())
	theirs := forge(t, other, v)
	_, err := v.Erase(ctx, "bob") // generation 3
	require.NoError(t, err)
	m.Settle()
	base := m.Clone()
	gen1, _ := device(t, token, few())
	old := forge(t, gen1, v).get("vault/table.1")
	good := forge(t, base.Clone(), v)
	header, table := good.get("vault/header"), good.get("vault/table.1")

	for what, c := range map[string]struct {
		name string
		raw  []byte
		want error
	}{
		"header of another device": {"vault/header", theirs.get("vault/header"), protect.ErrTampered},
		"no header":                {"vault/header", nil, protect.ErrTampered},
		"not hardware":             {"vault/header", replace(header, "true", "false"), protect.ErrForeign},
		"another key store":        {"vault/header", replace(header, "token", "tpm"), protect.ErrForeign},
		"unknown field":            {"vault/header", replace(header, "{", `{"x":1,`), protect.ErrTampered},
		"bad id":                   {"vault/header", replace(header, `"id":"`, `"id":"zz`), protect.ErrTampered},
		"later header":             {"vault/header", replace(header, "1 ", "2 "), durable.ErrFormat},
		"no table":                 {"vault/table.1", nil, protect.ErrTampered},
		"table of generation 1":    {"vault/table.1", old, protect.ErrRollback},
		"table as of generation 5": {"vault/table.1", regenerate(table, 5), protect.ErrLost},
		"older table, relabeled":   {"vault/table.1", regenerate(old, 3), protect.ErrRollback},
		"later format":             {"vault/table.1", append([]byte("bpk\x03"), table[4:]...), durable.ErrFormat},
		"format without anchor":    {"vault/table.1", append([]byte("bpk\x01"), table[4:]...), protect.ErrTampered},
		"one byte more":            {"vault/table.1", append(slices.Clip(table), 0), protect.ErrTampered},
	} {
		m := base.Clone()
		f := forge(t, m, v)
		if c.raw == nil {
			require.NoError(t, f.dir.Delete(ctx, c.name))
		} else {
			f.put(c.name, c.raw)
		}
		_, err := open(ctx, m, token, few())
		require.ErrorIs(t, err, c.want, what)
		_, err = provision(ctx, m, token, few())
		require.ErrorIs(t, err, c.want, "%s: never a fresh start by itself", what)
	}
	for n := range table {
		m := base.Clone()
		forge(t, m, v).put("vault/table.1", table[:n])
		_, err := open(ctx, m, token, few())
		require.ErrorIs(t, err, protect.ErrTampered, "table cut at %d", n)
	}
}

func replace(raw []byte, old, with string) []byte {
	return []byte(strings.Replace(string(raw), old, with, 1))
}

func regenerate(table []byte, gen byte) []byte {
	out := append([]byte{}, table...)
	out[11] = gen
	return out
}

// TestForgedJournal: no bytes with a right checksum, in any record that the vault
// reads before it trusts anything, make it erase: it opens unchanged or it refuses,
// and with the record put right everything is there (PROTOCOLS 3).
func TestForgedJournal(t *testing.T) {
	ctx := somebody(t.Context())
	m, v := device(t, token, few())
	want, err := content(ctx, v)
	require.NoError(t, err)
	m.Settle()
	other, otherVault := device(t, token, few())
	_, err = otherVault.Erase(ctx, "alice")
	require.NoError(t, err)
	theirs := forge(t, other, otherVault)
	forgeries := [][]byte{nil, {}, []byte("junk"), []byte("1 {}"), theirs.get("vault/header"), theirs.get("vault/table.1")}
	mine := forge(t, m, v)
	for _, name := range []string{"vault/header", "vault/table.1"} {
		good := mine.get(name)
		for n := 0; n < len(good); n += 5 {
			forgeries = append(forgeries, good[:n])
		}
	}
	for _, name := range []string{"vault/header", "vault/table.0", "vault/table.1"} {
		good, err := mine.dir.Get(ctx, name)
		for i, forged := range forgeries {
			c := m.Clone()
			f := forge(t, c, v)
			f.put(name, forged)
			if v, err := open(ctx, c, token, few()); err == nil {
				got, err := content(ctx, v)
				require.NoError(t, err, "%s, forgery %d", name, i)
				require.Equal(t, want, got, "%s, forgery %d", name, i)
			} else {
				require.True(t, isSentinel(err), "%s, forgery %d: %v", name, i, err)
			}
			f.reopen()
			if err == nil {
				f.put(name, good)
			}
			v, err := open(ctx, c, token, few())
			require.NoError(t, err, "%s, forgery %d, put right", name, i)
			got, err := content(ctx, v)
			require.NoError(t, err)
			require.Equal(t, want, got, "%s, forgery %d, put right", name, i)
		}
	}
	t.Logf("records=3 forgeries=%d erased=0", len(forgeries))
}
