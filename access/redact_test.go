package access_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
)

func TestPseudonyms(t *testing.T) {
	places := map[string]*mem{"ann": newMem(), "bob": newMem()}
	p := access.NewPseudonyms(func(subject string) durable.Store {
		if s, ok := places[subject]; ok {
			return s
		}
		return nil
	})
	ann, err := p.Of(t.Context(), "ann")
	require.NoError(t, err)
	require.Regexp(t, `^p-[0-9a-z]{20}$`, ann)
	again, err := p.Of(t.Context(), "ann")
	require.NoError(t, err)
	require.Equal(t, ann, again, "stable")
	bob, err := p.Of(t.Context(), "bob")
	require.NoError(t, err)
	require.NotEqual(t, ann, bob)
	require.Len(t, places["ann"].m, 1, "in the place of the subject")
	for name, v := range places["ann"].m {
		require.NotContains(t, name+string(v), "ann")
	}
	require.NoError(t, p.Forget(t.Context(), "ann"))
	require.NoError(t, p.Forget(t.Context(), "ann"))
	require.Empty(t, places["ann"].m)
	other, err := p.Of(t.Context(), "ann")
	require.NoError(t, err)
	require.NotEqual(t, ann, other)

	_, err = p.Of(t.Context(), "eve")
	require.Error(t, err, "no place")
	var bad *access.InputError
	_, err = p.Of(t.Context(), "a/b")
	require.ErrorAs(t, err, &bad)
	require.Error(t, p.Forget(t.Context(), ""))
	for name := range places["bob"].m {
		places["bob"].m[name] = []byte(`1 {"name":"bob"}`)
	}
	_, err = p.Of(t.Context(), "bob")
	require.ErrorIs(t, err, durable.ErrCorrupt)
}

func TestClassOf(t *testing.T) {
	require.Equal(t, access.ClassSecret, access.ClassOf("password"), "unknown")
	require.Equal(t, access.ClassSecret, access.ClassOf(access.KeyClaimed))
	require.Equal(t, access.ClassPerson, access.ClassOf(access.KeyEntity))
	seen := map[string]bool{}
	for _, k := range access.Keys() {
		assert.False(t, seen[k.Key], k.Key)
		seen[k.Key] = true
		assert.Equal(t, access.ClassOf(k.Key), k.Class)
		assert.True(t, !k.Subject || k.Class == access.ClassPerson)
		if k.Key != access.KeyClaimed && k.Key != access.KeyError {
			assert.NotEqual(t, access.ClassSecret, k.Class, "%s has no class of its own", k.Key)
		}
	}
	require.Equal(t, "none public device person secret none", fmt.Sprint(access.Class(0), access.ClassPublic, access.ClassDevice, access.ClassPerson, access.ClassSecret, access.Class(9)))
}

type hidden struct{}

func (hidden) LogValue() slog.Value { return slog.StringValue("ann") }

func TestRedactor(t *testing.T) {
	pseudonym := func(_ context.Context, subject string) (string, error) {
		return "p-of-" + strings.Repeat("x", len(subject)), nil
	}
	rec := slog.NewRecord(time.Unix(1e9, 0), access.LevelAudit, access.EventDenied, 42)
	rec.AddAttrs(
		slog.String(access.KeyEntity, "ann"), slog.Any(access.KeySubject, hidden{}),
		slog.String(access.KeyKind, "person"), slog.String(access.KeyPermission, "config.write"), slog.Int(access.KeyRepeated, 3),
		slog.Duration(access.KeyDuration, time.Second), slog.Bool(access.KeyState, true),
		slog.Group("job", slog.String(access.KeyVersion, "1.2"), slog.String("token", "s3cret"), slog.String(access.KeyOnBehalf, "ann")),
		// Everything below is dropped.
		slog.String(access.KeyResource, "users/ann"), slog.String(access.KeySession, "s"), slog.String(access.KeySource, "10.0.0.1"),
		slog.String(access.KeyClaimed, "hunter2"), slog.String("password", "hunter2"), slog.Any(access.KeyReason, errors.New("hunter2")),
		slog.String(access.KeyReason, "line\nbreak"), slog.String(access.KeyReason, strings.Repeat("x", 300)),
		slog.String(access.KeyEntity, "not an id"), slog.Int(access.KeyEntity, 7), slog.Group("Bad Key", slog.Int(access.KeyCount, 1)),
		slog.Group("a", slog.Group("b", slog.Group("c", slog.Group("d", slog.Group("e", slog.Int(access.KeyCount, 1)))))),
		slog.Any(access.KeyState, map[string]string{"x": "hunter2"}), slog.Time(access.KeyState, time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)),
	)
	out, err := access.NewRedactor(pseudonym).Record(t.Context(), rec)
	require.NoError(t, err)
	var text strings.Builder
	require.NoError(t, slog.NewTextHandler(&text, nil).Handle(t.Context(), out))
	require.Equal(t, "time="+rec.Time.Format("2006-01-02T15:04:05.000Z07:00")+` level=ERROR+4 msg=access.denied entity=p-of-xxx subject=p-of-xxx kind=person permission=config.write repeated=3 `+
		"duration=1s state=true job.version=1.2 job.on_behalf=p-of-xxx dropped=19\n", text.String())
	require.Zero(t, out.PC)

	out, err = access.NewRedactor(nil).Record(t.Context(), slog.NewRecord(time.Time{}, 0, "ann logged in with hunter2", 0))
	require.NoError(t, err)
	require.Equal(t, "event.unnamed", out.Message)
	attrs, err := access.NewRedactor(nil).Attrs(t.Context(), []slog.Attr{slog.String(access.KeyEntity, "ann")})
	require.NoError(t, err)
	require.Equal(t, []slog.Attr{slog.Int(access.KeyDropped, 1)}, attrs)
	attrs, err = access.NewRedactor(nil).Attrs(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, attrs)

	down := errors.New("vault closed")
	_, err = access.NewRedactor(func(context.Context, string) (string, error) { return "", down }).Record(t.Context(), rec)
	require.ErrorIs(t, err, down)
}

// TestEveryEventOfTheGuardCanLeave: what this package logs uses its vocabulary, and
// no value of a person passes.
func TestEveryEventOfTheGuardCanLeave(t *testing.T) {
	d := commissioned(t)
	d.assign("bob", "operator")
	require.NoError(t, d.Unassign(d.as("ann"), "bob"))
	require.False(t, d.may(d.as("bob"), access.ConfigWrite, "users/bob"))
	m, err := d.NewMandate(d.as("ann"), access.MandateRequest{Acts: acts(access.AccessDisown, "ownership"), Reason: "sold"})
	require.NoError(t, err)
	ctx, err := d.Resume(t.Context(), m)
	require.NoError(t, err)
	require.NoError(t, d.EndOwnership(ctx))
	store := newMem()
	p := access.NewPseudonyms(func(string) durable.Store { return store })
	r := access.NewRedactor(p.Of)
	require.GreaterOrEqual(t, len(d.log.records), 8)
	for _, rec := range d.log.records {
		out, err := r.Record(t.Context(), rec)
		require.NoError(t, err)
		require.Equal(t, rec.Message, out.Message)
		out.Attrs(func(a slog.Attr) bool {
			assert.NotContains(t, a.Value.String(), "ann")
			assert.NotContains(t, a.Value.String(), "bob")
			return true
		})
		rec.Attrs(func(a slog.Attr) bool {
			assert.NotEqual(t, access.ClassSecret, access.ClassOf(a.Key), "%s: key %s is not in the vocabulary", rec.Message, a.Key)
			return true
		})
	}
}
