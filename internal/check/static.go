package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// Tools are pinned here and not in go.mod: a vendor would inherit what they need.
const (
	staticcheckTool = "honnef.co/go/tools/cmd/staticcheck@v0.8.2"
	vulnTool        = "golang.org/x/vuln/cmd/govulncheck@v1.1.4"
)

// budgetGateway is what the gateway may take, stripped, for linux/arm.
const budgetGateway = 16 << 20

// budgetQuickstart is what quickstart may take, stripped, for linux/arm, built as
// docs/start.md tells a vendor to.
const budgetQuickstart = 4 << 20

// architectures are those that devices have, with what compiles for them. MIPS in
// routers and meters has no floating point unit. What no other step runs or measures is
// compiled without optimisation, which takes less time.
var architectures = []struct {
	name, compiler string
	env            []string
}{
	{"amd64", "", nil},
	{"arm64", "-N -l -dwarf=false", nil},
	{"arm", "", []string{"GOARM=7"}},
	{"mipsle", "", []string{"GOMIPS=softfloat"}},
	{"riscv64", "-N -l -dwarf=false", nil},
}

// deviceFlags build as for a device.
var deviceFlags = []string{"-trimpath", "-ldflags=-s -w"}

// forDevice gives the go command with args for one of the architectures. What is
// compiled for one step serves the others, so all must use the same settings.
func forDevice(arch string, args ...string) command {
	for _, a := range architectures {
		if a.name == arch {
			return goCmd(args...).with("CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch).with(a.env...)
		}
	}
	panic("check: no architecture " + arch)
}

func gofmt(ctx context.Context) error {
	out, err := command{args: []string{"gofmt", "-l", "."}}.output(ctx)
	if err == nil && strings.TrimSpace(out) != "" {
		err = errors.New("these files are not formatted")
	}
	fmt.Print(out)
	return err
}

func vet(ctx context.Context) error { return goCmd("vet", "./...").greedy().run(ctx) }

// laws run uncached: the test cache does not see new files that go list reads.
// lawTests match the tests of the root package that read all others.
const lawTests = "^Test(ImportLaw|LawsCatch.*|OnlyDurable.*|API|Documented|Shape)$"

func laws(ctx context.Context) error {
	return goCmd("test", "-count=1", "-vet=off", "-ldflags=-s -w", "-run", lawTests, ".").run(ctx)
}

func staticcheck(ctx context.Context) error {
	return goCmd("run", staticcheckTool, "./...").greedy().run(ctx)
}

// vuln goes on without the vulnerability data, which not every network has, but
// never with a finding.
func vuln(ctx context.Context) error {
	out, err := goCmd("run", vulnTool, "./...").greedy().output(ctx)
	fmt.Print(out)
	if err != nil && strings.Contains(out, "fetching vulnerabilities") {
		fmt.Println("NOT CHECKED: the vulnerability data cannot be reached from here")
		return nil
	}
	return err
}

func cross(ctx context.Context) error {
	for _, arch := range architectures {
		flags := deviceFlags
		if arch.name == runtime.GOARCH {
			flags = nil // compiled already, without cgo as well
		} else if arch.compiler != "" {
			flags = append(slices.Clone(deviceFlags), "-gcflags=all="+arch.compiler)
		}
		args := append(append([]string{"build"}, flags...), "./...")
		if err := forDevice(arch.name, args...).greedy().run(ctx); err != nil {
			return err
		}
	}
	return nil
}

func deps(ctx context.Context) error {
	const module = "github.com/iot-device-baseline/baseline"
	out, err := goCmd("list", "-deps", ".").output(ctx)
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	reached := strings.Fields(out)
	for _, dep := range reached {
		rel, own := strings.CutPrefix(dep, module+"/")
		top, _, _ := strings.Cut(rel, "/")
		capability := []string{"config", "reset", "erase", "protect", "update", "disclosure", "backends", "httpapi"}
		if dep == "net/http" || own && slices.Contains(capability, top) {
			return fmt.Errorf("package baseline reaches %s", dep)
		}
	}
	fmt.Printf("packages=%d, none of a capability, no net/http\n", len(reached))
	return nil
}

// smallFlags build for a small device: what is not inlined is there once, with one
// line in the tables, and some 256 KiB go; and a kernel for 32-bit ARM has pages of
// 4 KiB, where the linker would fill up to 64.
var smallFlags = []string{"-trimpath", "-ldflags=-s -w -R 4096", "-gcflags=all=-l"}

func footprint(ctx context.Context) error {
	plain, err := sizeForArm(ctx, "build/arm/plain/", "quickstart", deviceFlags)
	if err != nil {
		return err
	}
	small, err := sizeForArm(ctx, "build/arm/", "quickstart", smallFlags)
	if err != nil {
		return err
	}
	fmt.Printf("quickstart linux/arm: %d bytes, budget %d; with the usual flags %d\n", small, budgetQuickstart, plain)
	if small > budgetQuickstart {
		return fmt.Errorf("quickstart has %d bytes, at most %d", small, budgetQuickstart)
	}
	gateway, err := sizeForArm(ctx, "build/arm/plain/", "gateway", deviceFlags)
	if err != nil {
		return err
	}
	fmt.Printf("gateway linux/arm: %d bytes, budget %d\n", gateway, budgetGateway)
	if gateway > budgetGateway {
		return fmt.Errorf("gateway has %d bytes, at most %d", gateway, budgetGateway)
	}
	return told("docs/footprint.md", small, plain, gateway)
}

// told wants a document to have numbers near to these: nearer than the 64 KiB in which the
// linker pads.
func told(document string, sizes ...int64) error {
	text, err := os.ReadFile(document)
	if err != nil {
		return err
	}
	for _, size := range sizes {
		near := slices.ContainsFunc(regexp.MustCompile(`\d{6,}`).FindAllString(string(text), -1), func(s string) bool {
			n, err := strconv.ParseInt(s, 10, 64)
			return err == nil && max(n-size, size-n) < 64<<10
		})
		if !near {
			return fmt.Errorf("%s has no number near %d: measure it again", document, size)
		}
	}
	return nil
}

func sizeForArm(ctx context.Context, dir, program string, flags []string) (int64, error) {
	args := slices.Concat([]string{"build"}, flags, []string{"-o", dir, "./examples/" + program})
	if err := forDevice("arm", args...).greedy().run(ctx); err != nil {
		return 0, err
	}
	st, err := os.Stat(dir + program)
	if err != nil {
		return 0, err
	}
	return st.Size(), nil
}

// nested lists the modules below this one.
func nested() (dirs []string, err error) {
	err = filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == "go.mod" && name != "go.mod" {
			dirs = append(dirs, filepath.Dir(name))
		}
		return err
	})
	return dirs, err
}
