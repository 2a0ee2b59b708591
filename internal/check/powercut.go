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

// A cutReport is one line "powercut: NAME op=… points=M/M states=D cuts=N bad=B".
type cutReport struct {
	name                string
	reached, points     int
	states, cuts, broke int
}

var cutLine = regexp.MustCompile(`powercut: (.+?) op=.*? points=(\d+)/(\d+) states=(\d+) cuts=(\d+) bad=(\d+)`)

// Least what the tests of power cuts must show together.
const (
	leastNames  = 8
	leastStates = 2000
)

// powercuts runs the tests of power cuts on a sound medium, where nothing may be
// bad, and on media that are broken in three ways, where every test must say so.
func powercuts(ctx context.Context) error {
	sound, err := explore(ctx, "")
	if err != nil {
		return err
	}
	states, bad := 0, 0
	for _, r := range sound {
		states += r.states
		if r.broke > 0 || r.reached != r.points {
			bad++
			fmt.Printf("bad: %+v\n", r)
		}
	}
	fmt.Printf("sound medium: names=%d states=%d bad=%d\n", len(sound), states, bad)
	if bad > 0 || len(sound) < leastNames || states < leastStates {
		return fmt.Errorf("want at least %d names, %d states, none bad", leastNames, leastStates)
	}
	for _, breakage := range []string{"nofsync", "nodirsync", "swap"} {
		if err := mustBreak(ctx, breakage, sound); err != nil {
			return err
		}
	}
	return nil
}

// healing are operations that the next start does again by itself, whatever was lost
// of them: a name that a directory forgot is no loss there, and so not noticed. What
// lies below them is explored by operations that do notice.
var healing = map[string]string{
	"config.insecure-floor": "Open rewrites the floor at each start that finds an insecure one",
	"eventlog.prune":        "a segment that came back is dropped again: the signed oldest record says so",
	"reset.ordered":         "an order without its Hold is carried out by the next start",
	"reset.late":            "the same, below parts that are open",
}

// mustBreak wants every name bad on a broken medium, but for those that heal where
// only names of files are forgotten.
func mustBreak(ctx context.Context, breakage string, sound map[string]cutReport) error {
	broken, err := explore(ctx, breakage)
	if err == nil {
		return fmt.Errorf("POWERCUT_BREAK=%s: the tests passed", breakage)
	}
	if len(broken) == 0 {
		return fmt.Errorf("POWERCUT_BREAK=%s: no report: %w", breakage, err)
	}
	var blind []string
	for _, name := range slices.Sorted(maps.Keys(sound)) {
		if broken[name].broke > 0 {
			continue
		}
		if why := healing[name]; breakage == "nodirsync" && why != "" {
			fmt.Printf("POWERCUT_BREAK=%s: %s heals: %s\n", breakage, name, why)
			continue
		}
		blind = append(blind, name)
	}
	fmt.Printf("POWERCUT_BREAK=%s: names=%d bad=%d\n", breakage, len(sound), len(sound)-len(blind))
	if len(blind) > 0 {
		return fmt.Errorf("POWERCUT_BREAK=%s is not noticed by %s", breakage, strings.Join(blind, ", "))
	}
	return nil
}

// explore runs all tests of power cuts and gives their reports by name.
func explore(ctx context.Context, breakage string) (map[string]cutReport, error) {
	run := goCmd("test", "-count=1", "-vet=off", "-timeout=15m", "-run=^TestPowerCut", "-v", "./...")
	out, err := run.with("POWERCUT_BREAK=" + breakage).output(ctx)
	if err != nil && breakage == "" {
		for line := range strings.Lines(out) {
			if !strings.HasPrefix(line, "=== RUN") {
				fmt.Print(line)
			}
		}
		return nil, err
	}
	reports, twice := readCuts(out)
	if breakage == "" {
		for _, name := range slices.Sorted(maps.Keys(reports)) {
			r := reports[name]
			fmt.Printf("powercut: %s points=%d/%d states=%d cuts=%d bad=%d\n", name, r.reached, r.points, r.states, r.cuts, r.broke)
		}
	}
	return reports, errors.Join(err, twice)
}

// readCuts finds the reports in the output of go test -v. A name belongs to one
// test.
func readCuts(out string) (reports map[string]cutReport, err error) {
	reports = map[string]cutReport{}
	for line := range strings.Lines(out) {
		m := cutLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		r := cutReport{m[1], number(m[2]), number(m[3]), number(m[4]), number(m[5]), number(m[6])}
		if _, twice := reports[r.name]; twice {
			err = errors.Join(err, fmt.Errorf("two power-cut tests are named %s", r.name))
		}
		reports[r.name] = r
	}
	return reports, err
}

// number reads digits that cutLine has matched.
func number(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil {
		return -1
	}
	return n
}
