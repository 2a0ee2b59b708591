package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/risk"
)

const (
	firstRelease   = "1.0.0"
	goodRelease    = "1.1.0"
	badRelease     = "1.2.0"
	hangingRelease = "1.3.0"
	driftedRelease = "1.4.0"
)

// errUnexpected ends the story: a step did not go as told.
var errUnexpected = errors.New("this should not have happened")

// story is the life of a device, step by step.
type story struct {
	ctx        context.Context
	out        io.Writer
	dir        string
	assessment *risk.Assessment
	approved   *risk.Statement // of the composition that was released

	*device
	label string // the first secret
	ann   context.Context
	steps int
}

// begin is the factory: a device with its first release and a first secret.
func begin(ctx context.Context, dir string, out io.Writer) (*story, error) {
	s := &story{ctx: ctx, out: out, dir: dir}
	var err error
	if s.assessment, err = risk.Parse(assessmentJSON); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "device")
	store, err := durable.OpenDir(filepath.Join(path, "access"), nil)
	if err != nil {
		return nil, err
	}
	secret, err := access.Provision(ctx, store, nil)
	if err = errors.Join(err, store.Close()); err != nil {
		return nil, err
	}
	s.label = secret.Reveal()
	if err := s.vendor("factory", firstRelease); err != nil {
		return nil, err
	}
	s.device, err = openDevice(ctx, path)
	return s, err
}

func (s *story) live() error {
	for _, step := range []func() error{
		s.assess, s.leaveOut, s.commission, s.refuseStrangers, s.refuseForged, s.refuseText,
		s.install, s.refuseOlder, s.giveUp, s.fallBack, s.drift,
	} {
		if err := step(); err != nil {
			return fmt.Errorf("step %d: %w", s.steps, err)
		}
	}
	s.tellf("\nforeign: %d steps, 0 failed", s.steps)
	return nil
}

func (s *story) tellf(format string, args ...any) { fmt.Fprintf(s.out, format+"\n", args...) }

// step begins a numbered step and names the clause of 27402 that it shows.
func (s *story) step(clauses, what string) {
	if s.steps++; s.steps > 1 {
		s.tellf("")
	}
	s.tellf("%2d. %s (27402 %s)", s.steps, what, clauses)
}

// refused tells the reason of an error that is expected.
func (s *story) refused(err error) error {
	if err == nil {
		return fmt.Errorf("%w: it was not refused", errUnexpected)
	}
	s.tellf("    refused: %v", err)
	return nil
}

// vendor has vendor.sh make or sign a release.
func (s *story) vendor(command, version string) error {
	return sh(s.ctx, vendorScript, filepath.Join(s.dir, "vendor"), filepath.Join(s.dir, "device", "slots"), command, version)
}

// as is somebody who came in at the service port: the key of the cabinet tells who.
func (s *story) as(id string) (context.Context, error) {
	e, err := s.guard.Issuer("cabinet-key").Issue(access.Facts{ID: id, Kind: access.KindPerson, Interface: "service-port"})
	return access.WithEntity(s.ctx, e), err
}

// itself is the context of the program's own test.
func (s *story) itself() (context.Context, error) {
	return access.AsService(s.ctx, s.guard.Issuer(selfTest), selfTest)
}

// running tells what runs, and fails unless it is that.
func (s *story) running(want string, wantTrial bool) error {
	ctx, err := s.itself()
	if err != nil {
		return err
	}
	version, trial, err := s.updater.Status(ctx)
	if err != nil {
		return err
	}
	if version != want || trial != wantTrial {
		return fmt.Errorf("%w: %s runs, on trial %v", errUnexpected, version, trial)
	}
	how := "confirmed"
	if trial {
		how = "on trial"
	}
	s.tellf("    %s runs, %s", version, how)
	return nil
}

// deliver installs a release as Ann, and restarts.
func (s *story) deliver(version string) error {
	if err := s.vendor("release", version); err != nil {
		return err
	}
	if err := s.updater.Install(s.ann, version); err != nil {
		return err
	}
	s.tellf("    ann installs %s; the device restarts", version)
	return s.boot(s.ctx)
}

func (s *story) assess() error {
	s.step("5.1.1.1.5", "The risk assessment "+s.assessment.ID+" asks for:")
	for _, need := range s.assessment.Needs() {
		s.tellf("    %v", need)
	}
	parts := s.parts(firstRelease)
	s.tellf("    composed:")
	for _, f := range parts.Features() {
		s.tellf("    %-20s %s: %s", f.ID, f.Package, f.Summary)
	}
	s.approved = risk.Derive(s.assessment, parts.Features(), nil)
	_, err := baseline.New(parts, s.approved, nil)
	return err
}

func (s *story) leaveOut() error {
	s.step("5.1.1.1.6", "The same without the updater")
	parts := s.parts(firstRelease)
	parts.Updater = nil
	_, err := baseline.New(parts, risk.Derive(s.assessment, parts.Features(), nil), nil)
	var missing *baseline.MissingError
	if !errors.As(err, &missing) {
		return fmt.Errorf("%w: %v", errUnexpected, err)
	}
	for _, m := range missing.Missing {
		s.tellf("    missing: %v", m)
	}
	return nil
}
