package main

import (
	"fmt"
	"strconv"
)

// The steps in which the manufacturer's releases come, go wrong, and stay.

func (l *life) findRelease() error {
	l.step("5.2.7.1.1, 5.2.7.2", "Release 1.1 is at the manufacturer's HTTPS server; the device finds it")
	if err := l.desk.release(l.ctx, image{Version: "1.1", Number: 11, Healthy: true}, 11); err != nil {
		return err
	}
	if err := l.refused(l.ask("bob", bobsPassword, "check", nil, nil), "denied"); err != nil {
		return err
	}
	var version string
	if err := l.ask("ann", annsPassword, "check", nil, &version); err != nil {
		return err
	}
	if version != "1.1" {
		return unexpected("found %q", version)
	}
	l.tellf("    found: %s", version)
	return nil
}

func (l *life) killDownload() error {
	l.step("5.2.7.1.3", "The power goes in the middle of the download")
	answer := l.later("ann", annsPassword, "install", "")
	err := l.until("a third of the image is written", func(m message) bool {
		return m.State == "writing" && m.Done > m.Total/3
	})
	if err != nil {
		return err
	}
	if err := l.now.cut(); err != nil {
		return err
	}
	<-answer //nolint:errcheck // of a program that was killed
	if !l.now.killed() {
		return unexpected("the program ended by itself: %v", l.now.exit)
	}
	seen := l.last()
	l.tellf("    killed after at least %s of %s", megabytes(seen.Done), megabytes(seen.Total))
	return l.desk.save("missing", fmt.Append(nil, seen.Total-seen.Done))
}

func (l *life) resumeDownload() error {
	l.step("5.2.7.1.3", "It starts the old release, and goes on where the medium ends")
	if err := l.power(); err != nil {
		return err
	}
	s, err := l.status()
	if err != nil {
		return err
	}
	if s.Version != "1.0" || s.Trial || l.now.Slot != "a" {
		return unexpected("slot %s runs %s, trial %v", l.now.Slot, s.Version, s.Trial)
	}
	l.tellf("    1.0 runs from slot a, and is asked again")
	if err := <-l.later("ann", annsPassword, "install", ""); err != nil && !leaving(err) && !busy(err) {
		return err
	}
	text, err := l.desk.read("missing")
	if err != nil {
		return err
	}
	missing, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		return err
	}
	<-l.now.over // it has told everything
	fetched := l.last().Fetched
	if fetched > missing+slack {
		return unexpected("%s were missing, and %s fetched", megabytes(missing), megabytes(fetched))
	}
	l.tellf("    at most %s were missing; %s were fetched", megabytes(missing), megabytes(fetched))
	return nil
}

// slack is what may be fetched besides the rest of an image: metadata, and what was
// not yet synced when the power went.
const slack = 1 << 20

func (l *life) trial() error {
	l.step("5.2.7.2", "Read back from the medium, activated, started on trial")
	if err := l.restarted(); err != nil {
		return err
	}
	s, err := l.status()
	if err != nil {
		return err
	}
	if l.now.Slot != "b" || s.Version != "1.1" {
		return unexpected("slot %s runs %s", l.now.Slot, s.Version)
	}
	l.tellf("    slot b runs 1.1; slot a still holds 1.0")
	return nil
}

func (l *life) confirmed() error {
	l.step("5.2.7.2", "It is healthy, so it is confirmed, and the floor rises")
	if err := l.settled("1.1"); err != nil {
		return err
	}
	s, err := l.status()
	if err != nil {
		return err
	}
	if s.Floor != 11 {
		return unexpected("the floor is %d", s.Floor)
	}
	l.tellf("    confirmed; nothing below number %d is installed any more", s.Floor)
	return nil
}

// settled waits until the running release is version, and not on trial.
func (l *life) settled(version string) error {
	for {
		s, err := l.status()
		if err != nil {
			return err
		}
		if s.Version != version {
			return unexpected("%s runs", s.Version)
		}
		if !s.Trial && decided(s.Update) {
			return nil
		}
		if err := l.until("the trial is over", func(m message) bool { return decided(m.State) }); err != nil {
			return err
		}
	}
}

// decided reports whether nothing of an update is under way.
func decided(state string) bool { return state == "idle" || state == "rolled back" }

func (l *life) downgrade() error {
	l.step("5.2.7.1.1", "The old release, signed for an old channel, is refused")
	if err := l.desk.releaseTo(l.ctx, oldChannel, image{Version: "1.0", Number: 10, Healthy: true}, 10); err != nil {
		return err
	}
	if err := l.restartWith("-channel", oldChannel); err != nil {
		return err
	}
	if err := l.refused(l.ask("ann", annsPassword, "install", "", nil), "older"); err != nil {
		return err
	}
	return l.restartWith()
}

// restartWith switches the device off and on, with switches on the box set.
func (l *life) restartWith(switches ...string) error {
	if err := l.now.cut(); err != nil {
		return err
	}
	return l.power(switches...)
}

func (l *life) tampered() error {
	l.step("5.2.7.1.1", "A release that somebody exchanged at the server is refused")
	if err := l.desk.release(l.ctx, image{Version: "1.2", Number: 12, Healthy: false}, 11); err != nil {
		return err
	}
	undo, err := l.desk.exchange(l.ctx, image{Version: "6.6", Number: 66, Healthy: true})
	if err != nil {
		return err
	}
	if err := l.refused(l.ask("ann", annsPassword, "install", "", nil), "not verified"); err != nil {
		return err
	}
	s, err := l.status()
	if err != nil || s.Version != "1.1" {
		return unexpected("%s runs: %v", s.Version, err)
	}
	l.tellf("    1.1 runs on, untouched")
	return undo()
}

func (l *life) failing() error {
	l.step("5.2.7.1.3, 5.2.7.2", "Release 1.2 fails its health check; 1.1 comes back by itself")
	if err := <-l.later("ann", annsPassword, "install", ""); err != nil && !leaving(err) {
		return err
	}
	if err := l.restarted(); err != nil {
		return err
	}
	s, err := l.status()
	if err != nil {
		return err
	}
	if s.Version != "1.2" || !s.Trial {
		return unexpected("%s runs, trial %v", s.Version, s.Trial)
	}
	l.tellf("    1.2 runs from slot %s, on trial", l.now.Slot)
	if err := l.givenUp(); err != nil {
		return err
	}
	if err := l.power(); err != nil {
		return err
	}
	if err := l.settled("1.1"); err != nil {
		return err
	}
	l.tellf("    1.1 runs from slot %s again", l.now.Slot)
	return nil
}

// givenUp waits until the release on trial asks for the restart that ends it.
func (l *life) givenUp() error {
	err := l.until("the release on trial is decided", func(m message) bool { return decided(m.State) })
	if err == nil {
		return unexpected("the release on trial was confirmed")
	}
	if !l.now.restarts() {
		return err
	}
	return nil
}

func (l *life) blocked() error {
	l.step("5.2.7.2", "1.2 is not tried again")
	return l.refused(l.ask("ann", annsPassword, "install", "", nil), "failed on this device")
}
