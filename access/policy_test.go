package access_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
)

func TestPolicyErrorsNamePathAndRule(t *testing.T) {
	role := func(name string, inherits ...string) access.Role { return access.Role{Name: name, Inherits: inherits} }
	grant := func(change func(*access.Grant)) access.PolicySpec {
		g := access.Grant{Role: "r", Permission: access.StatusRead, Resources: []string{"**"}}
		change(&g)
		return access.PolicySpec{Roles: []access.Role{role("r")}, Grants: []access.Grant{g}}
	}
	on := func(pattern string) access.PolicySpec {
		return grant(func(g *access.Grant) { g.Resources = []string{"ok", pattern} })
	}
	many := make([]access.Role, access.MaxRoles+1)
	for i := range many {
		many[i] = role(fmt.Sprint("r", i))
	}
	limits := access.PolicySpec{Roles: []access.Role{role("r")}}
	for i := range 65 {
		limits.Grants = append(limits.Grants, access.Grant{
			Role: "r", Permission: access.StatusRead, Resources: []string{"**"}, Interfaces: []string{fmt.Sprint("if", i/2), fmt.Sprint("jf", i%3)},
		})
	}
	for _, c := range []struct {
		path, rule string
		spec       access.PolicySpec
	}{
		{"/roles/0/name", "a-z", access.PolicySpec{Roles: []access.Role{role("Owner")}}},
		{"/roles/1/name", "twice", access.PolicySpec{Roles: []access.Role{role("r"), role("r")}}},
		{"/roles/0/inherits/0", "names a role", access.PolicySpec{Roles: []access.Role{role("r", "s")}}},
		{"/roles/0/inherits", "back", access.PolicySpec{Roles: []access.Role{role("r", "r")}}},
		{"/roles/0/inherits", "back", access.PolicySpec{Roles: []access.Role{role("a", "b"), role("b", "c"), role("c", "a")}}},
		{"/roles", "64", access.PolicySpec{Roles: many}},
		{"/grants", "4096", access.PolicySpec{Grants: make([]access.Grant, access.MaxGrants+1)}},
		{"/grants/0/role", "names a role", grant(func(g *access.Grant) { g.Role = "x" })},
		{"/grants/0/permission", "known", grant(func(g *access.Grant) { g.Permission = "config.wriet" })},
		{"/grants/0/permission", "known", grant(func(g *access.Grant) { g.Permission = "conf.*" })},
		{"/grants/0/permission", "known", grant(func(g *access.Grant) { g.Permission = "*" })},
		{"/grants/0/permission", "known", grant(func(g *access.Grant) { g.Permission = ".*" })},
		{"/grants/0/resources", "1 to 32", grant(func(g *access.Grant) { g.Resources = nil })},
		{"/grants/0/kinds/0", "person", grant(func(g *access.Grant) { g.Kinds = []access.Kind{9} })},
		{"/grants/0/interfaces/0", "a-zA-Z", grant(func(g *access.Grant) { g.Interfaces = []string{"l n"} })},
		{"/grants/0/interfaces", "16", grant(func(g *access.Grant) { g.Interfaces = make([]string, 17) })},
		{"/grants/64", "64 different", limits},
		{"/grants/0/resources/1", "segments", on("a b")},
		{"/grants/0/resources/1", "segments", on("a//b")},
		{"/grants/0/resources/1", "segments", on("../a")},
		{"/grants/0/resources/1", "segments", on("a*")},
		{"/grants/0/resources/1", "segments", on("{other}")},
		{"/grants/0/resources/1", "end", on("**/a")},
		{"/grants/0/resources/1", "1 to 256", on("")},
		{"/grants/0/resources/1", "16 segments", on(strings.Repeat("a/", 16) + "a")},
		{"/setup/0", "end", access.PolicySpec{Setup: []string{"**/a"}}},
	} {
		p, err := access.NewPolicy(c.spec, nil)
		var bad *access.PolicyError
		require.ErrorAs(t, err, &bad, c.path+" "+c.rule)
		assert.Nil(t, p)
		assert.Equal(t, c.path, bad.Path)
		assert.Contains(t, bad.Rule, c.rule)
	}
}

func TestPolicyThatCombinesTooMuchIsRefused(t *testing.T) {
	spec := access.PolicySpec{Roles: []access.Role{{Name: "r"}}}
	for i := range 2000 {
		segs := make([]string, 16)
		for j := range segs {
			segs[j] = []string{"*", "a", "b"}[(i/(1+j*j)+i*j)%3]
		}
		spec.Grants = append(spec.Grants, access.Grant{Role: "r", Permission: access.StatusRead, Resources: []string{strings.Join(segs, "/")}})
	}
	_, err := access.NewPolicy(spec, nil)
	var bad *access.PolicyError
	require.ErrorAs(t, err, &bad)
	require.Contains(t, bad.Rule, "too many ways")
}

func TestVendorPermissions(t *testing.T) {
	bell := access.PermissionInfo{Name: "doorbell.ring", Description: "Ring."}
	with := func(change func(*access.PermissionInfo)) error {
		info := bell
		change(&info)
		_, err := access.NewPolicy(access.PolicySpec{}, &access.PolicyOptions{Permissions: []access.PermissionInfo{bell, info}})
		return err
	}
	require.ErrorContains(t, with(func(*access.PermissionInfo) {}), "/permissions/1: name is given twice")
	require.ErrorContains(t, with(func(i *access.PermissionInfo) { i.Name = "config.all" }), "belongs to this module")
	require.ErrorContains(t, with(func(i *access.PermissionInfo) { i.Name = "doorbell" }), "two or three words")
	require.ErrorContains(t, with(func(i *access.PermissionInfo) { i.Name, i.Description = "bell.x", "" }), "description")
	require.ErrorContains(t, with(func(i *access.PermissionInfo) { i.Name, i.Shut = "bell.x", access.ShutAllowed }), "shut")
	require.ErrorContains(t, with(func(i *access.PermissionInfo) { i.Name, i.Sensitivity = "bell.x", 9 }), "class")
	require.NoError(t, with(func(i *access.PermissionInfo) { i.Name = "doorbell.open.front" }))

	p, err := access.NewPolicy(access.PolicySpec{
		Roles:  []access.Role{{Name: "r"}},
		Grants: []access.Grant{{Role: "r", Permission: "doorbell.*", Resources: []string{"front"}}},
	}, &access.PolicyOptions{Permissions: []access.PermissionInfo{bell}})
	require.NoError(t, err)
	require.Equal(t, bell, p.Permissions()[len(p.Permissions())-1])
	require.Equal(t, []string{"doorbell.* on front (grant 0)"}, p.Explain("r"))
}

func TestVocabularyIsWellFormed(t *testing.T) {
	infos := access.Permissions()
	seen := map[access.Permission]bool{}
	for _, info := range infos {
		assert.False(t, seen[info.Name], info.Name)
		seen[info.Name] = true
		assert.NotEmpty(t, info.Description)
		assert.LessOrEqual(t, info.Sensitivity, access.ClassSecret)
	}
	// What PROTOCOLS 3 lets pass the shut guard, and no more.
	var passes []string
	for _, info := range infos {
		if info.Shut != access.ShutRefused {
			passes = append(passes, fmt.Sprintf("%s/%d", info.Name, info.Shut))
		}
	}
	assert.Equal(t, "config.read/3 config.write/3 config.confirm/3 reset.request/1 erase.subject/1 erase.all/1 update.check/2 update.install/2 "+
		"update.confirm/1 update.rollback/1 update.policy/2 notify.read/1 notify.ack/1 notify.raise/1 access.commission/1 access.disown/1 status.read/1",
		strings.Join(passes, " "))
}

func TestMatrixAndExplain(t *testing.T) {
	p := compile(t, homeSpec())
	m := p.Matrix()
	require.Equal(t, []string{"viewer", "operator", "owner", "updater", "helpdesk", "commissioner", "presence"}, m.Roles)
	cells := map[access.Permission][]string{}
	for _, r := range m.Rows {
		cells[r.Permission] = r.Cells
	}
	require.Len(t, m.Rows, len(access.Permissions()))
	assert.Equal(t, []string{"", "**, only on [lan usb]", "**, only on [lan usb]", "**", "", "", ""}, cells[access.ConfigRead])
	assert.Equal(t, make([]string, 7), cells[access.LogRead])
	var text strings.Builder
	require.NoError(t, m.WriteText(&text))
	assert.Contains(t, text.String(), "reset.request")
	assert.Equal(t, []string{
		"status.read on ** (grant 0, inherited from viewer)",
		"erase.subject on users/{self}/** (grant 1, inherited from viewer)",
		"access.credentials on password/{self} (grant 2, inherited from viewer)",
		"config.write on settings/*/level, settings/network/** (grant 3)",
		"config.read on **, only on [lan usb] (grant 4)",
	}, p.Explain("operator"))
	assert.Nil(t, p.Explain("nobody"))
	assert.Len(t, p.Roles(), 7)
}

const homeJSON = `{"roles":[{"name":"viewer"},{"name":"owner","inherits":["viewer"]}],
"grants":[{"role":"viewer","permission":"status.read","resources":["**"]},
{"role":"owner","permission":"config.*","resources":["settings/*/level","users/{self}/**"],"kinds":["person","device"],"interfaces":["lan"]}],
"setup":["settings/network/**"]}`

func TestParsePolicy(t *testing.T) {
	p, err := access.ParsePolicy([]byte(homeJSON), nil)
	require.NoError(t, err)
	require.Len(t, p.Explain("owner"), 2)
	for _, c := range []struct{ json, path string }{
		{`{`, ""},
		{`{"roles":[{"name":"a"},{"name":"b"}],"grants":[],"extra":1}`, "/extra"},
		{`{"roles":[{"name":"a","name":"b"}]}`, "/roles/0/name"},
		{`{"Roles":[]}`, "/Roles"},
		{`{"roles":[{"name":"a"}],"grants":[{"role":"a","permission":"x.y","resources":["a"]}]}`, "/grants/0/permission"},
		{homeJSON + `{}`, ""},
		{`{"roles":[],"grants":[{"kinds":[["x"]]}]}`, ""},
		{strings.Repeat(" ", access.MaxPolicyBytes) + homeJSON, ""},
	} {
		_, err := access.ParsePolicy([]byte(c.json), nil)
		var bad *access.PolicyError
		require.ErrorAs(t, err, &bad, c.json)
		if c.path != "" {
			assert.Equal(t, c.path, bad.Path)
		}
		assert.NotEmpty(t, bad.Rule)
	}
}

func FuzzParsePolicy(f *testing.F) {
	f.Add([]byte(homeJSON))
	f.Add([]byte(`{"roles":[{"name":"a","inherits":["a"]}],"grants":[]}`))
	f.Add([]byte(`{"roles":[{"name":"a"}],"grants":[{"role":"a","permission":"update.*","resources":["*/*/**","a/{self}"],"kinds":["robot"]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := access.ParsePolicy(data, nil)
		if err != nil {
			var bad *access.PolicyError
			require.ErrorAs(t, err, &bad)
			require.Nil(t, p)
			return
		}
		for _, r := range p.Roles() {
			p.Explain(r.Name)
		}
		g, err := access.OpenGuard(t.Context(), newMem(), p, nil)
		require.NoError(t, err)
		e, err := g.Issuer("f").Issue(access.Facts{ID: "eve", Kind: access.KindPerson})
		require.NoError(t, err)
		for _, info := range access.Permissions() {
			require.False(t, g.Decide(t.Context(), e, info.Name, "a/b").Allowed, "nobody has roles, whatever the policy")
		}
	})
}
