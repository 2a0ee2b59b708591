package protect_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
)

// What cannot be read is not given up by encrypting the rest anew: it stays where it is,
// and is named, until it is repaired.
func TestRenewLeavesWhatIsDamaged(t *testing.T) {
	for name, damage := range map[string]func(f *forger, file string){
		"damaged": func(f *forger, file string) { f.put(file, []byte("junk")) },
		"missing": func(f *forger, file string) { require.NoError(f.t, f.dir.Delete(f.t.Context(), file)) },
	} {
		t.Run(name, func(t *testing.T) {
			ctx := somebody(t.Context())
			m, v := device(t, token, few())
			require.NoError(t, settingsOf(t, v).Put(ctx, "other", []byte("value")))
			require.NoError(t, v.Anchor(ctx))
			f := forge(t, m, v)
			damage(f, fileNamed(t, f, v, "network/wifi"))
			protect.Inherit(v)
			err := v.Renew(ctx)
			require.ErrorIs(t, err, protect.ErrTampered)
			require.ErrorContains(t, err, "compartment settings")
			c := settingsOf(t, v)
			value, err := c.Get(ctx, "other")
			require.NoError(t, err)
			require.Equal(t, "value", string(value))
			_, err = c.Get(ctx, "network/wifi")
			require.ErrorIs(t, err, protect.ErrTampered)
			require.Equal(t, 2, v.Report(ctx).Inherited+map[string]int{"missing": 1}[name])

			require.NoError(t, c.Put(ctx, "network/wifi", []byte("again")))
			require.NoError(t, v.Renew(ctx))
			require.Zero(t, v.Report(ctx).Inherited)
			_, err = c.Get(ctx, "other")
			require.ErrorIs(t, err, protect.ErrUnavailable, "who has it open opens it again")
			value, err = settingsOf(t, v).Get(ctx, "network/wifi")
			require.NoError(t, err)
			require.Equal(t, "again", string(value))
			require.NoError(t, v.Health(ctx))
		})
	}
}

// fileNamed returns the file of a value of the settings.
func fileNamed(t *testing.T, f *forger, v *protect.Vault, name string) string {
	before := f.files("settings")
	raw := map[string]string{}
	for _, file := range before {
		raw[file] = string(f.get(file))
	}
	value, err := settingsOf(t, v).Get(t.Context(), name)
	require.NoError(t, err)
	require.NoError(t, settingsOf(t, v).Put(t.Context(), name, value))
	for _, file := range before {
		if string(f.get(file)) != raw[file] {
			return file
		}
	}
	t.Fatal("no file changed")
	return ""
}

// A log that somebody writes is not copied behind his back.
func TestRenewWaitsForAnOpenLog(t *testing.T) {
	ctx := somebody(t.Context())
	m := powercut.New()
	require.NoError(t, lived(ctx, m, token, few()))
	v, err := open(ctx, m, token, few())
	require.NoError(t, err)
	want, err := logged(ctx, v)
	require.NoError(t, err)
	l, err := settingsOf(t, v).OpenLog(ctx, "history", nil)
	require.NoError(t, err)
	protect.Inherit(v)
	require.ErrorIs(t, v.Renew(ctx), durable.ErrInUse)
	require.Equal(t, 3, v.Report(ctx).Inherited, "value, log, and the names of logs")
	_, err = l.Append(ctx, []byte("goes on"))
	require.NoError(t, err)
	require.NoError(t, l.Close())
	require.NoError(t, v.Renew(ctx))
	require.Zero(t, v.Report(ctx).Inherited)
	got, err := logged(ctx, v)
	require.NoError(t, err)
	require.Equal(t, want+" 5=goes on", got)
}

// While a compartment is copied others are erased, made and swept: none of that touches
// the copy. The subject of the compartment itself is erased, and stays so.
func TestRenewBesideErasures(t *testing.T) {
	for _, who := range []string{"bob", "alice"} {
		t.Run(who, func(t *testing.T) {
			ctx := somebody(t.Context())
			m := powercut.New()
			require.NoError(t, lived(ctx, m, token, few()))
			v, err := open(ctx, m, token, few())
			require.NoError(t, err)
			protect.Inherit(v)
			copying := make(chan struct{})
			go func() {
				defer close(copying)
				for err = v.Renew(ctx); err != nil; err = v.Renew(ctx) {
				}
			}()
			_, eerr := v.Erase(ctx, who)
			require.NoError(t, eerr)
			<-copying
			require.NoError(t, err)
			require.Zero(t, v.Report(ctx).Inherited)
			for range 2 {
				_, err = v.OpenSubject(ctx, who)
				require.ErrorIs(t, err, protect.ErrMissing)
				text, err := logged(ctx, v)
				require.NoError(t, err)
				require.Contains(t, text, "log 3=changed")
				require.Contains(t, text, map[string]string{"bob": "of alice stream", "alice": "of bob"}[who])
				v, err = open(ctx, m, token, few())
				require.NoError(t, err)
			}
		})
	}
}

func TestRenewOfAClosedVault(t *testing.T) {
	ctx := somebody(t.Context())
	m, v := device(t, token, few())
	protect.Inherit(v)
	require.NoError(t, v.Close())
	require.Error(t, v.Renew(ctx))
	v, err := open(ctx, m, token, few())
	require.NoError(t, err)
	text, err := content(ctx, v)
	require.NoError(t, err)
	require.Contains(t, text, "canary-passphrase")
}

// On a medium that has no room for a second copy nothing is lost, and it says so.
func TestRenewOnAFullMedium(t *testing.T) {
	ctx := somebody(t.Context())
	m := powercut.New()
	require.NoError(t, lived(ctx, m, token, few()))
	v, err := open(ctx, m, token, few())
	require.NoError(t, err)
	want, err := logged(ctx, v)
	require.NoError(t, err)
	used := int64(0)
	for _, raw := range m.Files() {
		used += int64(len(raw))
	}
	m.SetCapacity(used + 100)
	protect.Inherit(v)
	require.ErrorIs(t, v.Renew(ctx), durable.ErrFull)
	got, err := logged(ctx, v)
	require.NoError(t, err)
	require.Equal(t, want, got)
	m.SetCapacity(used + 1<<20)
	require.NoError(t, v.Renew(ctx))
	got, err = logged(ctx, v)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func migrateOps() []powercut.Op {
	tellMoved := func(ctx context.Context, m *powercut.Machine) (string, error) {
		v, err := open(ctx, m, token, smallest())
		if errors.Is(err, protect.ErrForeign) || errors.Is(err, protect.ErrLost) {
			v, err = open(ctx, m, software, smallest())
		}
		if err != nil {
			return "", err
		}
		text, err := logged(ctx, v)
		r := v.Report(ctx)
		return fmt.Sprintf("%s %d: %s", r.KeyStore.Name, min(r.Inherited, 1), text), err
	}
	return []powercut.Op{{
		Name: "migrate", Methods: []string{"Migrate", "Vault.Renew"}, State: tellMoved,
		Before: func(ctx context.Context, m *powercut.Machine) error {
			return lived(somebody(ctx), m, software, smallest())
		},
		Do: func(ctx context.Context, m *powercut.Machine) error {
			return m.Attempt(func() error {
				_, err := migrate(somebody(ctx), m, software, token, smallest())
				return err
			})
		},
		Legal: func(old, now, got string) error {
			_, before, _ := strings.Cut(old, ": ")
			_, after, _ := strings.Cut(got, ": ")
			if before != after {
				return fmt.Errorf("%q was %q", after, before)
			}
			return nil
		},
	}}
}
