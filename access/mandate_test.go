package access_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
)

func acts(p access.Permission, resource string) []access.Act {
	return []access.Act{{Permission: p, Resource: resource}}
}

func TestMandateIsOnlyWhatItNames(t *testing.T) {
	d := commissioned(t)
	plan := []byte("erase and restart")
	m, err := d.NewMandate(d.as("ann"), access.MandateRequest{Acts: acts(access.ResetRequest, "factory"), Reason: "sold", Plan: plan})
	require.NoError(t, err)
	require.Equal(t, "ann", m.Principal)
	require.True(t, m.Covers(plan))
	require.False(t, m.Covers([]byte("another plan")))

	ctx, err := d.Resume(t.Context(), m)
	require.NoError(t, err)
	e := access.FromContext(ctx)
	assert.Equal(t, []string{"resume", "service", "ann"}, []string{e.ID(), e.Kind().String(), e.OnBehalf()})
	require.True(t, d.may(ctx, access.ResetRequest, "factory"))
	for _, resource := range []string{"", "settings", "factory/x", "Factory"} {
		require.False(t, d.may(ctx, access.ResetRequest, resource), resource)
	}
	for _, info := range access.Permissions() {
		if info.Name != access.ResetRequest {
			require.False(t, d.may(ctx, info.Name, "factory"), info.Name)
		}
	}
	_, err = d.NewMandate(ctx, access.MandateRequest{Acts: acts(access.ResetRequest, "factory"), Reason: "again"})
	require.ErrorContains(t, err, "/principal", "no mandate out of a mandate")
	require.Equal(t, m.ID, d.log.named(access.EventMandateGiven)[0][access.KeyMandate])
	require.Equal(t, "ann", d.log.named(access.EventMandateResumed)[0][access.KeyOnBehalf])
}

func TestMandateNeedsThePermissionNow(t *testing.T) {
	d := commissioned(t)
	d.assign("bob", "operator")
	for _, list := range [][]access.Act{
		acts(access.ResetRequest, "factory"),
		{{Permission: access.ConfigWrite, Resource: "settings/lamp/level"}, {Permission: access.UpdatePolicy, Resource: ""}},
	} {
		_, err := d.NewMandate(d.as("bob"), access.MandateRequest{Acts: list, Reason: "x"})
		require.ErrorIs(t, err, access.ErrDenied)
	}
	_, err := d.NewMandate(t.Context(), access.MandateRequest{Acts: acts(access.StatusRead, ""), Reason: "x"})
	require.ErrorIs(t, err, access.ErrDenied)
	for _, req := range []access.MandateRequest{
		{Reason: "x"}, {Acts: acts(access.StatusRead, "")}, {Acts: acts(access.StatusRead, ""), Reason: "x\n"},
		{Acts: acts(access.StatusRead, ""), Reason: strings.Repeat("x", 201)},
		{Acts: []access.Act{8: {}}, Reason: "x"},
	} {
		_, err = d.NewMandate(d.as("ann"), req)
		require.Error(t, err)
	}
}

// TestMandateOutlivesItsPrincipal: a reset erases the assignments by which it was
// ordered, and must come to its end.
func TestMandateOutlivesItsPrincipal(t *testing.T) {
	d := commissioned(t)
	m, err := d.NewMandate(d.as("ann"), access.MandateRequest{Reason: "sold", Acts: []access.Act{
		{Permission: access.ResetRequest, Resource: "factory"},
		{Permission: access.AccessDisown, Resource: "ownership"},
		{Permission: access.EraseAll, Resource: ""},
	}})
	require.NoError(t, err)
	ctx, err := d.Resume(t.Context(), m)
	require.NoError(t, err)
	require.NoError(t, d.EndOwnership(ctx))
	require.True(t, d.may(ctx, access.EraseAll, ""), "goes on after the ownership ended")

	d.reopen() // power cut: the journal is resumed
	ctx, err = d.Resume(t.Context(), m)
	require.NoError(t, err)
	require.NoError(t, d.EndOwnership(ctx), "idempotent")
	require.True(t, d.may(ctx, access.ResetRequest, "factory"))

	d.commission("eve")
	require.False(t, d.may(ctx, access.EraseAll, ""), "another ownership: the old order is dead")
	_, err = d.Resume(t.Context(), m)
	require.ErrorIs(t, err, access.ErrDenied)
}

func TestMandateObeysTheShutGuard(t *testing.T) {
	d := commissioned(t)
	m, err := d.NewMandate(d.as("ann"), access.MandateRequest{Acts: acts(access.AccessAssign, "viewer/bob"), Reason: "staged"})
	require.NoError(t, err)
	require.NoError(t, d.EndOwnership(d.as("ann")))
	_, err = d.Resume(t.Context(), m)
	require.ErrorIs(t, err, access.ErrDenied)
}

func TestStandingMandateNeedsBoth(t *testing.T) {
	d := commissioned(t)
	d.assign("bob", "owner")
	nightly, err := d.NewMandate(d.as("bob"), access.MandateRequest{Acts: acts(access.UpdateInstall, "app"), Reason: "nightly", Standing: true})
	require.NoError(t, err)
	_, err = d.Resume(t.Context(), nightly)
	require.ErrorIs(t, err, access.ErrDenied, "nobody runs it")
	_, err = d.Resume(d.as("ann"), nightly)
	require.ErrorIs(t, err, access.ErrDenied, "a person is no service")
	_, err = d.Resume(d.service("idle"), nightly)
	require.ErrorIs(t, err, access.ErrDenied, "the service may not")
	ctx, err := d.Resume(d.service("updated"), nightly)
	require.NoError(t, err)
	require.True(t, d.may(ctx, access.UpdateInstall, "app"))

	d.assign("bob", "viewer") // in the middle of a download
	require.False(t, d.may(ctx, access.UpdateInstall, "app"))
	_, err = d.Resume(d.service("updated"), nightly)
	require.ErrorIs(t, err, access.ErrDenied)

	d.assign("bob", "owner")
	require.NoError(t, d.EndOwnership(d.as("ann")))
	d.commission("bob") // a new owner called as the old one
	_, err = d.Resume(d.service("updated"), nightly)
	require.ErrorIs(t, err, access.ErrDenied, "the schedule of the owner before")
}

func TestMandateOfPresence(t *testing.T) {
	d := commissioned(t)
	e, err := d.ProvePresence(t.Context(), button{})
	require.NoError(t, err)
	ctx := access.WithEntity(t.Context(), e)
	m, err := d.NewMandate(ctx, access.MandateRequest{Acts: acts(access.ResetRequest, "factory"), Reason: "button"})
	require.NoError(t, err)
	require.Equal(t, access.KindPresence, m.Kind)
	_, err = d.Resume(t.Context(), m)
	require.NoError(t, err)
	_, err = d.NewMandate(ctx, access.MandateRequest{Acts: acts(access.ResetRequest, "factory"), Reason: "button", Standing: true})
	require.ErrorContains(t, err, "/principal")
}

func TestMandatesKeep(t *testing.T) {
	d := commissioned(t)
	store := access.NewMandates(d.store)
	m, err := d.NewMandate(d.as("ann"), access.MandateRequest{Acts: acts(access.ResetRequest, "factory"), Reason: "sold", Standing: true})
	require.NoError(t, err)
	require.NoError(t, store.Put(t.Context(), m))
	got, err := store.Load(t.Context(), m.ID)
	require.NoError(t, err)
	require.Equal(t, m, got)
	list, err := store.List(t.Context())
	require.NoError(t, err)
	require.Equal(t, []access.Mandate{m}, list)

	name := "mandates/" + m.ID
	d.store.m["mandates/"+strings.Repeat("f", 32)] = d.store.m[name] // renamed by somebody
	list, err = store.List(t.Context())
	require.ErrorIs(t, err, durable.ErrCorrupt)
	require.Equal(t, []access.Mandate{m}, list, "a damaged one holds back no other")
	require.NoError(t, store.Delete(t.Context(), strings.Repeat("f", 32)))

	require.NoError(t, store.Delete(t.Context(), m.ID))
	require.NoError(t, store.Delete(t.Context(), m.ID))
	require.NoError(t, store.Delete(t.Context(), "../guard"))
	_, err = store.Load(t.Context(), m.ID)
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = store.Load(t.Context(), "../guard")
	require.ErrorIs(t, err, fs.ErrNotExist)

	for i := range access.MaxMandates {
		m.ID = fmt.Sprintf("%032x", i)
		require.NoError(t, store.Put(t.Context(), m))
	}
	require.NoError(t, store.Put(t.Context(), m), "one that is there")
	m.ID = fmt.Sprintf("%032x", 999)
	require.ErrorIs(t, store.Put(t.Context(), m), access.ErrFull)
}

func TestForgedMandatesAreRefused(t *testing.T) {
	d := commissioned(t)
	good := ordered("x")
	good.Ownership = d.Ownership()
	_, err := d.Resume(t.Context(), good)
	require.NoError(t, err)
	for path, change := range map[string]func(*access.Mandate){
		"/id":              func(m *access.Mandate) { m.ID = "1" },
		"/principal":       func(m *access.Mandate) { m.Principal = "" },
		"/kind":            func(m *access.Mandate) { m.Kind = 0 },
		"/principal: is a": func(m *access.Mandate) { m.Principal, m.Kind = "resume", access.KindService },
		"/interface":       func(m *access.Mandate) { m.Interface = "a b" },
		"/ownership":       func(m *access.Mandate) { m.Ownership = "x" },
		"/reason":          func(m *access.Mandate) { m.Reason = "" },
		"/plan":            func(m *access.Mandate) { m.Plan = "AB" },
		"/acts":            func(m *access.Mandate) { m.Acts = nil },
		"/acts/0/perm":     func(m *access.Mandate) { m.Acts = acts("*", "") },
		"/acts/0/resource": func(m *access.Mandate) { m.Acts = acts(access.ResetRequest, "**") },
	} {
		m := good
		change(&m)
		_, err := d.Resume(t.Context(), m)
		var bad *access.InputError
		require.ErrorAs(t, err, &bad, path)
		assert.ErrorContains(t, err, path)
		require.ErrorAs(t, access.NewMandates(newMem()).Put(t.Context(), m), &bad)
	}
	unknown := good
	unknown.Acts = acts("doorbell.ring", "")
	_, err = d.Resume(t.Context(), unknown)
	require.ErrorIs(t, err, access.ErrDenied)
}

func FuzzRecords(f *testing.F) {
	m, err := json.Marshal(ordered("sold"))
	require.NoError(f, err)
	f.Add([]byte("1 " + string(m)))
	f.Add([]byte(`1 {"verifier":{"salt":"AAAAAAAAAAAAAAAAAAAAAA==","sum":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},"serves":true,"ownership":"","period":"00000000000000000000000000000000"}`))
	f.Add([]byte(`1 {"name":"p-01234567890123456789"}`))
	f.Add([]byte(`1 {"verifier":{"salt":"AAAAAAAAAAAAAAAAAAAAAA==","sum":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},"serves":false,"ownership":"00000000000000000000000000000000","assignments":[{"id":"ann","kind":"person","roles":["owner"]}]}`))
	policy := compile(f, homeSpec())
	f.Fuzz(func(t *testing.T, raw []byte) {
		store := newMem()
		id := ordered("").ID
		store.m["guard"], store.m["mandates/"+id] = raw, raw
		g, err := access.OpenGuard(t.Context(), store, policy, nil)
		require.NoError(t, err)
		if g.Health(t.Context()) != nil {
			_, shut := g.Shut()
			require.True(t, shut)
			require.Empty(t, g.Ownership())
		} else if g.Ownership() == "" {
			_, shut := g.Shut()
			require.True(t, shut, "no ownership, no operation")
		}
		if m, err := access.NewMandates(store).Load(t.Context(), id); err == nil {
			again := newMem()
			require.NoError(t, access.NewMandates(again).Put(context.Background(), m), "what is accepted can be kept")
			got, err := access.NewMandates(again).Load(t.Context(), id)
			require.NoError(t, err)
			require.True(t, got.Time.Equal(m.Time))
			got.Time = m.Time
			require.Equal(t, m, got)
			g.Resume(t.Context(), m)
		}
	})
}

func TestKindText(t *testing.T) {
	for k := range access.Kind(6) {
		text, err := k.MarshalText()
		if k == 0 || k > 4 {
			require.Error(t, err)
			require.Equal(t, "none", k.String())
			continue
		}
		require.NoError(t, err)
		var back access.Kind
		require.NoError(t, back.UnmarshalText(text))
		require.Equal(t, k, back)
	}
	require.Error(t, new(access.Kind).UnmarshalText([]byte("Person")))
}
