package reset

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
)

// The scopes that this package knows by name. A composition may have others, of
// [a-z0-9-]; which steps belong to a scope is its choice.
const (
	Restart         = "restart"           // only starts anew; needs Options.Restart, has no steps
	Settings        = "settings"          // settings to their defaults
	SettingsAndData = "settings-and-data" // and user data
	Factory         = "factory"           // everything but the floor: as it left the factory
	Transfer        = "transfer"          // Factory, for another owner
)

// Step is one thing that a reset does.
//
//   - Run can be repeated: a power cut in it, or after it, has it run again.
//   - Run does not rely on the steps before it: one that failed holds back no other.
//     What must not happen without something else is one Step with it.
//   - Run returning nil means that no restart brings back what it took away.
//   - Run answers with the method really used, in words for people: at most 120 bytes
//     of printable ASCII, "" for none.
//   - The directory is on hold: Run reaches the floor compartment, the vault's
//     destruction of keys, and [durable.Hold.Store]; everything else is
//     [durable.ErrHeld]. See [Remove].
//   - It runs as the service "resume", which may do what Needs names and
//     [access.ResetRequest] on the scope.
type Step struct {
	Name   string   // 1 to 32 bytes of [a-z0-9-], its own
	Scopes []string // in which it is done
	// Needs are permissions that Run asks for. Who orders the reset must hold them.
	Needs []access.Act
	Run   func(ctx context.Context, scope string) (method string, err error)
}

// Disowner is what ends an ownership. *[access.Guard] is one.
type Disowner interface {
	EndOwnership(ctx context.Context) error
}

// Disown returns the act that ending an ownership needs.
func Disown() access.Act {
	return access.Act{Permission: access.AccessDisown, Resource: "ownership"}
}

// EndOwnership is the step by which everything that authenticated before is dead and
// the device waits for its commissioning.
func EndOwnership(d Disowner, scopes ...string) Step {
	return Step{
		Name: "ownership", Scopes: scopes, Needs: []access.Act{Disown()},
		Run: func(ctx context.Context, _ string) (string, error) {
			return "ended: credentials of the owner are dead", d.EndOwnership(ctx)
		},
	}
}

// Eraser removes the data of everybody. *erase.Coordinator is one; its stores must
// work while the directory is on hold.
type Eraser interface {
	EraseAll(ctx context.Context, reason string) (method string, err error)
}

// Erase is the step that has everybody's data erased.
func Erase(e Eraser, scopes ...string) Step {
	return Step{
		Name: "data", Scopes: scopes, Needs: []access.Act{{Permission: access.EraseAll}},
		Run: func(ctx context.Context, scope string) (string, error) {
			method, err := e.EraseAll(ctx, "reset: "+scope)
			if len(method) > maxMethod {
				method = method[:maxMethod]
			}
			return method, err
		},
	}
}

// Remove is the step called name that removes entries of the directory, with all that
// lies below them: state that is kept outside of a vault.
func Remove(name string, dir *durable.Dir, entries []string, scopes ...string) Step {
	entries = slices.Clone(entries)
	return Step{Name: name, Scopes: scopes, Run: func(ctx context.Context, _ string) (string, error) {
		h := dir.Held()
		if h == nil {
			return "", fmt.Errorf("not on hold: %w", fs.ErrInvalid)
		}
		for _, e := range entries {
			if err := durable.RemoveAll(ctx, h.Store(), e); err != nil {
				return "", err
			}
		}
		return "unlink: copies in flash may remain", nil
	}}
}

// Limits.
const (
	MaxSteps  = 16
	maxName   = 32
	maxMethod = 120 // bytes
)

func validName(s string) bool {
	return s != "" && len(s) <= maxName && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

func printable(s string, limit int) bool {
	return len(s) <= limit && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// checkSteps says which rule the steps break.
func checkSteps(steps []Step) error {
	names := map[string]bool{}
	for i, s := range steps {
		switch {
		case i >= MaxSteps:
			return fmt.Errorf("more than %d steps: %w", MaxSteps, fs.ErrInvalid)
		case !validName(s.Name) || names[s.Name] || s.Run == nil || len(s.Scopes) == 0:
			return fmt.Errorf("step %d: want a name of its own, scopes, and what to run: %w", i, fs.ErrInvalid)
		}
		names[s.Name] = true
		for _, scope := range s.Scopes {
			if !validName(scope) || scope == Restart {
				return fmt.Errorf("step %s: scope %.32q: want 1 to %d bytes of [a-z0-9-], and not %s: %w", s.Name, scope, maxName, Restart, fs.ErrInvalid)
			}
		}
	}
	return nil
}

// actsOf are the acts of a mandate for a scope.
func actsOf(steps []Step, scope string) []access.Act {
	acts := []access.Act{{Permission: access.ResetRequest, Resource: scope}}
	for _, s := range steps {
		for _, act := range s.Needs {
			if slices.Contains(s.Scopes, scope) && !slices.Contains(acts, act) {
				acts = append(acts, act)
			}
		}
	}
	return acts
}
