package notify_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/notify"
)

// telling is a handler of the guard's log that raises a notice, as the service "part".
type telling struct {
	slog.Handler
	raise func(context.Context)
}

func (telling) Enabled(context.Context, slog.Level) bool { return true }

func (r telling) Handle(ctx context.Context, _ slog.Record) error {
	r.raise(ctx)
	return nil
}

// TestDenialOfAcknowledgeIsLoggedWithoutALock: who makes notices of denials would
// wait for himself.
func TestDenialOfAcknowledgeIsLoggedWithoutALock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // a deadlock is a failure here, not a hang
		policy, err := access.NewPolicy(access.PolicySpec{
			Roles:  []access.Role{{Name: "part"}},
			Grants: []access.Grant{{Role: "part", Permission: access.NotifyRaise, Resources: []string{"**"}}},
		}, nil)
		require.NoError(t, err)
		var c *notify.Center
		var g *access.Guard
		raise := func(ctx context.Context) {
			ctx, err := access.AsService(ctx, g.Issuer("service"), "part")
			require.NoError(t, err)
			_, err = c.Raise(ctx, notice("denied"))
			require.NoError(t, err)
		}
		g, err = access.OpenGuard(t.Context(), newDir(), policy, &access.GuardOptions{
			Services: map[string][]string{"part": {"part"}}, Log: slog.New(telling{slog.DiscardHandler, raise}),
		})
		require.NoError(t, err)
		c, err = notify.Open(t.Context(), newDir(), g, nil)
		require.NoError(t, err)
		raise(t.Context())
		require.ErrorIs(t, c.Acknowledge(t.Context(), "x"), access.ErrDenied)
	})
}

// during is an authorizer that allows everything, and does something at the first
// question about an acknowledgement.
type during struct{ do func() }

func (d *during) Decide(_ context.Context, _ *access.Entity, p access.Permission, _ string) access.Decision {
	if do := d.do; p == access.NotifyAck && do != nil {
		d.do = nil
		do()
	}
	return access.Decision{Allowed: true}
}

// TestAcknowledgeLooksAgain: what changed between the question and the change counts.
func TestAcknowledgeLooksAgain(t *testing.T) {
	for name, c := range map[string]struct {
		audience notify.Audience // under which it comes back
		want     error
	}{
		"the same":       {notify.Owner, nil},
		"for others":     {notify.Vendor, notify.ErrUnknown},
		"gone meanwhile": {"", notify.ErrUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			auth := &during{}
			center, err := notify.Open(t.Context(), newDir(), auth, nil)
			require.NoError(t, err)
			n := notice("x")
			n.Subject = "bob"
			id := raise(t, center, n)
			auth.do = func() {
				if c.audience == "" {
					_, err := center.Erase(as("admin"), "bob")
					require.NoError(t, err)
					return
				}
				require.NoError(t, center.Resolve(as("part"), n.Type, n.Key))
				n.Audience = c.audience
				require.Equal(t, id, raise(t, center, n))
			}
			require.ErrorIs(t, center.Acknowledge(as("owner"), id), c.want)
			for _, kept := range list(t, center) {
				assert.Equal(t, c.want != nil, kept.Acknowledged.At.IsZero())
			}
		})
	}
}
