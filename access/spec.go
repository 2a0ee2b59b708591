package access

import (
	"errors"

	"github.com/iot-device-baseline/baseline/internal/strictjson"
)

// Limits of a policy.
const (
	MaxRoles       = 64
	MaxGrants      = 4096
	MaxPolicyBytes = 64 << 10 // of its JSON
	maxPatterns    = 32       // of one grant
	maxInterfaces  = 16       // of one grant
	maxPermissions = 256      // of a vendor
)

// Roles that the guard itself gives. They cannot be assigned. A policy that
// defines them says what these entities may do.
const (
	RoleCommissioner = "commissioner" // who presented the initial secret; only what passes the shut guard
	RolePresence     = "presence"     // who proved presence
)

// PolicySpec is a policy as it is written: in Go, or as strict JSON for
// [ParsePolicy]. What no grant allows is denied.
type PolicySpec struct {
	Roles  []Role  `json:"roles"`
	Grants []Grant `json:"grants"`
	// Setup are patterns of the resources of config.read, config.write and
	// config.confirm that must be set to commission the device (its network).
	// Only they pass the shut guard.
	Setup []string `json:"setup,omitempty"`
}

// Role is a named set of grants.
type Role struct {
	Name        string   `json:"name"` // [a-z][a-z0-9-]*, at most 64 bytes
	Description string   `json:"description,omitempty"`
	Inherits    []string `json:"inherits,omitempty"` // roles whose grants it has too
}

// Grant allows one thing to one role. Resources are patterns of segments joined
// by "/": literal [a-zA-Z0-9._~-]+, "*" (any one segment), "{self}" (the id of the
// asking entity), and at the end "**" (any number of segments, also none: "a/**"
// matches "a", "a/b", "a/b/c"; "**" matches every resource and "").
type Grant struct {
	Role       string     `json:"role"`
	Permission Permission `json:"permission"` // "config.write", or "config.*" for the whole area
	Resources  []string   `json:"resources"`
	Kinds      []Kind     `json:"kinds,omitempty"`      // only these kinds of entities; none = all
	Interfaces []string   `json:"interfaces,omitempty"` // only on these interfaces; none = all
}

// PolicyOptions are the options of [NewPolicy] and [ParsePolicy].
type PolicyOptions struct {
	// Permissions are the vendor's own. Their area must not be one of
	// [Permissions], and none passes the shut guard.
	Permissions []PermissionInfo
}

// PolicyError says which rule a policy breaks, and where.
type PolicyError struct {
	Path string // RFC 6901 pointer into the policy; "" is the whole
	Rule string
}

func (e *PolicyError) Error() string {
	if e.Path == "" {
		return "access: policy: " + e.Rule
	}
	return "access: policy: " + e.Path + ": " + e.Rule
}

//go:noinline
func badPolicy(path, rule string) error { return &PolicyError{Path: path, Rule: rule} }

// ParsePolicy is [NewPolicy] of strict JSON: no duplicate, unknown or
// wrongly-cased field, no trailing data, at most [MaxPolicyBytes].
func ParsePolicy(data []byte, opts *PolicyOptions) (*Policy, error) {
	var spec PolicySpec
	err := strictjson.Decode(data, &spec, strictjson.Limits{Bytes: MaxPolicyBytes, Depth: 5, Items: 40_000})
	if err != nil {
		if bad, ok := errors.AsType[*strictjson.Error](err); ok {
			return nil, badPolicy(bad.Path, bad.Rule)
		}
		return nil, badPolicy("", err.Error())
	}
	return NewPolicy(spec, opts)
}

// vocabulary joins the permissions of this module and the vendor's.
func vocabulary(opts *PolicyOptions) ([]PermissionInfo, error) {
	all := Permissions()
	if opts == nil {
		return all, nil
	}
	if len(opts.Permissions) > maxPermissions {
		return nil, badPolicy("/permissions", "has at most 256 entries")
	}
	ours := map[string]bool{}
	for _, info := range all {
		ours[info.Name.area()] = true
	}
	seen := map[Permission]bool{}
	for i, info := range opts.Permissions {
		if rule := badInfo(info, ours, seen); rule != "" {
			return nil, badPolicy(item("/permissions", i), rule)
		}
		seen[info.Name] = true
		all = append(all, info)
	}
	return all, nil
}

func badInfo(info PermissionInfo, ours map[string]bool, seen map[Permission]bool) string {
	switch {
	case !validPermission(info.Name):
		return "name is two or three words of [a-z][a-z0-9-]* joined by dots"
	case ours[info.Name.area()]:
		return "area belongs to this module"
	case seen[info.Name]:
		return "name is given twice"
	case info.Description == "" || len(info.Description) > 200:
		return "description is 1 to 200 bytes"
	case info.Sensitivity > ClassSecret:
		return "sensitivity is a class"
	case info.Shut != ShutRefused:
		return "does not pass the shut guard"
	}
	return ""
}
