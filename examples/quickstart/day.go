package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/access/password"
	"github.com/iot-device-baseline/baseline/backends/softkeys"
	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/notify"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/risk"
)

// day is the first day of a device, step by step. A step that does not go as told
// ends it.
type day struct {
	ctx        context.Context
	out        io.Writer
	assessment *risk.Assessment
	document   []byte // the settings that the owner applies
	path       string

	*sensor
	label string // the initial secret, as printed in the factory
	owner context.Context
	steps int
}

func (d *day) live() error {
	for _, step := range []func() error{
		d.provision, d.compose, d.leaveOneOut, d.refuseBeforeCommissioning, d.commission,
		d.configure, d.denyAndAllow, d.warn, d.erase, d.losePower, d.start, d.stateApplicability,
	} {
		if err := step(); err != nil {
			if d.sensor != nil {
				err = errors.Join(err, d.close())
			}
			return err
		}
	}
	return d.close()
}

//go:noinline
func (d *day) tellf(format string, args ...any) { fmt.Fprintf(d.out, format+"\n", args...) }

// step begins a numbered step and names the clause of 27402 that it shows.
func (d *day) step(clauses, what string) {
	d.steps++
	d.tellf("\n%2d. %s (27402 %s)", d.steps, what, clauses)
}

var errUnexpected = errors.New("this should not have happened")

// refused tells the reason of an error that is expected.
func (d *day) refused(err, want error) error {
	if !errors.Is(err, want) {
		return fmt.Errorf("%w: want %v, got %v", errUnexpected, want, err)
	}
	d.tellf("    refused: %v", err)
	return nil
}

// provision is what happens once, in the factory.
func (d *day) provision() error {
	d.step("5.2.5.1.2, 5.2.6.1.4", "In the factory: keys and a first secret are made on the device")
	dir, err := durable.OpenDir(d.path, nil)
	if err != nil {
		return err
	}
	defer dir.Close()
	keys, err := softkeys.Open(d.ctx, dir, nil)
	if err != nil {
		return err
	}
	vault, err := protect.Provision(d.ctx, dir, keys, nil)
	if err != nil {
		return err
	}
	defer vault.Close()
	floor, err := vault.Compartment(d.ctx, protect.ClassFloor)
	if err != nil {
		return err
	}
	secret, err := access.Provision(d.ctx, floor, nil)
	if err != nil {
		return err
	}
	d.label = secret.Reveal()
	d.tellf("    the label says %s; anywhere else it prints as %v", strings.Repeat("*", len(d.label)), secret)
	return nil
}

// compose opens the device and compares it with the assessment.
func (d *day) compose() (err error) {
	if d.sensor, err = open(d.ctx, d.path); err != nil {
		return err
	}
	d.step("5.1.1.1.5", "The risk assessment "+d.assessment.ID+" "+d.assessment.Version+" asks for:")
	for _, need := range d.assessment.Needs() {
		d.tellf("    %v", need)
	}
	parts := d.parts()
	d.tellf("    composed:")
	for _, f := range parts.Features() {
		d.tellf("    %-24s %s", f.ID, f.Summary)
	}
	if _, _, err := check(d.assessment, parts, nil); err != nil {
		return err
	}
	d.tellf("    nothing is missing")
	return nil
}

func (d *day) leaveOneOut() error {
	d.step("5.1.1.1.6", "The same without the part that erases")
	parts := d.parts()
	parts.Eraser = nil
	_, _, err := check(d.assessment, parts, nil)
	var missing *baseline.MissingError
	if !errors.As(err, &missing) {
		return fmt.Errorf("%w: %v", errUnexpected, err)
	}
	for _, m := range missing.Missing {
		d.tellf("    missing: %v", m)
	}
	return nil
}

func (d *day) refuseBeforeCommissioning() error {
	d.step("5.2.6.1.4", "Nobody uses the device while the secret on its label is in service")
	// The device's own program holds the role of an owner, and waits like everybody.
	program, err := access.AsService(d.ctx, d.guard.Issuer("program"), "program")
	if err != nil {
		return err
	}
	_, err = d.settings.Apply(program, d.document, "", nil)
	if err := d.refused(err, access.ErrDenied); err != nil {
		return err
	}
	reason, shut := d.guard.Shut()
	if !shut {
		return fmt.Errorf("%w: the guard is open", errUnexpected)
	}
	d.tellf("    shut: %s", reason)
	return nil
}

const (
	ownersPassword = "a long sentence about cold fish"
	bobsPassword   = "all of the other fish in there"
)

func (d *day) commission() error {
	d.step("5.2.6.1.2, 5.2.6.1.4", "Ann takes it into service, with the label, at the service port")
	first, err := d.guard.Initial(d.ctx, d.label, "service-port")
	if err != nil {
		return err
	}
	err = d.guard.Commission(access.WithEntity(d.ctx, first), access.Owner{ID: "ann", Roles: []string{"owner"}},
		func(ctx context.Context) error { return d.users.Set(ctx, "ann", password.New(ownersPassword)) })
	if err != nil {
		return err
	}
	_, err = d.guard.Initial(d.ctx, d.label, "service-port")
	if err := d.refused(err, access.ErrDenied); err != nil {
		return err
	}
	if _, err := d.users.Verify(d.ctx, "ann", password.New("a long sentence about warm fish"), "service-port", ""); err == nil {
		return fmt.Errorf("%w: a wrong password", errUnexpected)
	}
	ann, err := d.users.Verify(d.ctx, "ann", password.New(ownersPassword), "service-port", "")
	if err != nil {
		return err
	}
	d.owner = access.WithEntity(d.ctx, ann)
	d.tellf("    ann is in with her password; the label is out of service")
	return nil
}

func (d *day) configure() error {
	d.step("5.2.2.2", "Ann applies her settings")
	if _, err := d.settings.Apply(d.owner, []byte(`{"alarm":{"low":-10,"high":-20}}`), "", nil); err == nil {
		return fmt.Errorf("%w: limits the wrong way round", errUnexpected)
	} else if err := d.refused(err, config.ErrInvalid); err != nil {
		return err
	}
	if _, err := d.settings.Apply(d.owner, d.document, "", nil); err != nil {
		return err
	}
	now := d.view.Load()
	d.tellf("    in force: %s measures every %v, alarm below %v or above %v", now.Name, now.Interval, now.Alarm.Low, now.Alarm.High)
	return nil
}

func (d *day) denyAndAllow() error {
	d.step("5.2.2.1.1, 5.2.6.2", "Bob may look, and Ann may change")
	err := d.guard.Assign(d.owner, access.Assignment{ID: "bob", Kind: access.KindPerson, Roles: []string{"viewer"}})
	if err != nil {
		return err
	}
	if err := d.users.Set(d.owner, "bob", password.New(bobsPassword)); err != nil {
		return err
	}
	entity, err := d.users.Verify(d.ctx, "bob", password.New(bobsPassword), "service-port", "")
	if err != nil {
		return err
	}
	bob := access.WithEntity(d.ctx, entity)
	document, _, err := d.settings.Document(bob)
	if err != nil || !bytes.Contains(document, []byte("interval")) {
		return fmt.Errorf("bob reads %s: %w", document, err)
	}
	_, err = d.settings.Apply(bob, []byte(`{"interval":"1h"}`), "", nil)
	if err := d.refused(err, access.ErrDenied); err != nil {
		return err
	}
	if _, err := d.settings.Apply(d.owner, []byte(`{"interval":"1m"}`), "", nil); err != nil {
		return err
	}
	d.tellf("    bob read the settings; ann changed the interval to %v", d.view.Load().Interval)
	return nil
}

func (d *day) warn() error {
	d.step("5.2.5.2.1, 5.2.8", "An insecure choice is refused, or accepted by name and told")
	insecure := []byte(`{"console":{"timeout":"12h"}}`)
	_, err := d.settings.Apply(d.owner, insecure, "", nil)
	if err := d.refused(err, config.ErrInsecure); err != nil {
		return err
	}
	if _, err := d.settings.Apply(d.owner, insecure, "", []string{"/console/timeout"}); err != nil {
		return err
	}
	notices, err := d.notices.Since(d.owner, 0, notify.Filter{})
	if err != nil || len(notices) != 1 {
		return fmt.Errorf("%w: %d notices: %v", errUnexpected, len(notices), err)
	}
	for line := range strings.Lines("notice: " + notices[0].Title + "\n" + notices[0].Text) {
		d.tellf("    %s", strings.TrimRight(line, "\n"))
	}
	return nil
}
