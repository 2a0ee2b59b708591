package protect_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/protect"
)

func settingsOf(t testing.TB, v *protect.Vault) *protect.Compartment {
	c, err := v.Compartment(t.Context(), protect.ClassSettings)
	require.NoError(t, err)
	return c
}

func TestStoreContract(t *testing.T) {
	ctx := t.Context()
	_, v := device(t, token, few())
	c, err := v.Compartment(ctx, protect.ClassApplication)
	require.NoError(t, err)
	_, err = c.Get(ctx, "a")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, c.Delete(ctx, "a"))

	for _, name := range []string{"a", "b/c", "b/d.e_f-g", strings.Repeat("x", durable.MaxName)} {
		require.NoError(t, c.Put(ctx, name, []byte("first "+name)))
		require.NoError(t, c.Put(ctx, name, []byte(name)))
		value, err := c.Get(ctx, name)
		require.NoError(t, err)
		assert.Equal(t, name, string(value))
		value[0] = '!'
		again, err := c.Get(ctx, name)
		require.NoError(t, err)
		assert.Equal(t, name, string(again), "the slice is the caller's")
	}
	names, err := c.List(ctx, "b/")
	require.NoError(t, err)
	assert.Equal(t, []string{"b/c", "b/d.e_f-g"}, names)
	names, err = c.List(ctx, "")
	require.NoError(t, err)
	assert.Len(t, names, 4)
	require.NoError(t, c.Delete(ctx, "b/c"))
	_, err = c.Get(ctx, "b/c")
	require.ErrorIs(t, err, fs.ErrNotExist)
	names, err = c.List(ctx, "b/")
	require.NoError(t, err)
	assert.Equal(t, []string{"b/d.e_f-g"}, names)
	assert.Equal(t, 1, durable.FormatOf(c))
}

func TestBadNames(t *testing.T) {
	ctx := t.Context()
	_, v := device(t, token, few())
	c := settingsOf(t, v)
	for _, name := range []string{"", "/", "A", "a//b", "../a", ".a", "a\x00", strings.Repeat("x", durable.MaxName+1)} {
		_, err := c.Get(ctx, name)
		assert.ErrorIs(t, err, fs.ErrInvalid, "%q", name)
		assert.ErrorIs(t, c.Put(ctx, name, nil), fs.ErrInvalid, "%q", name)
		assert.ErrorIs(t, c.Delete(ctx, name), fs.ErrInvalid, "%q", name)
		assert.ErrorIs(t, c.Reserve(ctx, name, 1), fs.ErrInvalid, "%q", name)
		_, err = c.OpenLog(ctx, name, nil)
		assert.ErrorIs(t, err, fs.ErrInvalid, "%q", name)
	}
	done, cancel := context.WithCancel(ctx)
	cancel()
	_, err := c.Get(done, "network/wifi")
	assert.ErrorIs(t, err, context.Canceled)
}

func TestSizes(t *testing.T) {
	ctx := t.Context()
	_, v := device(t, token, few())
	c := settingsOf(t, v)
	const seg = protect.SegmentSize
	for _, n := range []int{0, 1, seg - 1, seg, seg + 1, 3 * seg, protect.MaxObject} {
		value := bytes.Repeat([]byte{0xa5}, n)
		require.NoError(t, c.Put(ctx, "big", value), "%d", n)
		got, err := c.Get(ctx, "big")
		require.NoError(t, err, "%d", n)
		assert.True(t, bytes.Equal(value, got), "%d", n)
	}
	require.ErrorIs(t, c.Put(ctx, "big", make([]byte, protect.MaxObject+1)), fs.ErrInvalid)
	require.ErrorIs(t, c.Reserve(ctx, "big", protect.MaxObject+1), fs.ErrInvalid)
	require.NoError(t, c.Reserve(ctx, "small", 1))
	require.NoError(t, c.Put(ctx, strings.Repeat("n", durable.MaxName), make([]byte, protect.MaxObject)))
}

func TestLog(t *testing.T) {
	ctx := t.Context()
	m, v := device(t, token, few())
	c := settingsOf(t, v)
	opts := &durable.LogOptions{SegmentSize: 4096}
	l, err := c.OpenLog(ctx, "audit", opts)
	require.NoError(t, err)
	for i := range 200 {
		_, err := l.Append(ctx, fmt.Appendf(nil, "canary-record %d", i))
		require.NoError(t, err)
	}
	require.NoError(t, l.Sync(ctx))
	require.NoError(t, l.Close())
	_, err = c.OpenLog(ctx, "audit", &durable.LogOptions{Codec: nopCodec{}})
	require.ErrorIs(t, err, fs.ErrInvalid)

	v, err = open(ctx, m, token, few())
	require.NoError(t, err)
	l, err = settingsOf(t, v).OpenLog(ctx, "audit", opts)
	require.NoError(t, err)
	n := 0
	for r, err := range l.Records(ctx, 1) {
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("canary-record %d", n), string(r.Data))
		n++
	}
	assert.Equal(t, 200, n)
	assert.NotContains(t, allBytes(m.Files()), "canary")
}

type nopCodec struct{}

func (nopCodec) Seal(_ uint64, r []byte) ([]byte, error) { return r, nil }
func (nopCodec) Open(_ uint64, r []byte) ([]byte, error) { return r, nil }

func TestCodecBinds(t *testing.T) {
	f := protect.NewFixed(protect.ClassLogs, 1, 2)
	sealed, err := f.Codec("audit").Seal(7, []byte("record"))
	require.NoError(t, err)
	record, err := f.Codec("audit").Open(7, sealed)
	require.NoError(t, err)
	assert.Equal(t, "record", string(record))
	for what, open := range map[string]func() ([]byte, error){
		"number": func() ([]byte, error) { return f.Codec("audit").Open(8, sealed) },
		"log":    func() ([]byte, error) { return f.Codec("other").Open(7, sealed) },
		"class": func() ([]byte, error) {
			return protect.NewFixed(protect.ClassSettings, 1, 2).Codec("audit").Open(7, sealed)
		},
		"compartment": func() ([]byte, error) {
			return protect.NewFixed(protect.ClassLogs, 3, 2).Codec("audit").Open(7, sealed)
		},
		"key": func() ([]byte, error) {
			return protect.NewFixed(protect.ClassLogs, 1, 3).Codec("audit").Open(7, sealed)
		},
		"length": func() ([]byte, error) { return f.Codec("audit").Open(7, sealed[:len(sealed)-1]) },
		"empty":  func() ([]byte, error) { return f.Codec("audit").Open(7, nil) },
	} {
		record, err := open()
		assert.ErrorIs(t, err, protect.ErrTampered, what)
		assert.ErrorIs(t, err, durable.ErrCorrupt, what)
		assert.Nil(t, record, what)
	}
}

func allBytes(files map[string][]byte) string {
	var all strings.Builder
	for name, raw := range files {
		all.WriteString(name + "\x00")
		all.Write(raw)
	}
	return all.String()
}

// TestCanaries: no value, no name and no subject stands in any file, nor in
// anything that is printed of them.
func TestCanaries(t *testing.T) {
	ctx := somebody(t.Context())
	for name, store := range stores() {
		t.Run(name, func(t *testing.T) {
			m, v := device(t, store, few())
			c, err := v.Subject(ctx, "canary-subject")
			require.NoError(t, err)
			require.NoError(t, c.Put(ctx, "canary-name", []byte("canary-value")))
			require.NoError(t, record(ctx, c, "canary-film", []byte("canary-frames"), 5))
			_, err = v.Erase(ctx, "bob")
			require.NoError(t, err)
			require.NoError(t, v.Rotate(ctx))
			all := allBytes(m.Files())
			for _, word := range []string{"canary", "alice", "bob", "letter", "wifi", "network"} {
				assert.NotContains(t, all, word)
			}
			if name == "token" {
				for _, secret := range protect.SecretsOf(v) {
					assert.NotContains(t, all, string(secret))
				}
			}
		})
	}
}

// TestNothingShowsSecrets prints a vault in every way.
func TestNothingShowsSecrets(t *testing.T) {
	ctx := t.Context()
	_, v := device(t, token, few())
	c, err := v.Subject(ctx, "alice")
	require.NoError(t, err)
	_, missing := c.Get(ctx, "nothing")
	require.NoError(t, record(ctx, c, "film", []byte("alice"), 5))
	r, err := c.OpenStream(ctx, "film")
	require.NoError(t, err)
	w, err := c.CreateStream(ctx, "film")
	require.NoError(t, err)
	_, err = w.Write([]byte("alice"))
	require.NoError(t, err)
	type hidden struct {
		v *protect.Vault
		c *protect.Compartment
		r *protect.StreamReader
		w *protect.StreamWriter
	}
	for _, x := range []any{v, c, *c, r, w, hidden{v, c, r, w}, &hidden{v, c, r, w}, struct {
		V *protect.Vault
		C *protect.Compartment
	}{v, c}, v.Subjects(), v.Report(ctx), v.Stats(), v.Features(), missing} {
		text, _ := json.Marshal(x)
		var logged bytes.Buffer
		slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "x", x)
		for _, shown := range []string{fmt.Sprintf("%v", x), fmt.Sprintf("%+v", x), fmt.Sprintf("%#v", x), fmt.Sprintf("%s %q %x %d", x, x, x, x), string(text), logged.String()} {
			for _, secret := range protect.SecretsOf(v) {
				assert.NotContains(t, shown, string(secret[:6]))
				assert.NotContains(t, strings.ToLower(shown), fmt.Sprintf("%x", secret[:4]))
				assert.NotContains(t, shown, strings.Trim(fmt.Sprint(secret[:3]), "[]"))
				assert.NotContains(t, shown, strings.Trim(fmt.Sprintf("%#v", secret[:3]), "[]byte{}"))
			}
			assert.NotContains(t, shown, "alice")
		}
	}
	assert.Equal(t, "protect.Vault[redacted]", fmt.Sprintf("%+v", v))
	assert.Equal(t, "protect.Compartment(userdata)", fmt.Sprintf("%#v", c))
	assert.Equal(t, protect.ClassUserData, c.Class())
	assert.Equal(t, "[redacted] [redacted]", protect.PrintedKey())
}

// TestFIPS runs tests of this package again with only approved cryptography.
func TestFIPS(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^(TestRoundTrip|TestErase|TestLog|TestStoreContract|TestSizes|TestRotate|TestStream|TestForgedStreams)$", "-test.v")
	cmd.Env = append(os.Environ(), "GODEBUG=fips140=only")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Contains(t, string(out), "--- PASS: TestRoundTrip/softkeys")
	assert.Contains(t, string(out), "--- PASS: TestErase/softkeys")
}
