package access

import (
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

// Policy says which role may do what, compiled once. It does not change and may
// be used concurrently. It deliberately does not decide: that is up to a [Guard],
// which knows who holds which role and whether the device is commissioned.
type Policy struct {
	roles   []Role
	index   map[string]int // name of a role -> its bit
	closure []uint64       // per role: itself and all it inherits
	grants  []grant
	limits  []limit
	infos   []PermissionInfo
	names   table // name of a permission -> index into perms
	perms   []permission
	ifaces  map[string]int // name of an interface in a grant -> its bit
	setup   *machine
}

// permission is what Decide needs to know about one.
type permission struct {
	shut    Shut
	machine machine
	none    *Decision // no role grants it here
}

// grant is a checked Grant.
type grant struct {
	Grant
	perms    []Permission
	patterns [][]string
	holders  uint64 // roles that have it, by inheritance too
	limit    int
	allow    *Decision
}

// limit is what a grant asks of the entity besides its role.
type limit struct {
	kinds  uint8  // bit per Kind; 0 = all
	ifaces uint64 // bit per interface; 0 = all
}

// maxLimits bounds the different limits of a policy, and so the time of a decision.
const maxLimits = 64

// NewPolicy checks and compiles spec. What is wrong gives a [*PolicyError]:
// unknown names, cycles, bad patterns, too many of anything.
func NewPolicy(spec PolicySpec, opts *PolicyOptions) (*Policy, error) {
	infos, err := vocabulary(opts)
	if err != nil {
		return nil, err
	}
	p := &Policy{infos: infos, index: map[string]int{}, ifaces: map[string]int{}}
	if err := p.addRoles(spec.Roles); err != nil {
		return nil, err
	}
	if len(spec.Grants) > MaxGrants {
		return nil, badPolicy("/grants", "has at most 4096 entries")
	}
	for i, g := range spec.Grants {
		if err := p.addGrant(i, g); err != nil {
			return nil, err
		}
	}
	if err := p.compile(); err != nil {
		return nil, err
	}
	if err := p.addSetup(spec.Setup); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *Policy) addRoles(roles []Role) error {
	if len(roles) > MaxRoles {
		return badPolicy("/roles", "has at most 64 entries")
	}
	for i, r := range roles {
		at := item("/roles", i)
		if !validWord(r.Name) {
			return badPolicy(at+"/name", "is [a-z][a-z0-9-]*, at most 64 bytes")
		}
		if _, ok := p.index[r.Name]; ok {
			return badPolicy(at+"/name", "is given twice")
		}
		if len(r.Description) > 200 {
			return badPolicy(at+"/description", "is at most 200 bytes")
		}
		p.index[r.Name] = i
		r.Inherits = slices.Clone(r.Inherits)
		p.roles = append(p.roles, r)
	}
	return p.inherit()
}

// inherit fills closure, and refuses cycles.
func (p *Policy) inherit() error {
	p.closure = make([]uint64, len(p.roles))
	for i, r := range p.roles {
		p.closure[i] = 1 << i
		for j, name := range r.Inherits {
			k, ok := p.index[name]
			if !ok {
				return badPolicy(item(item("/roles", i)+"/inherits", j), "names a role of this policy")
			}
			p.closure[i] |= 1 << k
		}
	}
	for range p.roles { // a chain of n roles is closed after n rounds
		for i := range p.closure {
			for rest := p.closure[i]; rest != 0; rest &= rest - 1 {
				p.closure[i] |= p.closure[bits.TrailingZeros64(rest)]
			}
		}
	}
	for i := range p.roles {
		for j := range i {
			if p.closure[i]>>j&1 != 0 && p.closure[j]>>i&1 != 0 {
				return badPolicy(item("/roles", j)+"/inherits", "does not lead back to the role itself")
			}
		}
		if slices.Contains(p.roles[i].Inherits, p.roles[i].Name) {
			return badPolicy(item("/roles", i)+"/inherits", "does not lead back to the role itself")
		}
	}
	return nil
}

func (p *Policy) addGrant(i int, g Grant) error {
	at := item("/grants", i)
	role, ok := p.index[g.Role]
	if !ok {
		return badPolicy(at+"/role", "names a role of this policy")
	}
	g.Resources, g.Kinds, g.Interfaces = slices.Clone(g.Resources), slices.Clone(g.Kinds), slices.Clone(g.Interfaces)
	out := grant{Grant: g, perms: p.covered(g.Permission)}
	if len(out.perms) == 0 {
		return badPolicy(at+"/permission", `names a known permission, or an area and ".*"`)
	}
	var err error
	if out.patterns, err = parsePatterns(at+"/resources", g.Resources); err != nil {
		return err
	}
	if out.limit, err = p.addLimit(at, g); err != nil {
		return err
	}
	for r, closure := range p.closure {
		if closure>>role&1 != 0 {
			out.holders |= 1 << r
		}
	}
	out.allow = &Decision{
		Allowed: true,
		Rule:    "grant " + strconv.Itoa(i) + " of role " + g.Role,
		Reason:  "role " + g.Role + " may " + out.String(),
	}
	p.grants = append(p.grants, out)
	return nil
}

// covered returns the permissions that a grant of name gives.
func (p *Policy) covered(name Permission) []Permission {
	area, whole := strings.CutSuffix(string(name), ".*")
	var out []Permission
	for _, info := range p.infos {
		if info.Name == name || whole && info.Name.area() == area {
			out = append(out, info.Name)
		}
	}
	return out
}

func parsePatterns(at string, patterns []string) ([][]string, error) {
	if len(patterns) == 0 || len(patterns) > maxPatterns {
		return nil, badPolicy(at, "has 1 to 32 patterns")
	}
	out := make([][]string, len(patterns))
	for i, s := range patterns {
		segs, rule := parsePattern(s)
		if rule != "" {
			return nil, badPolicy(item(at, i), rule)
		}
		out[i] = segs
	}
	return out, nil
}

// addLimit returns the index of the limit of g, which equal grants share.
func (p *Policy) addLimit(at string, g Grant) (int, error) {
	var l limit
	for i, k := range g.Kinds {
		if !k.valid() {
			return 0, badPolicy(item(at+"/kinds", i), "is person, device, service or presence")
		}
		l.kinds |= 1 << k
	}
	if len(g.Interfaces) > maxInterfaces {
		return 0, badPolicy(at+"/interfaces", "has at most 16 entries")
	}
	for i, name := range g.Interfaces {
		if !validID(name) {
			return 0, badPolicy(item(at+"/interfaces", i), ruleID)
		}
		bit, ok := p.ifaces[name]
		if !ok {
			if bit = len(p.ifaces); bit == 64 {
				return 0, badPolicy(item(at+"/interfaces", i), "is one of at most 64 in a policy")
			}
			p.ifaces[name] = bit
		}
		l.ifaces |= 1 << bit
	}
	if i := slices.Index(p.limits, l); i >= 0 {
		return i, nil
	}
	if len(p.limits) == maxLimits {
		return 0, badPolicy(at, "has one of at most 64 different combinations of kinds and interfaces")
	}
	p.limits = append(p.limits, l)
	return len(p.limits) - 1, nil
}

func (p *Policy) addSetup(patterns []string) error {
	b := newBuilder()
	if len(patterns) > 0 {
		segs, err := parsePatterns("/setup", patterns)
		if err != nil {
			return err
		}
		for _, s := range segs {
			b.add(s, 0)
		}
	}
	var err error
	work := maxWork
	p.setup, err = b.build(&work, func([]int) []cell { return []cell{{}} })
	return err
}

// mask is the set of the roles called names. Unknown ones, left over from another
// release, give nothing.
func (p *Policy) mask(names []string) uint64 {
	var m uint64
	for _, n := range names {
		if i, ok := p.index[n]; ok {
			m |= 1 << i
		}
	}
	return m
}

// reach is the set of the role called name and all that it inherits.
func (p *Policy) reach(name string) uint64 {
	if i, ok := p.index[name]; ok {
		return p.closure[i]
	}
	return 0
}

// String says what g allows.
func (g grant) String() string {
	s := string(g.Permission) + " on " + strings.Join(g.Resources, ", ")
	if len(g.Kinds) > 0 {
		s += fmt.Sprintf(", only %v", g.Kinds)
	}
	if len(g.Interfaces) > 0 {
		s += fmt.Sprintf(", only on %v", g.Interfaces)
	}
	return s
}
