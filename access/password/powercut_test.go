package password_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/access/password"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

// on makes a function of an Op out of one on a started device, for ann.
func on(params password.Params, do func(ctx context.Context, d *device) error) func(context.Context, *powercut.Machine) error {
	return func(ctx context.Context, m *powercut.Machine) error {
		d, err := start(ctx, m, params)
		if err != nil {
			return err
		}
		e, err := d.Issuer("test").Issue(access.Facts{ID: "ann", Kind: access.KindPerson})
		if err != nil {
			return err
		}
		return errors.Join(m.Attempt(func() error { return do(access.WithEntity(ctx, e), d) }), d.dir.Close())
	}
}

// logins tells who can log in with what, without changing anything.
func logins(ctx context.Context, m *powercut.Machine) (string, error) {
	var out []string
	err := on(cheap(), func(ctx context.Context, d *device) error {
		reason, _ := d.Shut()
		out = append(out, reason)
		for _, id := range []string{"ann", "Bob"} {
			for _, text := range []string{good, "the password of bob"} {
				switch _, err := d.login(ctx, id, text); {
				case err == nil:
					out = append(out, id+" by "+text)
				case !errors.Is(err, password.ErrWrong):
					return err
				}
			}
		}
		return nil
	})(ctx, m)
	return strings.Join(out, ", "), err
}

// cost tells which cost ann's hash has.
func cost(ctx context.Context, m *powercut.Machine) (string, error) {
	out := ""
	err := on(cheap(), func(ctx context.Context, d *device) error {
		names, err := d.dir.List(ctx, "passwords/")
		for _, name := range names {
			raw, err := d.dir.Get(ctx, name)
			if err != nil {
				return err
			}
			_, after, _ := strings.Cut(string(raw), "v=19$")
			params, _, _ := strings.Cut(after, "$")
			out += params
		}
		if _, err := d.login(ctx, "ann", good); err != nil {
			return err
		}
		return err
	})(ctx, m)
	return out, err
}

func setBob(text string) func(context.Context, *device) error {
	return func(ctx context.Context, d *device) error { return d.users.Set(ctx, "Bob", password.New(text)) }
}

func after(steps ...func(context.Context, *device) error) func(context.Context, *powercut.Machine) error {
	return on(cheap(), func(ctx context.Context, d *device) error {
		if err := d.commission(ctx); err != nil {
			return err
		}
		e, err := d.Issuer("test").Issue(access.Facts{ID: "ann", Kind: access.KindPerson})
		if err != nil {
			return err
		}
		for _, step := range steps {
			if err := step(access.WithEntity(ctx, e), d); err != nil {
				return err
			}
		}
		return nil
	})
}

func ops() []powercut.Op {
	return []powercut.Op{
		{
			Name: "PasswordCommission", Methods: []string{"Store.Set"}, State: logins,
			Before: on(cheap(), func(ctx context.Context, d *device) error {
				secret, err := access.Provision(ctx, d.dir, nil)
				if err != nil {
					return err
				}
				return d.dir.Put(ctx, "label", []byte(secret.Reveal()))
			}),
			Do: on(cheap(), func(ctx context.Context, d *device) error { return d.commission(ctx) }),
		},
		{Name: "PasswordSet", Methods: []string{"Store.Set"}, State: logins, Before: after(setBob(good)), Do: on(cheap(), setBob("the password of bob"))},
		{
			Name: "PasswordDelete", Methods: []string{"Store.Set", "Store.Delete"}, State: logins, Before: after(setBob(good)),
			// Changed first: a delete alone syncs no file.
			Do: on(cheap(), func(ctx context.Context, d *device) error {
				if err := setBob("the password of bob")(ctx, d); err != nil {
					return err
				}
				return d.users.Delete(ctx, "Bob")
			}),
			Legal: func(old, _, got string) error {
				if got == strings.Replace(old, "Bob by "+good, "Bob by the password of bob", 1) {
					return nil
				}
				return errors.New("neither password")
			},
		},
		{
			Name: "PasswordErase", Methods: []string{"Store.Set", "Subjects.Erase"}, State: logins, Before: after(setBob(good)),
			// Changed first, as above.
			Do: on(cheap(), func(ctx context.Context, d *device) error {
				if err := setBob("the password of bob")(ctx, d); err != nil {
					return err
				}
				_, err := d.users.Subjects().Erase(ctx, "Bob")
				return err
			}),
			Legal: func(old, _, got string) error {
				if got == strings.Replace(old, "Bob by "+good, "Bob by the password of bob", 1) {
					return nil
				}
				return errors.New("neither password")
			},
		},
		{
			Name: "PasswordUpgrade", Methods: []string{"Store.Verify"}, State: cost, Before: after(),
			Do: on(password.Params{Memory: 64, Time: 1, Threads: 1}, func(ctx context.Context, d *device) error {
				if _, err := d.login(ctx, "ann", good); err != nil {
					return err
				}
				if strings.Contains(d.log.String(), "upgrade-failed") { // which is no error of a login
					return errors.New("not upgraded")
				}
				return nil
			}),
		},
	}
}

func TestPowerCut(t *testing.T) {
	for _, op := range ops() {
		t.Run(op.Name, func(t *testing.T) { powercut.Run(t, op) })
	}
}

func TestPowerCutCoversEveryMethod(t *testing.T) {
	powercut.Covered(t, ops(), []string{"Store.Credentials", "Store.Features", "Store.List", "Store.Subjects", "Subjects.Name", "Subjects.Verify"},
		(*password.Store)(nil), (*password.Subjects)(nil))
}
