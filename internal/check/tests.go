package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// exhaustive are tests that try everything there is on one goroutine: the race
// detector finds nothing in them and makes them ten times slower. The steps powercut
// and exhaustive run them without it.
var exhaustive = "^(" + exhaustiveNames + ")$"

var exhaustiveNames = strings.Join([]string{
	"TestPowerCut.*", "Test.*Every(Flipped)?(Byte|Bit).*", "TestForged(Journal|Bits)", "TestDamaged(Queue|OrMissingState).*",
	"TestKill", "TestLife.*", "TestMemoryBound", "TestErasureProtocols", "TestRollbackModel", "TestFloorsDoNotAddUp", "TestInterlock",
}, "|")

func test(ctx context.Context) error {
	// Without what a debugger needs, which takes long to link; the compiler is greedy, the
	// tests are not. The step law has run the laws.
	run := goCmd("test", "-race", "-vet=off", "-shuffle=on", "-timeout=15m", "-ldflags=-s -w", "-exec=env -u GOGC",
		"-skip="+exhaustive+"|"+lawTests, "-coverprofile=build/cover.out", "./...")
	// The race detector needs cgo.
	if err := run.with("CGO_ENABLED=1").greedy().run(ctx); err != nil {
		return err
	}
	out, err := goCmd("tool", "cover", "-func=build/cover.out").output(ctx)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	fmt.Println("coverage:", lines[len(lines)-1])
	return err
}

// exhausted runs what test has left out, but for power cuts.
func exhausted(ctx context.Context) error {
	list, err := binaries(ctx)
	if err != nil {
		return err
	}
	var runs []command
	for _, b := range list {
		run := b.test(exhaustive, "-test.skip=^TestPowerCut")
		if strings.HasSuffix(b.pkg, "/update") { // most of its time it waits for a device
			runs = slices.Insert(runs, 0, run)
		} else {
			runs = append(runs, run)
		}
	}
	return allPass(ctx, runs, func(string) {})
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
	arm := onDevice("qemu-arm", "arm")
	mips := onDevice("qemu-mipsel", "mipsle")
	return allPass(ctx, []command{arm, mips}, func(out string) { fmt.Print(out) })
}

// notOnDevice are tests that run their own binary as a second process, which the
// kernel of the bench refuses for a foreign architecture; and the exhaustive ones,
// power cuts and flipped bits, which an emulator takes many minutes for and which
// other steps run in full: what differs on a device is word size and byte order.
const notOnDevice = "NamesThePid|FIPS|Fips|TestPowerCut|EveryBit|EveryByte|ForgedBits|ForgedJournal|ErasureProtocols|RollbackModel|PutsThatFail|FailedRemoval|DamagedOrMissingState"

// stateful are the packages that keep state, with what they keep it by. What listens and
// dials is the same on every device.
var stateful = []string{"./durable/...", "./access", "./access/password", "./protect", "./protect/eventlog", "./protect/protecttest", "./config/..."}

func onDevice(emulator, arch string) command {
	args := append([]string{"test", "-vet=off", "-timeout=15m", "-exec=" + emulator, "-skip=" + notOnDevice}, deviceFlags...)
	return forDevice(arch, append(args, stateful...)...)
}
