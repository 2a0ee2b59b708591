package main

import (
	"context"
	"errors"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/access/password"
	"github.com/iot-device-baseline/baseline/backends/softkeys"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/notify"
	"github.com/iot-device-baseline/baseline/protect"
)

// sensor is the device: its parts, open.
type sensor struct {
	dir       *durable.Dir
	vault     *protect.Vault
	guard     *access.Guard
	users     *password.Store
	orders    *access.Mandates
	notices   *notify.Center
	interlock *baseline.Interlock
	settings  *config.Settings
	view      *config.View[settings]
}

// open joins the parts. This is what a vendor writes.
func open(ctx context.Context, path string) (s *sensor, err error) {
	s = &sensor{}
	defer func() { err = s.closeIf(err) }()
	if s.dir, err = durable.OpenDir(path, nil); err != nil {
		return s, err
	}
	keys, err := softkeys.Open(ctx, s.dir, nil) // a TPM takes its place without another change
	if err != nil {
		return s, err
	}
	if s.vault, err = protect.Open(ctx, s.dir, keys, nil); err != nil {
		return s, err
	}
	store := s.compartments(ctx, &err)
	floor, security, kept := store(protect.ClassFloor), store(protect.ClassSecurity), store(protect.ClassSettings)
	if err != nil {
		return s, err
	}
	if s.guard, err = access.OpenGuard(ctx, floor, policy, guardOptions); err != nil {
		return s, err
	}
	s.vault.Guard(s.guard)
	s.orders = access.NewMandates(floor)
	if s.users, err = password.NewStore(security, s.guard, hasher, nil); err != nil {
		return s, err
	}
	if s.notices, err = notify.Open(ctx, durable.Sub(kept, "notices"), s.guard, nil); err != nil {
		return s, err
	}
	if s.interlock, err = baseline.OpenInterlock(ctx, s.dir); err != nil {
		return s, err
	}
	s.settings, err = config.Open(ctx, kept, schema, s.guard, &config.Options{Floor: floor, Notice: s.tell, Interlock: s.interlock})
	if err != nil {
		return s, err
	}
	if s.view, err = config.NewView[settings](s.settings); err != nil {
		return s, err
	}
	return s, s.declareCredentials()
}

// parts are what the device claims to do.
func (s *sensor) parts() baseline.Parts {
	return baseline.Parts{
		Accessor: s.guard, Protector: s.vault, Eraser: s.everywhere(),
		Configurer: s.settings, Notifier: s.notices, Extra: []baseline.Part{s.users, servicePort{}},
	}
}

// servicePort is the sensor's own part: its only interface. The vendor answers for
// it: whatever comes in there is done by parts that ask the guard.
type servicePort struct{}

func (servicePort) Features() []clause.Feature {
	return []clause.Feature{{
		ID: "sensor.service-port", Clauses: []clause.ID{clause.C5_2_6_1_1}, Package: "example.com/sensor",
		Summary: "the only interface is the service port, where every operation asks who is there",
	}}
}

// compartments opens compartments of the vault until one fails.
func (s *sensor) compartments(ctx context.Context, err *error) func(protect.Class) durable.Store {
	return func(class protect.Class) durable.Store {
		if *err != nil {
			return nil
		}
		var c *protect.Compartment
		c, *err = s.vault.Compartment(ctx, class)
		return c
	}
}

// declareCredentials tells the guard of every secret on the device: it stays shut
// while one is common to several devices (27402 5.2.6.1.4).
func (s *sensor) declareCredentials() error {
	list := s.guard.Credentials()
	return errors.Join(
		list.Set("password", s.users.Credentials()),
		list.Set("softkeys", []access.Credential{{Name: "key of the vault", Origin: access.MadeOnDevice}}),
	)
}

// tell raises what the settings have to say as a notice, as the service "config".
func (s *sensor) tell(ctx context.Context, n config.Notice) {
	ctx, err := access.AsService(ctx, s.guard.Issuer("config"), "config")
	if err == nil {
		_, err = s.notices.Raise(ctx, notify.Notice{
			Type: n.Type, Key: n.Key, Severity: notify.Warning, Audience: notify.Owner, Title: n.Title, Text: n.Text,
		})
	}
	if err != nil {
		panic(err) // an example does not go on with a lost warning
	}
}

// close ends the parts, the last opened first.
func (s *sensor) close() error {
	var errs []error
	if s.notices != nil {
		errs = append(errs, s.notices.Close())
	}
	if s.vault != nil {
		errs = append(errs, s.vault.Close())
	}
	if s.dir != nil {
		errs = append(errs, s.dir.Close())
	}
	return errors.Join(errs...)
}

func (s *sensor) closeIf(err error) error {
	if err == nil {
		return nil
	}
	return errors.Join(err, s.close())
}
