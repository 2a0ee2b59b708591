package access_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

// started is a device after a start on the medium of a machine.
type started struct {
	*access.Guard
	dir *durable.Dir
}

func start(ctx context.Context, m *powercut.Machine) (*started, error) {
	dir, err := durable.OpenFS(m.FS(), nil)
	if err != nil {
		return nil, err
	}
	policy, err := access.NewPolicy(homeSpec(), nil)
	if err != nil {
		return nil, err
	}
	g, err := access.OpenGuard(ctx, dir, policy, &access.GuardOptions{Parts: []string{}, Local: []string{"usb"}})
	if err != nil {
		return nil, err
	}
	return &started{g, dir}, g.Health(ctx)
}

// on makes a function of an Op out of one on a started device.
func on(do func(ctx context.Context, d *started) error) func(context.Context, *powercut.Machine) error {
	return func(ctx context.Context, m *powercut.Machine) error {
		d, err := start(ctx, m)
		if err != nil {
			return err
		}
		return errors.Join(m.Attempt(func() error { return do(ctx, d) }), d.dir.Close())
	}
}

func (d *started) as(ctx context.Context, id string) context.Context {
	e, err := d.Issuer("test").Issue(access.Facts{ID: id, Kind: access.KindPerson})
	if err != nil {
		panic(err)
	}
	return access.WithEntity(ctx, e)
}

// words describes what the guard would decide, and whether the owner's credential
// counts.
func words(ctx context.Context, d *started) string {
	reason, _ := d.Shut()
	out := []string{"shut: " + reason, "credential: " + d.credential(ctx)}
	for _, id := range []string{"ann", "bob"} {
		for _, p := range []access.Permission{access.StatusRead, access.AccessRead} {
			if _, err := access.Check(d.as(ctx, id), d.Guard, p, "entities"); err == nil {
				out = append(out, id+" may "+string(p))
			}
		}
	}
	return strings.Join(out, ", ")
}

// credential is bound to an ownership, as those of access/password are.
func (d *started) credential(ctx context.Context) string {
	bound, err := d.dir.Get(ctx, "credential")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "none"
	case err != nil:
		return err.Error()
	case string(bound) != d.Ownership() || len(bound) == 0:
		return "none" // one that is dead is none
	}
	return "of the owner"
}

func wordsOf(ctx context.Context, m *powercut.Machine) (string, error) {
	var out string
	err := on(func(ctx context.Context, d *started) error {
		out = words(ctx, d)
		return nil
	})(ctx, m)
	return out, err
}

func provision(ctx context.Context, d *started) error {
	secret, err := access.Provision(ctx, d.dir, nil)
	if err != nil {
		return err
	}
	return d.dir.Put(ctx, "label", []byte(secret.Reveal())) // stands for the label
}

func commissionAnn(ctx context.Context, d *started) error {
	label, err := d.dir.Get(ctx, "label")
	if err != nil {
		return err
	}
	if err := d.Reload(ctx); err != nil {
		return err
	}
	first, err := d.Initial(ctx, string(label), "usb")
	if err != nil {
		return err
	}
	return d.Commission(access.WithEntity(ctx, first), access.Owner{ID: "ann", Roles: []string{"owner"}}, func(ctx context.Context) error {
		return d.dir.Put(ctx, "credential", []byte(d.Binding(ctx)))
	})
}

func assignBob(roles ...string) func(context.Context, *started) error {
	return func(ctx context.Context, d *started) error {
		return d.Assign(d.as(ctx, "ann"), access.Assignment{ID: "bob", Kind: access.KindPerson, Roles: roles})
	}
}

func after(steps ...func(context.Context, *started) error) func(context.Context, *powercut.Machine) error {
	return on(func(ctx context.Context, d *started) error {
		for _, step := range steps {
			if err := step(ctx, d); err != nil {
				return err
			}
		}
		return nil
	})
}

// ordered is a mandate with nothing random in it.
func ordered(reason string) access.Mandate {
	return access.Mandate{
		ID: strings.Repeat("0a", 16), Principal: "ann", Kind: access.KindPerson, Reason: reason, Ownership: strings.Repeat("0c", 16),
		Acts: []access.Act{{Permission: access.ResetRequest, Resource: "factory"}},
		Plan: strings.Repeat("ab", 32), Time: time.Unix(1e9, 0).UTC(),
	}
}

func putMandate(reason string) func(context.Context, *started) error {
	return func(ctx context.Context, d *started) error {
		return access.NewMandates(d.dir).Put(ctx, ordered(reason))
	}
}

func mandatesOf(ctx context.Context, m *powercut.Machine) (string, error) {
	out := ""
	err := on(func(ctx context.Context, d *started) error {
		list, err := access.NewMandates(d.dir).List(ctx)
		for _, m := range list {
			out += fmt.Sprintf("%s %v %s;", m.Principal, m.Acts, m.Reason)
		}
		return err
	})(ctx, m)
	return out, err
}

func pseudonyms(d *started) *access.Pseudonyms {
	return access.NewPseudonyms(func(string) durable.Store { return d.dir })
}

func nameAnn(ctx context.Context, d *started) error {
	_, err := pseudonyms(d).Of(ctx, "ann")
	return err
}

// both is legal between two operations on two values: each is old or new.
func both(old, now, got string) error {
	if got == old+now || got == now+old {
		return nil
	}
	return fmt.Errorf("%q is neither %q, %q nor both", got, old, now)
}

// pseudonymsOf tells whose are kept; to ask for one would make it.
func pseudonymsOf(ctx context.Context, m *powercut.Machine) (string, error) {
	out := ""
	err := on(func(ctx context.Context, d *started) error {
		names, err := d.dir.List(ctx, "pseudonyms/")
		for _, name := range names {
			raw, err := d.dir.Get(ctx, name)
			if err != nil || len(raw) != len(`1 {"name":"p-01234567890123456789"}`) {
				return fmt.Errorf("pseudonym of %d bytes: %w", len(raw), err)
			}
			out += name + ";"
		}
		return err
	})(ctx, m)
	return out, err
}

func ops() []powercut.Op {
	return []powercut.Op{
		{
			Name: "Provision", Methods: []string{"Provision"}, State: wordsOf,
			Do: on(func(ctx context.Context, d *started) error {
				_, err := access.Provision(ctx, d.dir, nil)
				return err
			}),
		},
		{Name: "Commission", Methods: []string{"Guard.Commission"}, Before: after(provision), Do: on(commissionAnn), State: wordsOf},
		{Name: "Assign", Methods: []string{"Guard.Assign"}, Before: after(provision, commissionAnn), Do: on(assignBob("viewer")), State: wordsOf},
		{
			Name: "Unassign", Methods: []string{"Guard.Unassign"}, Before: after(provision, commissionAnn, assignBob("owner")), State: wordsOf,
			Do: on(func(ctx context.Context, d *started) error { return d.Unassign(d.as(ctx, "ann"), "bob") }),
		},
		{
			Name: "EndOwnership", Methods: []string{"Guard.EndOwnership"}, Before: after(provision, commissionAnn, assignBob("viewer")), State: wordsOf,
			Do: on(func(ctx context.Context, d *started) error {
				e, err := d.ProvePresence(ctx, button{})
				if err != nil {
					return err
				}
				return d.EndOwnership(access.WithEntity(ctx, e))
			}),
		},
		{
			Name: "EraseSubject", Methods: []string{"Guard.Erase"}, Before: after(provision, commissionAnn, assignBob("viewer")), State: wordsOf,
			Do: on(func(ctx context.Context, d *started) error {
				_, err := d.Guard.Erase(d.as(ctx, "ann"), "bob")
				return err
			}),
		},
		{Name: "MandatePut", Methods: []string{"Mandates.Put"}, Before: after(putMandate("first")), Do: on(putMandate("second")), State: mandatesOf},
		{
			// A mandate whose work is done makes room for the next one.
			Name: "MandateDelete", Methods: []string{"Mandates.Put", "Mandates.Delete"}, Before: after(putMandate("first")), State: mandatesOf,
			Do: on(func(ctx context.Context, d *started) error {
				next := ordered("next")
				next.ID = strings.Repeat("0b", 16)
				mandates := access.NewMandates(d.dir)
				if err := mandates.Put(ctx, next); err != nil {
					return err
				}
				return mandates.Delete(ctx, ordered("").ID)
			}),
			Legal: both,
		},
		{Name: "PseudonymOf", Methods: []string{"Pseudonyms.Of"}, Do: on(nameAnn), State: pseudonymsOf},
		{
			Name: "PseudonymForget", Methods: []string{"Pseudonyms.Of", "Pseudonyms.Forget"}, Before: after(nameAnn), State: pseudonymsOf,
			Do: on(func(ctx context.Context, d *started) error {
				if _, err := pseudonyms(d).Of(ctx, "bob"); err != nil {
					return err
				}
				return pseudonyms(d).Forget(ctx, "ann")
			}),
			Legal: both,
		},
	}
}

func TestPowerCut(t *testing.T) {
	for _, op := range ops() {
		t.Run(op.Name, func(t *testing.T) { powercut.Run(t, op) })
	}
}

func TestPowerCutCoversEveryMethod(t *testing.T) {
	powercut.Covered(t, ops(), []string{
		"Guard.Binding", "Guard.Credentials", "Guard.Decide", "Guard.Entities", "Guard.Explain", "Guard.Features", "Guard.Health",
		"Guard.Initial", "Guard.Issuer", "Guard.NewMandate", "Guard.Ownership", "Guard.Policy", "Guard.ProvePresence", "Guard.Reload",
		"Guard.Resume", "Guard.Shut", "Guard.Stats", "Mandates.List", "Mandates.Load", "Guard.Name", "Guard.Verify",
	}, (*access.Guard)(nil), (*access.Mandates)(nil), (*access.Pseudonyms)(nil))
}
