package access_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
)

// rules returns a guard with n grants over ten roles, and an entity with one role
// that holds every tenth of them, the last one too.
func rules(tb testing.TB, n int) (*access.Guard, *access.Entity) {
	spec := access.PolicySpec{}
	for i := range 10 {
		spec.Roles = append(spec.Roles, access.Role{Name: fmt.Sprintf("role%d", i)})
	}
	for i := range n {
		spec.Grants = append(spec.Grants, access.Grant{
			Role: fmt.Sprintf("role%d", i%10), Permission: access.ConfigWrite,
			Resources: []string{fmt.Sprintf("settings/object%d/**", i), fmt.Sprintf("users/{self}/*/field%d", i)},
		})
	}
	store := newMem()
	secret, err := access.Provision(context.Background(), store, nil)
	require.NoError(tb, err)
	g, err := access.OpenGuard(context.Background(), store, compile(tb, spec), &access.GuardOptions{Parts: []string{}, Local: []string{"usb"}})
	require.NoError(tb, err)
	first, err := g.Initial(context.Background(), secret.Reveal(), "usb")
	require.NoError(tb, err)
	ctx := access.WithEntity(context.Background(), first)
	require.NoError(tb, g.Commission(ctx, access.Owner{ID: "ann", Roles: []string{"role9"}}, nothing))
	e, err := g.Issuer("test").Issue(access.Facts{ID: "ann", Kind: access.KindPerson})
	require.NoError(tb, err)
	return g, e
}

// BenchmarkAuthorize is one decision of a guard: lookup of roles included. The
// budget is 100 ns and no allocation (DESIGN 6).
func BenchmarkAuthorize(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		g, e := rules(b, n)
		for _, c := range []struct {
			name, resource string
			allowed        bool
		}{
			{"last", fmt.Sprintf("settings/object%d/level", n-1), true},
			{"deny", fmt.Sprintf("settings/object%d/level", n-2), false},
			{"self", fmt.Sprintf("users/ann/x/field%d", n-1), true},
		} {
			b.Run(fmt.Sprintf("rules=%d/%s", n, c.name), func(b *testing.B) {
				ctx := context.Background()
				require.Equal(b, c.allowed, g.Decide(ctx, e, access.ConfigWrite, c.resource).Allowed)
				b.ReportAllocs()
				for b.Loop() {
					g.Decide(ctx, e, access.ConfigWrite, c.resource)
				}
			})
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	g, e := rules(b, 100)
	ctx := access.WithEntity(context.Background(), e)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := access.Check(ctx, g, access.ConfigWrite, "settings/object99/level"); err != nil {
			b.Fatal(err)
		}
	}
}

func TestDecideAllocatesNothing(t *testing.T) {
	g, e := rules(t, 1000)
	ctx := access.WithEntity(t.Context(), e)
	for _, resource := range []string{"settings/object999/level", "settings/none", "a//b", ""} {
		require.Zero(t, testing.AllocsPerRun(100, func() { g.Decide(ctx, e, access.ConfigWrite, resource) }), resource)
	}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		_, _ = access.Check(ctx, g, access.ConfigWrite, "settings/object999/level")
	}))
}
