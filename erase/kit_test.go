package erase_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/access/password"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/erase"
	"github.com/iot-device-baseline/baseline/erase/erasetest"
	"github.com/iot-device-baseline/baseline/notify"
)

// place is a part of this module as the kit sees it.
type place struct {
	store func(d *device) erase.Store
	plant func(ctx context.Context, d *device, subject, secret string) error
	find  func(ctx context.Context, d *device, subject, secret string) (bool, error)
}

var places = map[string]place{
	"vault": {
		func(d *device) erase.Store { return d.vault.Subjects() },
		func(ctx context.Context, d *device, subject, secret string) error {
			c, err := d.vault.Subject(ctx, subject)
			if err != nil {
				return err
			}
			return c.Put(ctx, "letter", []byte(secret))
		},
		func(ctx context.Context, d *device, subject, secret string) (bool, error) {
			for _, c := range d.vault.Compartments() {
				if c.Subject == subject {
					own, err := d.vault.Subject(ctx, subject)
					if err != nil {
						return false, err
					}
					letter, err := own.Get(ctx, "letter")
					return string(letter) == secret, err
				}
			}
			return false, nil
		},
	},
	"passwords": {
		func(d *device) erase.Store { return d.users.Subjects() },
		func(ctx context.Context, d *device, subject, secret string) error {
			return d.users.Set(d.as(ctx, "ann"), subject, password.New(secret+" and more of it"))
		},
		func(ctx context.Context, d *device, subject, secret string) (bool, error) {
			_, err := d.users.Verify(ctx, subject, password.New(secret+" and more of it"), "usb", "s")
			if errors.Is(err, password.ErrWrong) {
				return false, nil
			}
			return err == nil, err
		},
	},
	"assignments": {
		func(d *device) erase.Store { return d.guard },
		func(ctx context.Context, d *device, subject, _ string) error {
			return d.guard.Assign(d.as(ctx, "ann"), access.Assignment{ID: subject, Kind: access.KindPerson, Roles: []string{"user"}})
		},
		func(ctx context.Context, d *device, subject, _ string) (bool, error) {
			return d.guard.Decide(ctx, access.FromContext(d.as(ctx, subject)), access.EraseSubject, subject).Allowed, nil
		},
	},
	"notices": {
		func(d *device) erase.Store { return d.notices },
		func(ctx context.Context, d *device, subject, secret string) error {
			ctx, err := access.AsService(ctx, d.guard.Issuer("service"), "device")
			if err != nil {
				return err
			}
			_, err = d.notices.Raise(ctx, notify.Notice{
				Type: "home.arrived", Key: strings.ToLower(subject), Subject: subject, Severity: notify.Info, Audience: notify.Owner, Title: secret,
			})
			return err
		},
		func(ctx context.Context, d *device, _, secret string) (bool, error) {
			list, err := d.notices.List(d.as(ctx, "ann"), notify.Filter{})
			for _, n := range list {
				if n.Title == secret {
					return true, err
				}
			}
			return false, err
		},
	},
}

// TestKit: the parts of this module keep the rules of a store.
func TestKit(t *testing.T) {
	for name, p := range places {
		t.Run(name, func(t *testing.T) { erasetest.TestStore(t, harness(p)) })
	}
}

func harness(p place) erasetest.Harness {
	reopen := func(t testing.TB, s erasetest.Setup) erasetest.Setup {
		m := s.Device.(*powercut.Machine)
		m.Drop()
		return setup(t, m, p, false)
	}
	return erasetest.Harness{
		Open: func(t testing.TB) erasetest.Setup { return setup(t, powercut.New(), p, true) },
		Interrupt: func(t testing.TB, s erasetest.Setup, n int, act func()) (erasetest.Setup, bool) {
			m := s.Device.(*powercut.Machine)
			m.Cut(n)
			act()
			cut := m.Step("probe", "power") != nil
			return reopen(t, s), cut
		},
		Reopen: reopen,
	}
}

func setup(t testing.TB, m *powercut.Machine, p place, first bool) erasetest.Setup {
	dir, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	d, err := parts(t.Context(), dir, first)
	require.NoError(t, err)
	if first {
		require.NoError(t, d.commission(t.Context()))
	}
	asking := func(who string) func(context.Context) context.Context {
		return func(ctx context.Context) context.Context { return d.as(ctx, who) }
	}
	return erasetest.Setup{
		Store: p.store(d), Device: m, May: asking("ann"), MayNot: asking("stranger"),
		Plant: func(ctx context.Context, subject, secret string) error { return p.plant(ctx, d, subject, secret) },
		Find: func(ctx context.Context, subject, secret string) (bool, error) {
			return p.find(ctx, d, subject, secret)
		},
	}
}
