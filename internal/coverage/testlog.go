package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

const module = "github.com/iot-device-baseline/baseline"

// suite is what a test log says of one package: names of top-level tests.
type suite struct {
	pkg            string // below the module; "." is its root
	passed, failed []string
}

// suites are by the path of the package.
type suites map[string]*suite

// event is one line of go test -json; other members do not matter here.
type event struct {
	Action, Package, Test string
}

// parseLog reads the output of go test -json. A log without a finished test is an
// error: it would show nothing.
func parseLog(r io.Reader) (suites, error) {
	all := suites{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("test log: line %d: %w", n, err)
		}
		if e.Test == "" || strings.Contains(e.Test, "/") {
			continue
		}
		all.add(e)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("test log: %w", err)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("test log: no test ran")
	}
	return all, nil
}

func (all suites) add(e event) {
	pkg := strings.TrimPrefix(strings.TrimPrefix(e.Package, module), "/")
	if pkg == "" {
		pkg = "."
	}
	switch s := all[pkg]; {
	case e.Action != "pass" && e.Action != "fail":
	case s == nil:
		all[pkg] = &suite{pkg: pkg}
		all.add(e)
	case e.Action == "pass":
		s.passed = append(s.passed, e.Test)
	default:
		s.failed = append(s.failed, e.Test)
	}
}

func (all suites) passed(pkg string) int {
	if s := all[pkg]; s != nil {
		return len(s.passed)
	}
	return 0
}

func (all suites) sorted() []*suite {
	var out []*suite
	for _, pkg := range slices.Sorted(maps.Keys(all)) {
		s := all[pkg]
		slices.Sort(s.passed)
		slices.Sort(s.failed)
		out = append(out, s)
	}
	return out
}

func (s *suite) failedMarked() []string {
	out := make([]string, len(s.failed))
	for i, name := range s.failed {
		out[i] = "**" + name + " failed**"
	}
	return out
}
