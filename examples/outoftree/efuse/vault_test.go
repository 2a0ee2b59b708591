package efuse_test

import (
	"context"
	"io/fs"
	"testing"

	"example.com/acme/keystore/efuse"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
)

// allow decides for a test; a device has its access.Guard.
type allow struct{}

func (allow) Decide(context.Context, *access.Entity, access.Permission, string) access.Decision {
	return access.Decision{Allowed: true}
}

// somebody gives ctx an entity, which a guard without any policy makes.
func somebody(ctx context.Context) (context.Context, error) {
	policy, err := access.NewPolicy(access.PolicySpec{Roles: []access.Role{{Name: "owner"}}}, nil)
	if err != nil {
		return nil, err
	}
	dir, err := durable.OpenFS(powercut.New().FS(), nil)
	if err != nil {
		return nil, err
	}
	guard, err := access.OpenGuard(ctx, dir, policy, nil)
	if err != nil {
		return nil, err
	}
	e, err := guard.Issuer("test").Issue(access.Facts{ID: "ann", Kind: access.KindPerson})
	return access.WithEntity(ctx, e), err
}

type openVault func(context.Context, *durable.Dir, protect.KeyStore, *protect.Options) (*protect.Vault, error)

// start opens, or provisions, a device with data and fuses on two media.
func start(t *testing.T, data, fuses *powercut.Machine, how openVault) (*protect.Vault, error) {
	t.Helper()
	keys, err := openKeys(t.Context(), fuses, &efuse.Options{Sealed: true})
	must(t, err)
	dir, err := durable.OpenFS(data.FS(), nil)
	must(t, err)
	return how(t.Context(), dir, keys, nil)
}

// TestErasedImageDoesNotOpen: the data medium, put back as it was before an erasure,
// is of no use, since the fuses have moved on.
func TestErasedImageDoesNotOpen(t *testing.T) {
	ctx, err := somebody(t.Context())
	must(t, err)
	data, fuses := powercut.New(), burned(t)
	vault, err := start(t, data, fuses, protect.Provision)
	must(t, err)
	vault.Guard(allow{})
	alice, err := vault.Subject(ctx, "alice")
	must(t, err)
	must(t, alice.Put(ctx, "letter", []byte("dear bob")))
	image := data.Image()

	vault, err = start(t, data, fuses, protect.Open) // a restart keeps it
	must(t, err)
	vault.Guard(allow{})
	alice, err = vault.Subject(ctx, "alice")
	must(t, err)
	letter, err := alice.Get(ctx, "letter")
	must(t, err)
	if string(letter) != "dear bob" {
		t.Fatalf("the letter is %q", letter)
	}
	method, err := vault.Erase(ctx, "alice")
	must(t, err)
	if method != vault.Report(ctx).Erasure || method == "clear: live copies only" {
		t.Errorf("method is %q", method)
	}
	_, err = alice.Get(ctx, "letter")
	mustBe(t, err, protect.ErrMissing)

	data.Restore(image)
	_, err = start(t, data, fuses, protect.Open)
	mustBe(t, err, protect.ErrRollback)
	_, err = start(t, data, fuses, protect.Provision)
	mustBe(t, err, protect.ErrRollback) // and it is no fresh start either
}

// TestOtherFuses: the data medium in another device that is in service.
func TestOtherFuses(t *testing.T) {
	data, fuses := powercut.New(), burned(t)
	_, err := start(t, data, fuses, protect.Provision)
	must(t, err)
	_, err = start(t, data, fuses, protect.Provision)
	mustBe(t, err, fs.ErrExist)
	others := burned(t)
	_, err = start(t, powercut.New(), others, protect.Provision)
	must(t, err)
	_, err = start(t, data, others, protect.Open)
	mustBe(t, err, protect.ErrForeign)
}
