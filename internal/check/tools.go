package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// realUBoot is no program of this machine.
const realUBoot = "/usr/lib/u-boot/qemu_arm/u-boot.bin"

// foreign names the programs that tests run, and the Debian package of each.
var foreign = map[string]string{
	"openssl":         "openssl",          // verifies receipts with somebody else's code
	"fw_printenv":     "libubootenv-tool", // reads and writes U-Boot's environment
	"fw_setenv":       "libubootenv-tool",
	"qemu-system-arm": "qemu-system-arm", // starts the real U-Boot
	realUBoot:         "u-boot-qemu",
	"gpg":             "gnupg",      // signs and verifies settings
	"swtpm":           "swtpm",      // the TPM of the tests
	"unshare":         "util-linux", // a gateway without a network
	"ip":              "iproute2",
	"qemu-arm":        "qemu-user", // runs the tests of 32-bit devices
	"qemu-mipsel":     "qemu-user",
}

func tools(ctx context.Context) error {
	packages := missing()
	if len(packages) == 0 {
		return nil
	}
	if os.Geteuid() == 0 && found("apt-get") {
		apt := command{args: []string{"apt-get"}}.with("DEBIAN_FRONTEND=noninteractive")
		update, install := apt, apt
		update.args = []string{"apt-get", "-qq", "update"}
		install.args = append([]string{"apt-get", "-qq", "install", "-y", "--no-install-recommends"}, packages...)
		if err := each(ctx, update, install); err != nil {
			fmt.Println("tools:", err)
		}
	}
	if packages = missing(); len(packages) > 0 {
		return lacking("install the Debian packages " + strings.Join(packages, " "))
	}
	return nil
}

// lacking fails in CI and only says so elsewhere.
func lacking(what string) error {
	if inCI() {
		return fmt.Errorf("%s: CI=true, so this is a failure", what)
	}
	fmt.Println("MISSING:", what)
	return nil
}

func missing() (packages []string) {
	seen := map[string]bool{}
	for program, pkg := range foreign {
		if !found(program) && !seen[pkg] {
			seen[pkg] = true
			packages = append(packages, pkg)
		}
	}
	return packages
}

func found(program string) bool {
	if filepath.IsAbs(program) {
		_, err := os.Stat(program)
		return err == nil
	}
	_, err := exec.LookPath(program)
	return err == nil
}
