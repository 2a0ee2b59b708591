package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A cutReport is one line "powercut: NAME op=… points=M/M states=D cuts=N bad=B tries=T".
type cutReport struct {
	name                string
	reached, points     int
	states, cuts, broke int
	tries               int
}

var cutLine = regexp.MustCompile(`powercut: (.+?) op=.*? points=(\d+)/(\d+) states=(\d+) cuts=(\d+) bad=(\d+) tries=(\d+)`)

// breakEnv is the variable by which package powercut breaks a medium.
const breakEnv = "POWERCUT_BREAK"

// Least what the tests of power cuts must show together.
const (
	leastNames  = 8
	leastStates = 2000
)

// breakages are the ways in which a medium is broken; "" is a sound one.
var breakages = []string{"", "nofsync", "nodirsync", "swap"}

// powercuts runs the tests of power cuts on a sound medium, where nothing may be
// bad, and on media that are broken in three ways, where every test must say so.
func powercuts(ctx context.Context) error {
	list, err := binaries(ctx)
	if err != nil {
		return err
	}
	found, err := explore(ctx, list)
	if err != nil {
		return err
	}
	if err := mustHold(found[""]); err != nil {
		return err
	}
	var blind []error
	for _, breakage := range breakages[1:] {
		blind = append(blind, mustBreak(breakage, found[breakage], found[""]))
	}
	return errors.Join(blind...)
}

// mustHold wants no name bad on a sound medium, and every point reached.
func mustHold(sound map[string]cutReport) error {
	states, bad := 0, 0
	for _, name := range slices.Sorted(maps.Keys(sound)) {
		r := sound[name]
		fmt.Printf("powercut: %s points=%d/%d states=%d cuts=%d bad=%d tries=%d\n", name, r.reached, r.points, r.states, r.cuts, r.broke, r.tries)
		states += r.states
		if r.broke > 0 || r.reached != r.points {
			bad++
		}
		if (r.tries == 0) != (untried[name] != "") {
			fmt.Printf("powercut: %s is done again on the same objects %d times; as told: %q\n", name, r.tries, untried[name])
			bad++
		}
	}
	fmt.Printf("sound medium: names=%d states=%d bad=%d\n", len(sound), states, bad)
	if bad > 0 || len(sound) < leastNames || states < leastStates {
		return fmt.Errorf("want at least %d names, %d states, none bad", leastNames, leastStates)
	}
	return nil
}

// untried are operations of which no part is done again on the same objects after a
// fault, and why.
var untried = map[string]string{
	"config.insecure-floor": "Open gives no error when it cannot write: the settings are safe ones either way",
	"update.run":            "Run goes on by itself after an error",
}

// healing are operations that the next start does again by itself, whatever was lost
// of them: a name that a directory forgot is no loss there, and so not noticed. There
// they would only be explored in vain. What lies below them is explored by operations
// that do notice.
var healing = map[string]string{
	"config.insecure-floor": "Open rewrites the floor at each start that finds an insecure one",
	"eventlog.prune":        "a segment that came back is dropped again: the signed oldest record says so",
	"reset.ordered":         "an order without its Hold is carried out by the next start",
	"reset.late":            "the same, below parts that are open",
}

// mustBreak wants every name bad on a broken medium, but for those that heal where
// only names of files are forgotten.
func mustBreak(breakage string, broken, sound map[string]cutReport) error {
	var blind, heal []string
	for _, name := range slices.Sorted(maps.Keys(sound)) {
		if broken[name].broke > 0 {
			continue
		}
		if why := healing[name]; breakage == "nodirsync" && why != "" {
			fmt.Printf("POWERCUT_BREAK=%s: %s heals: %s\n", breakage, name, why)
			heal = append(heal, name)
			continue
		}
		blind = append(blind, name)
	}
	fmt.Printf("POWERCUT_BREAK=%s: names=%d bad=%d heal=%d\n", breakage, len(sound), len(sound)-len(blind)-len(heal), len(heal))
	if len(blind) > 0 {
		return fmt.Errorf("POWERCUT_BREAK=%s is not noticed by %s", breakage, strings.Join(blind, ", "))
	}
	return nil
}

// explore runs the tests of power cuts of all packages on each kind of medium, and
// gives their reports by kind and name. On a sound medium they must pass.
func explore(ctx context.Context, list []binary) (map[string]map[string]cutReport, error) {
	var runs []command
	for _, breakage := range breakages {
		for _, b := range list {
			skip := "Documented$"
			if breakage == "nodirsync" {
				skip += "|TestPowerCut/(" + strings.Join(slices.Sorted(maps.Keys(healing)), "|") + ")$"
			}
			run := b.test("^TestPowerCut", "-test.v", "-test.skip="+skip)
			runs = append(runs, run.with(breakEnv+"="+breakage, "GOMAXPROCS=1").greedy())
		}
	}
	found := map[string]map[string]cutReport{}
	for _, breakage := range breakages {
		found[breakage] = map[string]cutReport{}
	}
	var failures []error
	parallel(ctx, runs, func(c command, r result) {
		breakage := strings.TrimPrefix(c.env[0], breakEnv+"=")
		if r.err != nil && breakage == "" {
			fmt.Print(r.out)
			failures = append(failures, fmt.Errorf("%s: %w", c, r.err))
		}
		failures = append(failures, readCuts(r.out, found[breakage]))
	})
	return found, errors.Join(failures...)
}

// readCuts adds the reports in the output of a test to reports. A name belongs to
// one test.
func readCuts(out string, reports map[string]cutReport) (err error) {
	for line := range strings.Lines(out) {
		m := cutLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		r := cutReport{m[1], number(m[2]), number(m[3]), number(m[4]), number(m[5]), number(m[6]), number(m[7])}
		if _, twice := reports[r.name]; twice {
			err = errors.Join(err, fmt.Errorf("two power-cut tests are named %s", r.name))
		}
		reports[r.name] = r
	}
	return err
}

// number reads digits that cutLine has matched.
func number(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil {
		return -1
	}
	return n
}
