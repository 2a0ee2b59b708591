package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/durable"
)

// What is found by assertion is not missed by the compiler alone.
var (
	_ baseline.Updater = (*updater)(nil)
	_ baseline.Server  = lamp{}
)

// selfTest is the service as which a release on trial judges itself.
const selfTest = "selftest"

// device is what the vendor composes.
type device struct {
	dir     *durable.Dir
	guard   *access.Guard
	updater *updater
}

// policySpec grants what the device needs; what is not granted is denied.
func policySpec() access.PolicySpec {
	software := []string{"software"}
	return access.PolicySpec{
		Roles: []access.Role{
			{Name: "viewer"},
			{Name: "owner", Inherits: []string{"viewer"}},
			{Name: "service", Description: "the device itself, and the test of a release by itself"},
			{Name: access.RoleCommissioner},
		},
		Grants: []access.Grant{
			{Role: "viewer", Permission: access.StatusRead, Resources: software},
			{Role: "owner", Permission: access.UpdateInstall, Resources: software, Interfaces: []string{"service-port"}},
			{Role: "owner", Permission: access.UpdateRollback, Resources: software},
			{Role: "owner", Permission: access.AccessAssign, Resources: []string{"viewer/*"}},
			{Role: "service", Permission: access.StatusRead, Resources: software},
			{Role: "service", Permission: access.UpdateConfirm, Resources: software},
			{Role: "service", Permission: access.UpdateRollback, Resources: software},
			{Role: access.RoleCommissioner, Permission: access.AccessCommission, Resources: []string{"ownership"}},
		},
	}
}

// openDevice joins the parts. A real device keeps the guard's state in the floor
// compartment of its vault (protect.ClassFloor): on a plain directory whoever can
// write to the medium is whoever he likes. Here it shows one part less.
func openDevice(ctx context.Context, path string) (*device, error) {
	policy, err := access.NewPolicy(policySpec(), nil)
	if err != nil {
		return nil, err
	}
	dir, err := durable.OpenDir(filepath.Join(path, "access"), nil)
	if err != nil {
		return nil, err
	}
	guard, err := access.OpenGuard(ctx, dir, policy, &access.GuardOptions{
		Services: map[string][]string{baseline.ServiceName: {"service"}, selfTest: {"service"}},
		Parts:    []string{"updater"},
		Local:    []string{"service-port"},
	})
	if err == nil {
		err = guard.Credentials().Set("updater", []access.Credential{{Name: "key of releases", Origin: access.DefinedBy, By: "the vendor"}})
	}
	if err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	slots, err := filepath.Abs(filepath.Join(path, "slots"))
	if err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	return &device{dir, guard, &updater{who: guard, dir: slots, program: updaterScript}}, nil
}

func (d *device) close() error { return d.dir.Close() }

// boot is what the boot loader does before the program runs.
func (d *device) boot(ctx context.Context) error {
	return sh(ctx, d.updater.program, d.updater.dir, "boot")
}

// parts are what a release is composed of. One that is not as it should be brings a
// console that nobody approved.
func (d *device) parts(release string) baseline.Parts {
	p := baseline.Parts{Accessor: d.guard, Updater: d.updater, Extra: []baseline.Part{servicePort{}}}
	if release == driftedRelease {
		p.Extra = append(p.Extra, console{})
	}
	return p
}

// servicePort is the device's only interface. The vendor answers for it: whatever
// comes in there is done by parts that ask the guard.
type servicePort struct{}

func (servicePort) Features() []clause.Feature {
	return []clause.Feature{{
		ID: "vendor.service-port", Clauses: []clause.ID{clause.C5_2_6_1_1}, Package: "example.com/vendor/port",
		Summary: "the only interface is the service port, where every operation asks who is there",
	}}
}

// console is what a developer left in a release.
type console struct{}

func (console) Features() []clause.Feature {
	return []clause.Feature{{
		ID: "vendor.debug-console", Clauses: []clause.ID{clause.C5_2_6_1_1}, Package: "example.com/vendor/debug", Summary: "a console for developers",
	}}
}

// lamp is lit by the device when everything else runs.
type lamp struct{ lit chan struct{} }

func (lamp) Features() []clause.Feature { return nil }

func (lamp) ServesIn(string) bool { return true }

func (l lamp) Serve(ctx context.Context) error {
	close(l.lit)
	<-ctx.Done()
	return nil
}

// sh runs a script of this example with arguments.
func sh(ctx context.Context, script string, args ...string) error {
	cmd := exec.CommandContext(ctx, "/bin/sh", append([]string{"-s", "--"}, args...)...)
	cmd.Stdin = strings.NewReader(script)
	if _, err := cmd.Output(); err != nil {
		return fmt.Errorf("%v: %w", args, err)
	}
	return nil
}
