package notify_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/notify"
)

// TestGrantOnAnAreaOfTypes: a dot of a type is a slash of its resource, so that a
// policy names an area of types instead of each.
func TestGrantOnAnAreaOfTypes(t *testing.T) {
	for pattern, may := range map[string]string{
		"device/**": "device device.nonconforming device.part.down", // "**" stands for nothing, too
		"device/*":  "device.nonconforming",
		"device":    "device",
		"*":         "device config",
		"config/**": "config config.changed",
		"**":        "device device.nonconforming device.part.down config config.changed",
	} {
		g := guardOn(t, pattern)
		c, err := notify.Open(context.Background(), newDir(), g, nil)
		require.NoError(t, err)
		ctx, err := access.AsService(context.Background(), g.Issuer("service"), "part")
		require.NoError(t, err)
		for typ := range strings.FieldsSeq("device device.nonconforming device.part.down config config.changed") {
			n := notice("a")
			n.Type = typ
			allowed := slices.Contains(strings.Fields(may), typ)
			_, err := c.Raise(ctx, n)
			require.Equal(t, !allowed, errors.Is(err, access.ErrDenied), "raise %s with a grant on %s: %v", typ, pattern, err)
			err = c.Resolve(ctx, typ, "a")
			require.Equal(t, !allowed, errors.Is(err, access.ErrDenied), "resolve %s with a grant on %s: %v", typ, pattern, err)
		}
	}
	longest := notice("a")
	longest.Type = "a" + strings.Repeat(".a", access.MaxSegments-1)
	raise(t, open(t, newDir(), nil), longest)
}

// guardOn allows nothing but that "part" raises on what matches pattern.
func guardOn(t *testing.T, pattern string) *access.Guard {
	policy, err := access.NewPolicy(access.PolicySpec{
		Roles:  []access.Role{{Name: "part"}},
		Grants: []access.Grant{{Role: "part", Permission: access.NotifyRaise, Resources: []string{pattern}}},
	}, nil)
	require.NoError(t, err)
	g, err := access.OpenGuard(context.Background(), newDir(), policy, &access.GuardOptions{Services: map[string][]string{"part": {"part"}}})
	require.NoError(t, err)
	return g
}

// TestDenialTellsNothing: who may not acknowledge a notice cannot tell it from one
// that is not kept.
func TestDenialTellsNothing(t *testing.T) {
	c := open(t, newDir(), nil)
	n := notice("x")
	n.Audience = notify.Vendor
	id := raise(t, c, n)
	for _, who := range []string{"user", "owner", "part"} {
		var there, not *access.DeniedError
		kept, unknown := c.Acknowledge(as(who), id), c.Acknowledge(as(who), "nosuchid")
		require.ErrorAs(t, kept, &there)
		require.ErrorAs(t, unknown, &not)
		assert.Equal(t, not, there)
		assert.Equal(t, unknown.Error(), kept.Error())
	}
	assert.Equal(t, c.Acknowledge(context.Background(), "nosuchid"), c.Acknowledge(context.Background(), id), "nobody")

	// An authorizer may allow "" and deny an audience: no difference either.
	odd, err := notify.Open(context.Background(), newDir(), allBut(notify.Vendor), nil)
	require.NoError(t, err)
	id = raise(t, odd, n)
	assert.Equal(t, odd.Acknowledge(as("user"), "nosuchid"), odd.Acknowledge(as("user"), id))
	require.ErrorIs(t, odd.Acknowledge(as("user"), id), notify.ErrUnknown)
	assert.Zero(t, list(t, odd)[0].Acknowledged)
}

// allBut is an authorizer that denies one resource alone.
type allBut string

func (a allBut) Decide(_ context.Context, _ *access.Entity, _ access.Permission, resource string) access.Decision {
	return access.Decision{Allowed: resource != string(a)}
}
