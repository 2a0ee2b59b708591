package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// A binary is the compiled tests of one package. Compiled once, they run many times:
// linking them costs more than most of them take.
type binary struct {
	pkg string // import path
	dir string // where its tests run
	exe string
}

// binaryDir is where the step binaries puts them.
const binaryDir = "build/tests/"

// compiled matches the source of a test that runs from a binary: power cuts, fuzz
// targets and the exhaustive ones.
var compiled = regexp.MustCompile(`(?m)^func (` + exhaustiveNames + `|Fuzz.*)\(`)

// binaries lists them: one for each package that has tests of these kinds.
func binaries(ctx context.Context) ([]binary, error) {
	tested := `{{.ImportPath}}{{"\t"}}{{.Dir}}{{range .TestGoFiles}}{{"\t"}}{{.}}{{end}}{{range .XTestGoFiles}}{{"\t"}}{{.}}{{end}}`
	out, err := goCmd("list", "-f", tested, "./...").quiet(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, out)
	}
	into, err := filepath.Abs(binaryDir)
	if err != nil {
		return nil, err
	}
	var list []binary
	for line := range strings.Lines(out) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		pkg, dir := fields[0], fields[1]
		for _, file := range fields[2:] {
			text, err := os.ReadFile(filepath.Join(dir, file))
			if err != nil {
				return nil, err
			}
			if compiled.Match(text) {
				list = append(list, binary{pkg, dir, filepath.Join(into, filepath.Base(pkg)+".test")})
				break
			}
		}
	}
	if len(list) == 0 {
		return nil, errors.New("no package has tests")
	}
	return list, nil
}

// compile makes the binaries, without the race detector.
func compile(ctx context.Context) error {
	list, err := binaries(ctx)
	if err != nil {
		return err
	}
	args := []string{"test", "-c", "-vet=off", "-ldflags=-s -w", "-o", binaryDir}
	for _, b := range list {
		args = append(args, b.pkg)
	}
	return goCmd(args...).greedy().run(ctx)
}

// test runs the tests of b that match, with flags "-test.…".
func (b binary) test(match string, flags ...string) command {
	args := append([]string{b.exe, "-test.timeout=15m", "-test.run=" + match}, flags...)
	return command{dir: b.dir, args: args}
}

// list gives the names of the tests, examples and fuzz targets of b that match.
func (b binary) list(ctx context.Context, match string) ([]string, error) {
	out, err := command{dir: b.dir, args: []string{b.exe, "-test.list=" + match}}.quiet(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", b.pkg, err, out)
	}
	return strings.Fields(out), nil
}
