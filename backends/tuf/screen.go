package tuf

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// outline is as much of any role as must hold before go-tuf sees it: v2.4.2
// dereferences what is null, and checks no versions of the specification.
type outline struct {
	Signed struct {
		Type        string                      `json:"_type"`
		SpecVersion string                      `json:"spec_version"`
		Version     int64                       `json:"version"`
		Keys        map[string]*json.RawMessage `json:"keys"`
		Roles       map[string]*json.RawMessage `json:"roles"`
		Meta        map[string]*entry           `json:"meta"`
		Targets     map[string]*entry           `json:"targets"`
		Delegations *struct {
			Keys  map[string]*json.RawMessage `json:"keys"`
			Roles []struct {
				Name string `json:"name"`
			} `json:"roles"`
		} `json:"delegations"`
	} `json:"signed"`
}

type entry struct {
	Version int64 `json:"version"`
	Length  int64 `json:"length"`
}

// maxVersion is the highest version: what every reader of JSON keeps exactly, and
// floors can hold.
const maxVersion = 1<<53 - 1

// screen refuses bytes of a role before their signatures are looked at.
func screen(kind string, data []byte) error {
	var o outline
	if err := json.Unmarshal(data, &o); err != nil {
		return err
	}
	s := &o.Signed
	switch {
	case s.Type != kind:
		return fmt.Errorf("is of type %q", s.Type)
	case !readable(s.SpecVersion):
		return fmt.Errorf("is of version %q of the specification, not of 1", s.SpecVersion)
	case s.Version < 1 || s.Version > maxVersion:
		return errors.New("has no version, or one that nobody reaches by counting")
	case null(s.Keys) || null(s.Roles) || null(s.Meta) || null(s.Targets):
		return errors.New("has a null entry")
	case kind == metadata.TIMESTAMP && s.Meta["snapshot.json"] == nil:
		return errors.New("lists no snapshot")
	case !numbered(s.Meta):
		return errors.New("lists a role with a bad version or length")
	case !measured(s.Targets):
		return errors.New("lists a target with a bad length")
	}
	if s.Delegations == nil {
		return nil
	}
	if null(s.Delegations.Keys) {
		return errors.New("has a null entry")
	}
	names := map[string]bool{}
	for _, r := range s.Delegations.Roles {
		if names[r.Name] || slices.Contains(metadata.TOP_LEVEL_ROLE_NAMES[:], r.Name) {
			return fmt.Errorf("delegates to %q twice, or to a top-level role", r.Name)
		}
		names[r.Name] = true
	}
	return nil
}

// readable says whether metadata of this version of the specification is understood:
// the major version is 1.
func readable(spec string) bool {
	major, rest, dotted := strings.Cut(spec, ".")
	return major == "1" && dotted && rest != "" && strings.Trim(rest, "0123456789.") == ""
}

func null[V any](m map[string]*V) bool {
	for _, v := range m {
		if v == nil {
			return true
		}
	}
	return false
}

func numbered(m map[string]*entry) bool {
	for _, e := range m {
		if e.Version < 1 || e.Version > maxVersion || e.Length < 0 {
			return false
		}
	}
	return true
}

func measured(m map[string]*entry) bool {
	for _, e := range m {
		if e.Length < 0 {
			return false
		}
	}
	return true
}

// parse screens and parses the bytes of a role.
func parse[T metadata.Roles](kind string, data []byte) (*metadata.Metadata[T], error) {
	if err := screen(kind, data); err != nil {
		return nil, err
	}
	return new(metadata.Metadata[T]).FromBytes(data)
}

// usable leaves out the ids of keys that this client cannot verify with. One unknown
// key would otherwise make the whole role unverifiable, however many known ones
// signed; the threshold stays what it is.
func usable(ids []string, keys map[string]*metadata.Key) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !known(keys[id]) })
}

func known(k *metadata.Key) bool {
	if k == nil {
		return false
	}
	public, err := k.ToPublicKey()
	if err != nil {
		return false
	}
	switch p := public.(type) {
	case ed25519.PublicKey: // verifying with another length panics
		return k.Scheme == metadata.KeySchemeEd25519 && len(p) == ed25519.PublicKeySize
	case *ecdsa.PublicKey:
		return k.Scheme == metadata.KeySchemeECDSA_SHA2_P256 && p.Curve == elliptic.P256() ||
			k.Scheme == metadata.KeySchemeECDSA_SHA2_P384 && p.Curve == elliptic.P384()
	case *rsa.PublicKey:
		return k.Scheme == metadata.KeySchemeRSASSA_PSS_SHA256 && p.N.BitLen() >= 2048
	}
	return false
}
