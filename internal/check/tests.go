package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// exhaustive are tests that try everything there is on one goroutine: the race
// detector finds nothing in them and makes them ten times slower. The steps powercut
// and exhaustive run them without it.
const exhaustive = "^(TestPowerCut.*|Test.*Every(Byte|Bit).*|TestKill|TestLife.*|TestMemoryBound|TestForgedJournal|TestInterlock)$"

func test(ctx context.Context) error {
	run := goCmd("test", "-race", "-shuffle=on", "-timeout=15m", "-skip="+exhaustive, "-coverprofile=build/cover.out", "./...")
	// The race detector needs cgo.
	if err := run.with("CGO_ENABLED=1").run(ctx); err != nil {
		return err
	}
	out, err := goCmd("tool", "cover", "-func=build/cover.out").output(ctx)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	fmt.Println("coverage:", lines[len(lines)-1])
	return err
}

// exhausted runs what test has left out, but for power cuts.
func exhausted(ctx context.Context) error {
	return goCmd("test", "-timeout=15m", "-run="+exhaustive, "-skip=^TestPowerCut", "./...").run(ctx)
}

// outoftree tests the modules below this one, which stand for a vendor's.
func outoftree(ctx context.Context) error {
	dirs, err := nested()
	if err != nil {
		return err
	}
	if !slices.Contains(dirs, "examples/outoftree") {
		return errors.New("examples/outoftree is missing")
	}
	for _, dir := range dirs {
		if err := each(ctx, goCmd("-C", dir, "vet", "./..."), goCmd("-C", dir, "test", "./...")); err != nil {
			return err
		}
	}
	return nil
}

// examples run as a person would run them, twice: the second time nothing of the
// first may be in the way.
func examples(ctx context.Context) error {
	quickstart := goCmd("run", "./examples/quickstart")
	gateway := goCmd("run", "./examples/gateway")
	return each(ctx, quickstart, quickstart, goCmd("run", "./examples/foreign"), gateway, gateway)
}

// qemu runs the tests of the packages that keep state on 32-bit devices of both
// byte layouts of atomic 64-bit values.
func qemu(ctx context.Context) error {
	if len(missing()) > 0 {
		return lacking("qemu-arm and qemu-mipsel")
	}
	arm := onDevice("qemu-arm", "GOARCH=arm", "GOARM=7")
	mips := onDevice("qemu-mipsel", "GOARCH=mipsle", "GOMIPS=softfloat")
	return parallel(ctx, 2, []command{arm, mips})
}

// notOnDevice are tests that run their own binary as a second process, which the
// kernel of the bench refuses for a foreign architecture; and the exhaustive ones,
// power cuts and flipped bits, which an emulator takes many minutes for and which
// the step before runs in full: what differs on a device is word size and byte order.
const notOnDevice = "NamesThePid|FIPS|Fips|TestPowerCut|EveryBit|EveryByte"

func onDevice(emulator string, env ...string) command {
	run := goCmd("test", "-vet=off", "-timeout=15m", "-exec="+emulator, "-skip="+notOnDevice, "./durable/...", "./access/...", "./protect/...", "./config/...")
	return run.with(append(env, "CGO_ENABLED=0", "GOOS=linux")...)
}

// fuzz runs each target on one core, two at a time.
func fuzz(ctx context.Context) error {
	targets, err := fuzzTargets(ctx)
	if err != nil {
		return err
	}
	var runs []command
	for _, t := range targets {
		runs = append(runs, goCmd("test", "-vet=off", "-run=^$", "-fuzz=^"+t.name+"$", "-fuzztime=3s", "-parallel=1", t.pkg))
	}
	fmt.Printf("fuzz: %d targets\n", len(runs))
	return parallel(ctx, 2, runs)
}

type target struct{ pkg, name string }

func fuzzTargets(ctx context.Context) (list []target, err error) {
	out, err := goCmd("test", "-vet=off", "-list=^Fuzz", "./...").output(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, out)
	}
	var names []string
	for line := range strings.Lines(out) {
		word := strings.Fields(line)
		switch {
		case len(word) == 1 && strings.HasPrefix(word[0], "Fuzz"):
			names = append(names, word[0])
		case len(word) > 1 && word[0] == "ok":
			for _, name := range names {
				list = append(list, target{word[1], name})
			}
			names = nil
		}
	}
	if len(list) == 0 {
		return nil, errors.New("no fuzz target found")
	}
	return list, nil
}

// noise are lines of the fuzzer that say nothing after a good run.
var noise = regexp.MustCompile(`(?m)^(fuzz: elapsed.*|PASS)\n`)

// parallel runs n commands at a time, prints the output of each when it ends,
// and fails with the errors of all.
func parallel(ctx context.Context, n int, commands []command) error {
	slots := make(chan struct{}, n)
	failures := make([]error, len(commands))
	var printing sync.Mutex
	var all sync.WaitGroup
	for i, c := range commands {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			out, err := c.output(ctx)
			printing.Lock()
			defer printing.Unlock()
			if err != nil {
				failures[i] = fmt.Errorf("%s: %w", c, err)
				fmt.Print(out)
				return
			}
			fmt.Print(noise.ReplaceAllString(out, ""))
		})
	}
	all.Wait()
	return errors.Join(failures...)
}
