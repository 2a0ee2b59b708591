package access_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
)

func TestProvisionOnce(t *testing.T) {
	store := newMem()
	log := &recorder{}
	secret, err := access.Provision(t.Context(), store, &access.ProvisionOptions{Log: slog.New(log)})
	require.NoError(t, err)
	record := string(store.m["guard"])
	text := secret.Reveal()
	require.Regexp(t, `^[0-9A-HJKMNP-TV-Z]{5}(-[0-9A-HJKMNP-TV-Z]{5}){3}$`, text)
	require.Empty(t, secret.Reveal(), "once")
	require.NotContains(t, record, text)
	require.NotContains(t, record, strings.ReplaceAll(text, "-", ""))
	require.Len(t, log.named(access.EventProvisioned), 1)

	_, err = access.Provision(t.Context(), store, nil)
	require.ErrorIs(t, err, access.ErrProvisioned)
	require.Equal(t, record, string(store.m["guard"]))

	other, err := access.Provision(t.Context(), newMem(), nil)
	require.NoError(t, err)
	require.NotEqual(t, text, other.Reveal(), "every device has its own")
	_, err = access.Provision(t.Context(), nil, nil)
	require.Error(t, err)
}

func TestSecretRedactsItself(t *testing.T) {
	secret, err := access.Provision(t.Context(), newMem(), nil)
	require.NoError(t, err)
	type holder struct {
		Public  *access.Secret
		private *access.Secret
	}
	h := holder{secret, secret}
	var shown []string
	for _, v := range []any{secret, h, &h, []*access.Secret{secret}, map[string]any{"s": secret}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			shown = append(shown, fmt.Sprintf(verb, v))
		}
		text, err := json.Marshal(v)
		require.NoError(t, err)
		shown = append(shown, string(text))
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "secret", secret, "holder", h)
	shown = append(shown, log.String())
	text := secret.Reveal()
	for _, s := range shown {
		for group := range strings.SplitSeq(text, "-") {
			require.NotContains(t, s, group)
		}
		require.NotContains(t, s, fmt.Sprintf("%x", text[:5]))
	}
	require.Equal(t, "[redacted]", fmt.Sprintf("%v", secret))
	_ = h.private
}

func TestShutUntilCommissioned(t *testing.T) {
	d := provisioned(t)
	reason, shut := d.Shut()
	require.True(t, shut)
	require.Contains(t, reason, "initial secret")
	require.Empty(t, d.Ownership())
	requireShut(t, d.Guard, "provisioned")

	first, err := d.Initial(t.Context(), d.label, "usb")
	require.NoError(t, err)
	ctx := access.WithEntity(t.Context(), first)
	for _, c := range []struct {
		p        access.Permission
		resource string
		want     bool
	}{
		{access.AccessCommission, "ownership", true},
		{access.AccessCommission, "other", false},
		{access.ConfigWrite, "settings/network/wifi", true}, // the policy's Setup
		{access.ConfigWrite, "settings/lamp/level", false},  // granted, but shut
		{access.StatusRead, "", true},
		{access.ResetRequest, "factory", false}, // passes the shut guard, but not granted
		{access.AccessAssign, "owner/eve", false},
		{access.AccessCredentials, "password/eve", false},
	} {
		assert.Equal(t, c.want, d.may(ctx, c.p, c.resource), "%s %s", c.p, c.resource)
	}
	_, err = access.Check(ctx, d, access.ConfigWrite, "settings/lamp/level")
	var denied *access.DeniedError
	require.ErrorAs(t, err, &denied)
	require.Equal(t, "commissioning", denied.Missing)
	_, err = access.Check(d.service("updated"), d, access.ConfigRead, "settings/lamp")
	require.ErrorAs(t, err, &denied)

	d.commission("ann")
	_, shut = d.Shut()
	require.False(t, shut)
	require.Len(t, d.Ownership(), 32)
	require.False(t, d.may(ctx, access.AccessCommission, "ownership"), "the entity of the initial secret is dead")
	require.False(t, d.may(ctx, access.StatusRead, ""))
	require.True(t, d.may(d.as("ann"), access.AccessAssign, "viewer/bob"))
	_, err = d.Initial(t.Context(), d.label, "usb")
	require.ErrorIs(t, err, access.ErrDenied, "retired")
	d.reopen()
	_, err = d.Initial(t.Context(), d.label, "usb")
	require.ErrorIs(t, err, access.ErrDenied, "retired for good")
}

func TestInitialSecretNeedsPresence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := provisioned(t)
		reason := func(secret, iface string) string {
			_, err := d.Initial(t.Context(), secret, iface)
			var denied *access.DeniedError
			require.ErrorAs(t, err, &denied)
			return denied.Reason
		}
		far := reason(d.label, "lan")
		require.Contains(t, far, "presence")
		require.Equal(t, far, reason("wrong", "lan"), "a remote stranger learns nothing about a guess")
		require.Equal(t, far, reason(d.label, ""))
		require.Contains(t, reason("wrong", "usb"), "not right")
		_, err := d.Initial(t.Context(), d.label, "a b")
		var bad *access.InputError
		require.ErrorAs(t, err, &bad)

		_, err = d.ProvePresence(t.Context(), button{})
		require.NoError(t, err)
		_, err = d.Initial(t.Context(), d.label, "lan")
		require.NoError(t, err)
		time.Sleep(11 * time.Minute)
		require.Equal(t, far, reason(d.label, "lan"))
	})
}

func TestInitialSecretAsTyped(t *testing.T) {
	d := provisioned(t)
	bare := strings.ReplaceAll(d.label, "-", "")
	for typed, want := range map[string]bool{
		d.label: true, bare: true, strings.ToLower(d.label): true, " " + strings.ReplaceAll(d.label, "-", " "): true,
		strings.NewReplacer("0", "o", "1", "l").Replace(bare): true,
		"": false, bare[:19]: false, bare + "0": false, strings.Repeat("-", 1000) + bare: false, bare[:19] + "!": false, bare[:19] + "U": false,
	} {
		_, err := d.Initial(t.Context(), typed, "usb")
		assert.Equal(t, want, err == nil, "%d bytes", len(typed))
	}
}

func TestCommissionSetsTheCredentialFirst(t *testing.T) {
	d := provisioned(t)
	first, err := d.Initial(t.Context(), d.label, "usb")
	require.NoError(t, err)
	ctx := access.WithEntity(t.Context(), first)
	owner := access.Owner{ID: "ann", Roles: []string{"owner"}}

	var kept context.Context
	failed := errors.New("no space")
	err = d.Commission(ctx, owner, func(ctx context.Context) error {
		kept = ctx
		assert.True(t, d.may(ctx, access.AccessCredentials, "password/ann"))
		assert.False(t, d.may(ctx, access.AccessAssign, "owner/eve"), "only credentials")
		assert.False(t, d.may(ctx, access.AccessCommission, "ownership"))
		assert.Equal(t, "initial", access.FromContext(ctx).OnBehalf())
		assert.Len(t, d.Binding(ctx), 32)
		assert.Empty(t, d.Ownership())
		return failed
	})
	require.ErrorIs(t, err, failed)
	_, shut := d.Shut()
	require.True(t, shut)
	require.False(t, d.may(kept, access.AccessCredentials, "password/ann"), "the authority ends with the function")
	require.Empty(t, d.Binding(kept))

	var bound string
	require.NoError(t, d.Commission(ctx, owner, func(ctx context.Context) error {
		bound = d.Binding(ctx)
		return nil
	}))
	require.Equal(t, bound, d.Ownership())
	require.Equal(t, bound, d.Binding(t.Context()))
	require.Equal(t, "ann", d.log.named(access.EventCommissioned)[0][access.KeySubject])

	require.ErrorIs(t, d.Commission(ctx, owner, nothing), access.ErrDenied)
	require.ErrorIs(t, d.Commission(d.as("ann"), owner, nothing), access.ErrCommissioned)
}

func TestCommissionAsksAgainAfterSet(t *testing.T) {
	d, other := provisioned(t), commissioned(t)
	first, err := d.Initial(t.Context(), d.label, "usb")
	require.NoError(t, err)
	err = d.Commission(access.WithEntity(t.Context(), first), access.Owner{ID: "eve", Roles: []string{"owner"}}, func(ctx context.Context) error {
		d.store.m["guard"] = other.store.m["guard"] // somebody else was faster
		return d.Reload(ctx)
	})
	require.ErrorIs(t, err, access.ErrDenied)
	require.Equal(t, other.Ownership(), d.Ownership())
	require.False(t, d.may(d.as("eve"), access.StatusRead, ""))
}

func TestCommissionRefusesBadInput(t *testing.T) {
	d := provisioned(t)
	first, err := d.Initial(t.Context(), d.label, "usb")
	require.NoError(t, err)
	ctx := access.WithEntity(t.Context(), first)
	never := func(context.Context) error { t.Error("set ran"); return nil }
	for _, o := range []access.Owner{{}, {ID: "ann"}, {ID: "a b", Roles: []string{"owner"}}, {ID: "ann", Roles: []string{"boss"}}, {ID: "ann", Kind: access.KindService, Roles: []string{"owner"}}, {ID: "ann", Roles: []string{"presence"}}} {
		var bad *access.InputError
		require.ErrorAs(t, d.Commission(ctx, o, never), &bad)
	}
	require.Error(t, d.Commission(ctx, access.Owner{ID: "ann", Roles: []string{"owner"}}, nil))
	require.ErrorIs(t, d.Commission(t.Context(), access.Owner{ID: "ann", Roles: []string{"owner"}}, never), access.ErrDenied)
	require.ErrorIs(t, d.Commission(d.as("eve"), access.Owner{ID: "eve", Roles: []string{"owner"}}, never), access.ErrDenied)
	g, err := access.OpenGuard(t.Context(), newMem(), d.policy, nil)
	require.NoError(t, err)
	_, err = g.Initial(t.Context(), d.label, "usb")
	require.ErrorIs(t, err, access.ErrNotProvisioned)
}

func TestOwnershipEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := commissioned(t)
		d.assign("bob", "operator")
		first := d.Ownership()
		ann, bob, svc := d.as("ann"), d.as("bob"), d.service("updated")
		require.ErrorIs(t, d.EndOwnership(bob), access.ErrDenied)
		_, err := d.ProvePresence(t.Context(), button{})
		require.NoError(t, err)
		require.NoError(t, d.EndOwnership(ann))
		require.Empty(t, d.Ownership())
		require.False(t, d.may(ann, access.StatusRead, ""))
		require.False(t, d.may(bob, access.StatusRead, ""))
		require.True(t, d.may(svc, access.UpdateInstall, "app"), "services go on")
		_, err = d.Initial(t.Context(), d.label, "lan")
		require.ErrorIs(t, err, access.ErrDenied, "the old owner with the label, but without presence: the proof before the reset does not count")

		d.commission("ann") // a new owner who happens to have the old one's name
		require.NotEqual(t, first, d.Ownership())
		require.False(t, d.may(ann, access.StatusRead, ""), "the old owner's session")
		require.False(t, d.may(bob, access.StatusRead, ""))
		require.True(t, d.may(d.as("ann"), access.StatusRead, ""))
		require.False(t, d.may(d.as("bob"), access.StatusRead, ""), "assignments are gone")
		require.Len(t, d.log.named(access.EventOwnershipEnded), 1)
	})
}

func TestCredentialListShuts(t *testing.T) {
	d := commissioned(t)
	list := d.Credentials()
	isShut := func() string {
		reason, _ := d.Shut()
		return reason
	}
	require.Empty(t, isShut())
	require.NoError(t, list.Set("mqtt", []access.Credential{{Name: "broker password", Origin: access.Common}}))
	require.Contains(t, isShut(), `"broker password" of part mqtt`)
	require.False(t, d.may(d.as("ann"), access.AccessAssign, "viewer/bob"))
	require.True(t, d.may(d.as("ann"), access.StatusRead, ""))
	require.NoError(t, list.Set("mqtt", []access.Credential{{Name: "broker password", Origin: access.SetByOwner}}))
	require.Empty(t, isShut())
	require.True(t, d.may(d.as("ann"), access.AccessAssign, "viewer/bob"))

	for _, bad := range [][]access.Credential{
		{{Origin: access.MadeOnDevice}}, {{Name: "x"}}, {{Name: "x", Origin: 9}}, {{Name: "x", Origin: access.DefinedBy}},
		{{Name: "x", Origin: access.Common, By: "me"}}, {{Name: "x\n", Origin: access.Common}}, make([]access.Credential, 300),
	} {
		var input *access.InputError
		require.ErrorAs(t, list.Set("mqtt", bad), &input)
	}
	require.Error(t, list.Set("M", nil))
	require.Equal(t, map[string][]access.Credential{"mqtt": {{Name: "broker password", Origin: access.SetByOwner}}}, list.All())

	d.opts.Parts = []string{"mqtt", "update"}
	d.reopen()
	require.Contains(t, isShut(), "part mqtt has not declared")
	require.NoError(t, d.Credentials().Set("mqtt", nil))
	require.Contains(t, isShut(), "part update")
	require.NoError(t, d.Credentials().Set("update", []access.Credential{{Name: "root keys", Origin: access.DefinedBy, By: "the vendor's release signing"}}))
	require.Empty(t, isShut())
	require.Equal(t, "made on device set by owner defined by common none", fmt.Sprint(access.MadeOnDevice, access.SetByOwner, access.DefinedBy, access.Common, access.Origin(0)))
}
