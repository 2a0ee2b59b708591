package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/access"
)

func (s *story) commission() error {
	s.step("5.2.6.1.4", "Ann takes it into service with the secret on its label")
	early, err := s.as("ann")
	if err != nil {
		return err
	}
	if err := s.refused(s.updater.Install(early, "")); err != nil {
		return err
	}
	reason, _ := s.guard.Shut()
	s.tellf("    shut: %s", reason)
	first, err := s.guard.Initial(s.ctx, s.label, "service-port")
	if err != nil {
		return err
	}
	// The operator's cabinet keys are her credential: there is nothing to set.
	nothing := func(context.Context) error { return nil }
	if err := s.guard.Commission(access.WithEntity(s.ctx, first), access.Owner{ID: "ann", Roles: []string{"owner"}}, nothing); err != nil {
		return err
	}
	if s.ann, err = s.as("ann"); err != nil {
		return err
	}
	if err := s.guard.Assign(s.ann, access.Assignment{ID: "bob", Kind: access.KindPerson, Roles: []string{"viewer"}}); err != nil {
		return err
	}
	return s.running(firstRelease, false)
}

func (s *story) refuseStrangers() error {
	s.step("5.2.7.1.2", "Nobody, and bob who may only look, want to install "+goodRelease)
	if err := s.vendor("release", goodRelease); err != nil {
		return err
	}
	bob, err := s.as("bob")
	if err != nil {
		return err
	}
	for _, who := range []context.Context{s.ctx, bob} {
		err := s.updater.Install(who, goodRelease)
		if !errors.Is(err, access.ErrDenied) {
			return fmt.Errorf("%w: %v", errUnexpected, err)
		}
		if err := s.refused(err); err != nil {
			return err
		}
	}
	return s.running(firstRelease, false)
}

func (s *story) refuseForged() error {
	s.step("5.2.7.1.1, 5.2.7.2.D", "Ann is handed a release of somebody else, and an old one under a new name")
	if err := s.vendor("rename", badRelease); err != nil {
		return err
	}
	if err := s.refused(s.updater.Install(s.ann, badRelease)); err != nil {
		return err
	}
	if err := s.vendor("forge", badRelease); err != nil {
		return err
	}
	if err := s.refused(s.updater.Install(s.ann, badRelease)); err != nil {
		return err
	}
	return s.running(firstRelease, false)
}

func (s *story) refuseText() error {
	s.step("5.2.7.1.1", "No text reaches a shell")
	for _, version := range []string{"1.1.0; reboot", "$(reboot)", "../../1.1.0", "-1.1.0", "1.1.0\n"} {
		s.tellf("    ann asks for %q", version)
		if err := s.refused(s.updater.Install(s.ann, version)); err != nil {
			return err
		}
	}
	return s.running(firstRelease, false)
}

func (s *story) install() error {
	s.step("5.2.7.1.1", "Ann installs "+goodRelease+"; it starts on trial, tests itself, and confirms")
	if err := s.deliver(goodRelease); err != nil {
		return err
	}
	if err := s.running(goodRelease, true); err != nil {
		return err
	}
	itself, err := s.itself()
	if err != nil {
		return err
	}
	if err := s.updater.Confirm(itself); err != nil {
		return err
	}
	if err := s.running(goodRelease, false); err != nil {
		return err
	}
	return s.operate()
}

func (s *story) refuseOlder() error {
	s.step("5.2.7.1.1", "An older release, genuine as it is, does not come back")
	if err := s.vendor("release", firstRelease); err != nil {
		return err
	}
	if err := s.refused(s.updater.Install(s.ann, firstRelease)); err != nil {
		return err
	}
	return s.running(goodRelease, false)
}

func (s *story) giveUp() error {
	s.step("5.2.7.3.B", "A bad release fails its own test, and gives itself up")
	if err := s.deliver(badRelease); err != nil {
		return err
	}
	if err := s.running(badRelease, true); err != nil {
		return err
	}
	if err := s.refused(s.updater.Install(s.ann, badRelease)); err != nil {
		return err
	}
	itself, err := s.itself()
	if err != nil {
		return err
	}
	if err := s.updater.Rollback(itself, "the sensor does not answer"); err != nil {
		return err
	}
	s.tellf("    the sensor does not answer: given up")
	return s.running(goodRelease, false)
}

func (s *story) fallBack() error {
	s.step("5.2.7.1.3", "A release hangs, or its power fails: the boot loader goes back")
	if err := s.deliver(hangingRelease); err != nil {
		return err
	}
	if err := s.running(hangingRelease, true); err != nil {
		return err
	}
	s.tellf("    it does not confirm; the watchdog restarts the device")
	if err := s.boot(s.ctx); err != nil {
		return err
	}
	return s.running(goodRelease, false)
}

func (s *story) drift() error {
	s.step("5.1.1.1.5", "A release is not what was approved: on trial, the device gives it up by itself")
	if err := s.deliver(driftedRelease); err != nil {
		return err
	}
	if err := s.running(driftedRelease, true); err != nil {
		return err
	}
	drifted, err := baseline.New(s.parts(driftedRelease), s.approved, nil)
	if err != nil {
		return err
	}
	for _, line := range drifted.Drift() {
		s.tellf("    drift: %s", line)
	}
	err = drifted.Run(s.ctx)
	if !errors.Is(err, baseline.ErrRolledBack) {
		return fmt.Errorf("%w: %v", errUnexpected, err)
	}
	s.tellf("    %v", err)
	if err := s.boot(s.ctx); err != nil {
		return err
	}
	if err := s.running(goodRelease, false); err != nil {
		return err
	}
	return s.operate()
}

// operate runs the device with the approved composition until its lamp is lit.
func (s *story) operate() error {
	parts, light := s.parts(goodRelease), lamp{make(chan struct{})}
	parts.Extra = append(parts.Extra, light)
	d, err := baseline.New(parts, s.approved, nil)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	select {
	case err := <-done:
		return fmt.Errorf("%w: it stopped: %v", errUnexpected, err)
	case <-light.lit:
	}
	state, _ := d.State()
	s.tellf("    the device is %v", state)
	cancel()
	return <-done
}
