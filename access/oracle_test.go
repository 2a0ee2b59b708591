package access_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
)

// oracle decides a request the slow and obvious way.
func oracle(spec access.PolicySpec, roles []string, e *access.Entity, p access.Permission, resource string) bool {
	held := map[string]bool{}
	var hold func(string)
	hold = func(name string) {
		held[name] = true
		for _, r := range spec.Roles {
			if r.Name == name {
				for _, up := range r.Inherits {
					hold(up)
				}
			}
		}
	}
	for _, r := range roles {
		hold(r)
	}
	for _, g := range spec.Grants {
		area, whole := strings.CutSuffix(string(g.Permission), ".*")
		named := g.Permission == p || whole && strings.HasPrefix(string(p), area+".")
		kind := len(g.Kinds) == 0 || slices.Contains(g.Kinds, e.Kind())
		iface := len(g.Interfaces) == 0 || slices.Contains(g.Interfaces, e.Interface())
		if !held[g.Role] || !named || !kind || !iface {
			continue
		}
		for _, pattern := range g.Resources {
			if matches(strings.Split(pattern, "/"), segments(resource), e.ID()) {
				return true
			}
		}
	}
	return false
}

func segments(resource string) []string {
	if resource == "" {
		return nil
	}
	return strings.Split(resource, "/")
}

func matches(pattern, segs []string, id string) bool {
	switch {
	case len(pattern) > 0 && pattern[0] == "**":
		return true
	case len(pattern) == 0 || len(segs) == 0:
		return len(pattern) == len(segs)
	}
	ok := pattern[0] == "*" || pattern[0] == segs[0] || pattern[0] == "{self}" && segs[0] == id
	return ok && matches(pattern[1:], segs[1:], id)
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func randomSpec(r *rand.Rand) access.PolicySpec {
	var spec access.PolicySpec
	for i := range 6 {
		role := access.Role{Name: fmt.Sprint("r", i)}
		for j := range i {
			if r.IntN(4) == 0 {
				role.Inherits = append(role.Inherits, fmt.Sprint("r", j))
			}
		}
		spec.Roles = append(spec.Roles, role)
	}
	for range 1 + r.IntN(30) {
		g := access.Grant{Role: fmt.Sprint("r", r.IntN(6)), Permission: pick(r, access.ConfigRead, access.ConfigWrite, "config.*", "update.*", access.UpdateCheck)}
		for range 1 + r.IntN(3) {
			segs := make([]string, 1+r.IntN(4))
			for i := range segs {
				segs[i] = pick(r, "a", "b", "ann", "longer-than-sixteen-bytes", "*", "{self}")
			}
			if r.IntN(3) == 0 {
				segs[len(segs)-1] = "**"
			}
			g.Resources = append(g.Resources, strings.Join(segs, "/"))
		}
		if r.IntN(4) == 0 {
			g.Kinds = []access.Kind{pick(r, access.KindPerson, access.KindDevice), access.KindService}
		}
		if r.IntN(4) == 0 {
			g.Interfaces = []string{pick(r, "lan", "usb"), "wan"}
		}
		spec.Grants = append(spec.Grants, g)
	}
	return spec
}

func TestPolicyEqualsOracle(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	everybody := map[string][]string{"ann": {"r1", "r4"}, "b": {"r5"}, "eve": {"r0"}, "hub": {"r3", "r2"}}
	allowed, asked := 0, 0
	store := ownedBy(t, everybody)
	for range 150 {
		spec := randomSpec(r)
		g, err := access.OpenGuard(t.Context(), store, compile(t, spec), &access.GuardOptions{Parts: []string{}, Services: map[string][]string{"svc": {"r2", "r5"}}})
		require.NoError(t, err)
		for range 200 {
			f := access.Facts{ID: pick(r, "ann", "b", "eve"), Kind: access.KindPerson, Interface: pick(r, "", "lan", "usb", "wan", "x")}
			switch r.IntN(4) {
			case 0:
				f.ID, f.Kind = "hub", access.KindDevice
			case 1:
				f.ID, f.Kind = "svc", access.KindService
			}
			e, err := g.Issuer("t").Issue(f)
			require.NoError(t, err)
			segs := make([]string, r.IntN(6))
			for i := range segs {
				segs[i] = pick(r, "a", "b", "ann", "hub", "svc", "c", "longer-than-sixteen-bytes", "longer-than-SIXTEEN-bytes")
			}
			resource := strings.Join(segs, "/")
			p := pick(r, access.ConfigRead, access.ConfigWrite, access.UpdateCheck, access.UpdatePolicy)
			roles := everybody[f.ID]
			if f.ID == "svc" {
				roles = []string{"r2", "r5"}
			}
			d := g.Decide(t.Context(), e, p, resource)
			want := oracle(spec, roles, e, p, resource)
			require.Equal(t, want, d.Allowed, "%v %s %q %+v: %+v", e, p, resource, spec, d)
			require.NotEmpty(t, d.Rule)
			require.NotEmpty(t, d.Reason)
			if asked++; d.Allowed {
				allowed++
				var i int
				_, err := fmt.Sscanf(d.Rule, "grant %d of role", &i)
				require.NoError(t, err)
				only := spec
				only.Grants = spec.Grants[i : i+1]
				require.True(t, oracle(only, roles, e, p, resource), "the grant that the rule names allows it by itself")
			}
		}
	}
	t.Logf("asked=%d allowed=%d", asked, allowed)
	require.Greater(t, allowed, asked/10)
	require.Less(t, allowed, asked*9/10)
}

// ownedBy is the store of a device in service whose people and devices have these roles.
func ownedBy(t *testing.T, roles map[string][]string) *mem {
	t.Helper()
	spec := access.PolicySpec{
		Roles:  []access.Role{{Name: "boss"}},
		Grants: []access.Grant{{Role: "boss", Permission: "access.*", Resources: []string{"**"}}},
	}
	for i := range 6 {
		spec.Roles = append(spec.Roles, access.Role{Name: fmt.Sprint("r", i)})
	}
	d := &device{t: t, store: newMem(), log: &recorder{}, policy: compile(t, spec), opts: access.GuardOptions{Parts: []string{}, Local: []string{"usb"}}}
	secret, err := access.Provision(t.Context(), d.store, nil)
	require.NoError(t, err)
	d.reopen()
	first, err := d.Initial(t.Context(), secret.Reveal(), "usb")
	require.NoError(t, err)
	require.NoError(t, d.Commission(access.WithEntity(t.Context(), first), access.Owner{ID: "boss", Roles: []string{"boss"}}, nothing))
	for id, names := range roles {
		kind := access.KindPerson
		if id == "hub" {
			kind = access.KindDevice
		}
		require.NoError(t, d.Assign(d.as("boss"), access.Assignment{ID: id, Kind: kind, Roles: names}))
	}
	return d.store
}
