package protect_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/protecttest"
)

// migrate moves the vault of a machine as a restarted device does.
func migrate(ctx context.Context, m *powercut.Machine, from, to keyStore, opts *protect.Options) (*protect.Vault, error) {
	return begin(ctx, m, to, opts, func(ctx context.Context, dir *durable.Dir, keys protect.KeyStore, opts *protect.Options) (*protect.Vault, error) {
		old, err := from(ctx, m, dir)
		if err != nil {
			return nil, err
		}
		return protect.Migrate(ctx, dir, old, keys, opts)
	})
}

// logged is the content of a vault with the log "history" of its settings.
func logged(ctx context.Context, v *protect.Vault) (string, error) {
	text, err := content(ctx, v)
	if err != nil {
		return "", err
	}
	c, err := v.Compartment(ctx, protect.ClassSettings)
	if err != nil {
		return "", err
	}
	l, err := c.OpenLog(ctx, "history", &durable.LogOptions{SegmentSize: 4 << 10})
	if err != nil {
		return "", err
	}
	text += "; log"
	for r, err := range l.Records(ctx, 0) {
		if err != nil {
			return "", err
		}
		text += fmt.Sprintf(" %d=%.12s", r.Seq, r.Data)
	}
	return text, l.Close()
}

// lived is setUp with a stream and a log of two segments.
func lived(ctx context.Context, m *powercut.Machine, store keyStore, opts *protect.Options) error {
	if err := setUp(ctx, m, store, opts); err != nil {
		return err
	}
	v, err := open(ctx, m, store, opts)
	if err != nil {
		return err
	}
	if err := settings(keepHistory)(ctx, v); err != nil {
		return err
	}
	c, err := v.Subject(ctx, "alice")
	if err == nil {
		err = record(ctx, c, "recording", bytes.Repeat([]byte("alice sings "), 20), 100)
	}
	m.Settle()
	return err
}

// keepHistory appends to a log that begins at number 3.
func keepHistory(ctx context.Context, c *protect.Compartment) error {
	l, err := c.OpenLog(ctx, "history", &durable.LogOptions{SegmentSize: 4 << 10})
	if err != nil {
		return err
	}
	for range 4 {
		if _, err := l.Append(ctx, []byte(strings.Repeat("changed ", 200))); err != nil {
			return err
		}
	}
	return errors.Join(l.Sync(ctx), l.Trim(ctx, 3), l.Close())
}

func TestMigrate(t *testing.T) {
	for _, from := range []string{"softkeys", "plain"} {
		t.Run(from, func(t *testing.T) {
			ctx := somebody(t.Context())
			m := powercut.New()
			require.NoError(t, lived(ctx, m, stores()[from], few()))
			v, err := open(ctx, m, stores()[from], few())
			require.NoError(t, err)
			want, err := logged(ctx, v)
			require.NoError(t, err)
			require.Contains(t, want, "log 3=changed")
			image, before := m.Image(), m.Files()

			v, err = migrate(ctx, m, stores()[from], token, few())
			require.NoError(t, err)
			got, err := logged(ctx, v)
			require.NoError(t, err)
			require.Equal(t, want, got)
			report := v.Report(ctx)
			require.Equal(t, "token", report.KeyStore.Name)
			require.Equal(t, protect.RollbackAnchored, report.Rollback)
			require.Equal(t, from, report.Moved)
			require.Zero(t, report.Inherited)
			require.Contains(t, report.String(), "moved from: "+from)
			require.NoError(t, v.Health(ctx))
			assertNothingOf(t, before, m.Files())

			_, err = open(ctx, m, stores()[from], few())
			require.ErrorIs(t, err, protect.ErrForeign, "hardware is recorded, software is no way back")
			v, err = open(ctx, m, token, few())
			require.NoError(t, err)
			got, err = logged(ctx, v)
			require.NoError(t, err)
			require.Equal(t, want, got)

			if from == "plain" { // its secrets are the token's, too
				return
			}
			m.Restore(image)
			old, err := open(ctx, m, stores()[from], few())
			require.NoError(t, err, "an image from before opens, for good: that is what Moved says")
			got, err = logged(ctx, old)
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	}
}

// assertNothingOf shows that none of the files with data is the same as before.
func assertNothingOf(t *testing.T, before, after map[string][]byte) {
	for name := range after {
		if strings.HasPrefix(name, "vault/") && name != "vault/header" {
			assert.NotContains(t, before, name)
		}
	}
}

// An image from before the move opens the data of then, whoever has destroyed the key since.
// Receipts say so; of what came later they say more.
func TestMigratedIsErasedHonestly(t *testing.T) {
	ctx := arriving(t)
	m := powercut.New()
	require.NoError(t, setUp(ctx, m, software, few()))
	v, err := migrate(ctx, m, software, token, few())
	require.NoError(t, err)
	require.NoError(t, putUser(ctx, v, "carol", "letter", "of carol"))
	method, err := v.Erase(ctx, "carol")
	require.NoError(t, err)
	require.Equal(t, protect.MethodPurge, method)
	method, err = v.Erase(ctx, "alice")
	require.NoError(t, err)
	require.Equal(t, protect.MethodClear, method)
	require.NoError(t, putUser(arriving(t), v, "alice", "letter", "another"))
	v, err = open(ctx, m, token, few())
	require.NoError(t, err)
	v.Guard(allow{})
	method, err = v.Erase(ctx, "alice")
	require.NoError(t, err)
	require.Equal(t, protect.MethodPurge, method, "of what she stored since")
	method, err = v.Erase(ctx, "bob")
	require.NoError(t, err)
	require.Equal(t, protect.MethodClear, method, "a restart forgets nothing")
	method, err = v.EraseClasses(ctx, reset(), protect.ClassSettings)
	require.NoError(t, err)
	require.Equal(t, protect.MethodClear, method)
}

func TestMigrateRefuses(t *testing.T) {
	ctx := somebody(t.Context())
	for _, test := range []struct {
		name     string
		from, to keyStore
		want     error
		text     string
	}{
		{"to itself", token, token, nil, ""}, // moved already, as far as anybody can tell
		{"to software", token, software, fs.ErrInvalid, "it is software"},
		{"to one without a name of its own", software, renamed(token, "softkeys"), fs.ErrInvalid, "the same name"},
		{"to one that does not count", token, renamed(uncounted, "other"), fs.ErrInvalid, "it does not count"},
		{"to one that does not revoke", token, renamed(countsOnly, "other"), fs.ErrInvalid, "its revocation does not reach as far"},
		{"from another than the recorded", plain, token, protect.ErrForeign, "is recorded"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := powercut.New()
			store := test.from
			if test.want == protect.ErrForeign {
				store = software
			}
			require.NoError(t, setUp(ctx, m, store, few()))
			before := m.Files()
			_, err := migrate(ctx, m, test.from, test.to, few())
			if test.want == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, test.want)
			require.ErrorContains(t, err, test.text)
			require.Equal(t, before["vault/header"], m.Files()["vault/header"])
			_, err = open(ctx, m, store, few())
			require.NoError(t, err)
		})
	}
}

// named is a key store under another name, with the abilities of what it wraps.
type named struct {
	protect.KeyStore
	name string
}

func (n named) Info() protect.Info {
	i := n.KeyStore.Info()
	i.Name = n.name
	return i
}
func (n named) Unwrap() protect.KeyStore { return n.KeyStore }

func renamed(store keyStore, name string) keyStore {
	return func(ctx context.Context, m *powercut.Machine, dir *durable.Dir) (protect.KeyStore, error) {
		k, err := store(ctx, m, dir)
		return named{k, name}, err
	}
}

// countsOnly is a token that does not revoke.
func countsOnly(_ context.Context, m *powercut.Machine, _ *durable.Dir) (protect.KeyStore, error) {
	k := protecttest.NewToken(m)
	return struct {
		plainStore
		protect.Counter
	}{plainStore{k}, k}, nil
}

// Who exchanges the medium of a device for one with keys in software must not have it
// moved to the root of trust that the device's own vault is over.
func TestMigrateToAnEarlierLife(t *testing.T) {
	ctx := somebody(t.Context())
	m, _ := device(t, token, few())
	m.Restore(powercut.Image{})
	require.NoError(t, setUp(ctx, m, software, few()))
	_, err := migrate(ctx, m, software, token, few())
	require.ErrorIs(t, err, protect.ErrForeign)
	opts := few()
	opts.Presence = presence{err: errors.New("nobody")}
	_, err = migrate(ctx, m, software, token, opts)
	require.ErrorContains(t, err, "nobody")
	opts.Presence = presence{}
	v, err := migrate(ctx, m, software, token, opts)
	require.NoError(t, err)
	text, err := content(ctx, v)
	require.NoError(t, err)
	require.Contains(t, text, "letter=of alice")
}

func TestMigrateWaitsForAHold(t *testing.T) {
	ctx := somebody(t.Context())
	m, _ := device(t, software, few())
	dir, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	_, err = dir.Hold(ctx, "reset")
	require.NoError(t, err)
	_, err = migrate(ctx, m, software, token, few())
	require.ErrorIs(t, err, durable.ErrHeld)
}
