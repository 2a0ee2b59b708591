package baseline_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/backends/softkeys"
	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
)

// lab is a whole small device on a machine in memory.
type lab struct {
	dir       *durable.Dir
	vault     *protect.Vault
	guard     *access.Guard
	settings  *config.Settings
	interlock *baseline.Interlock
	mandates  *access.Mandates
}

type labSettings struct {
	Limit int `json:"limit" setting:"doc=A limit that survives a reset; default=5; min=1; max=9; floor"`
}

func labPolicy(t testing.TB) *access.Policy {
	t.Helper()
	policy, err := access.NewPolicy(access.PolicySpec{
		Roles: []access.Role{{Name: "owner"}, {Name: access.RoleCommissioner}},
		Grants: []access.Grant{
			{Role: "owner", Permission: "config.*", Resources: []string{"**"}},
			{Role: "owner", Permission: "erase.*", Resources: []string{"**"}},
			{Role: access.RoleCommissioner, Permission: access.AccessCommission, Resources: []string{"**"}},
		},
	}, nil)
	require.NoError(t, err)
	return policy
}

// openLab opens the device as its start does; an error is how it refuses.
func openLab(ctx context.Context, t testing.TB, m *powercut.Machine, provision bool) (*lab, error) {
	dir, err := durable.OpenFS(m.FS(), nil)
	if err != nil {
		return nil, err
	}
	return openLabIn(ctx, t, dir, provision)
}

func openLabIn(ctx context.Context, t testing.TB, dir *durable.Dir, provision bool) (*lab, error) {
	l := &lab{dir: dir}
	keys, err := softkeys.Open(ctx, l.dir, nil)
	if err != nil {
		return nil, err
	}
	open := protect.Open
	if provision {
		open = protect.Provision
	}
	if l.vault, err = open(ctx, l.dir, keys, nil); err != nil {
		return nil, err
	}
	floor, err := l.vault.Compartment(ctx, protect.ClassFloor)
	if err != nil {
		return nil, err
	}
	if l.guard, err = access.OpenGuard(ctx, floor, labPolicy(t), &access.GuardOptions{Local: []string{"port"}, Parts: []string{}}); err != nil {
		return nil, err
	}
	l.vault.Guard(l.guard)
	l.mandates = access.NewMandates(durable.Sub(floor, "mandates"))
	if l.interlock, err = baseline.OpenInterlock(ctx, l.dir); err != nil {
		return nil, err
	}
	kept, err := l.vault.Compartment(ctx, protect.ClassSettings)
	if err != nil {
		return nil, err
	}
	schema, err := config.For[labSettings](nil)
	require.NoError(t, err)
	l.settings, err = config.Open(ctx, kept, schema, l.guard, &config.Options{Floor: floor, Interlock: l.interlock})
	return l, err
}

// commissioned makes a device in service: ann owns it, bob has data in it.
func commissioned(t *testing.T) *powercut.Machine {
	t.Helper()
	m := powercut.New()
	l, err := openLab(t.Context(), t, m, true)
	require.NoError(t, err)
	l.commission(t)
	return m
}

// commission takes a provisioned device into service, and closes it.
func (l *lab) commission(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	floor, err := l.vault.Compartment(ctx, protect.ClassFloor)
	require.NoError(t, err)
	secret, err := access.Provision(ctx, floor, nil)
	require.NoError(t, err)
	require.NoError(t, l.guard.Reload(ctx))
	first, err := l.guard.Initial(ctx, secret.Reveal(), "port")
	require.NoError(t, err)
	err = l.guard.Commission(access.WithEntity(ctx, first), access.Owner{ID: "ann", Roles: []string{"owner"}}, func(context.Context) error { return nil })
	require.NoError(t, err)
	ann, err := l.guard.Issuer("test").Issue(access.Facts{ID: "ann", Kind: access.KindPerson})
	require.NoError(t, err)
	_, err = l.settings.Apply(access.WithEntity(ctx, ann), []byte(`{"limit":7}`), "", nil)
	require.NoError(t, err)
	bob, err := l.vault.Subject(ctx, "bob")
	require.NoError(t, err)
	require.NoError(t, bob.Put(ctx, "phone", []byte("555")))
	require.NoError(t, l.interlock.Begin(ctx, baseline.OpInstall))
	require.NoError(t, l.vault.Close())
	require.NoError(t, l.dir.Close())
}

// describe tells what an attacker must not bring about by writing files.
func (l *lab) describe(ctx context.Context) (string, error) {
	reason, shut := l.guard.Shut()
	bob, err := l.vault.Subject(ctx, "bob")
	if err != nil {
		return "", err
	}
	phone, err := bob.Get(ctx, "phone")
	if err != nil {
		return "", err
	}
	mandates, err := l.mandates.List(ctx)
	if err != nil {
		return "", err
	}
	floor, _, err := l.settings.FloorDocument(l.as(ctx, "ann"))
	if err != nil {
		return "", err
	}
	_, stranger := access.Check(l.as(ctx, "eve"), l.guard, access.EraseAll, "")
	return fmt.Sprintf("shut=%v%s owner=%.8s bob=%s mandates=%d floor=%s eve=%v",
		shut, reason, l.guard.Ownership(), phone, len(mandates), floor, stranger == nil), nil
}

func (l *lab) as(ctx context.Context, id string) context.Context {
	e, err := l.guard.Issuer("test").Issue(access.Facts{ID: id, Kind: access.KindPerson})
	if err != nil {
		return ctx
	}
	return access.WithEntity(ctx, e)
}
