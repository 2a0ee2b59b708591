package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/clause"
)

// updater is a baseline.Updater around an external program. Who may is asked here,
// before the program is started: it would not know.
type updater struct {
	who          access.Authorizer
	dir, program string     // where the program keeps its state (absolute); a script for sh
	mu           sync.Mutex // one program at a time
}

var versions = regexp.MustCompile(`^[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}$`)
var answers = regexp.MustCompile(`^(?:([0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}) (confirmed|trial)|refused: ([a-z ]{1,60}))\n$`)

// Features claims what the program really does, and no more.
func (*updater) Features() []clause.Feature {
	return []clause.Feature{{
		ID: "update.slots", Package: "example.com/vendor/slots", Summary: "two slots; signed releases, by permission, on trial until confirmed",
		Clauses: []clause.ID{clause.C5_2_7_1_1, clause.C5_2_7_1_2, clause.C5_2_7_1_3, clause.C5_2_7_2_a, clause.C5_2_7_2_D},
	}}
}

// Status implements baseline.Updater.
func (u *updater) Status(ctx context.Context) (version string, trial bool, err error) {
	return u.run(ctx, access.StatusRead, "status")
}

// Install implements baseline.Updater.
func (u *updater) Install(ctx context.Context, version string) error {
	if version != "" && !versions.MatchString(version) {
		return errors.New("updater: install: not a version")
	}
	_, _, err := u.run(ctx, access.UpdateInstall, "install", version)
	return err
}

// Confirm implements baseline.Updater.
func (u *updater) Confirm(ctx context.Context) error {
	_, _, err := u.run(ctx, access.UpdateConfirm, "confirm")
	return err
}

// Rollback implements baseline.Updater. The reason is told in the log of the device.
func (u *updater) Rollback(ctx context.Context, _ string) error {
	_, _, err := u.run(ctx, access.UpdateRollback, "rollback")
	return err
}

// run asks whether it may, runs the program, and returns what it says is running.
// Its arguments are never read as shell text, and it inherits nothing.
func (u *updater) run(ctx context.Context, p access.Permission, args ...string) (string, bool, error) {
	if _, err := access.Check(ctx, u.who, p, "software"); err != nil {
		return "", false, fmt.Errorf("updater: %s: %w", args[0], err)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var out limited
	cmd := exec.CommandContext(ctx, "/bin/sh", append([]string{"-s", "--", u.dir}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Env, cmd.WaitDelay = strings.NewReader(u.program), &out, []string{"PATH=/usr/bin:/bin"}, time.Second
	err := cmd.Run()
	answer := answers.FindStringSubmatch(out.String())
	if err != nil || answer == nil {
		return "", false, fmt.Errorf("updater: %s: %w", args[0], cmp.Or(ctx.Err(), err, errors.New("not an answer")))
	}
	if why := answer[3]; why != "" {
		return "", false, fmt.Errorf("updater: %s: refused: %s", args[0], why)
	}
	return answer[1], answer[2] == "trial", nil
}

// limited holds what an honest answer needs; a program that says more is ended.
type limited struct{ strings.Builder }

func (l *limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > 100 {
		return 0, errors.New("the answer is too long")
	}
	return l.Builder.Write(p)
}
