// Package uboot is an update.Bootloader that keeps which slot starts next in the
// redundant environment of U-Boot, in a file or on a block device.
//
// It secures that each change is one atomic write: a power cut leaves the
// environment before or the one after, and one of two copies may be damaged at any
// time. It never guesses: when both are damaged, or the one that U-Boot uses says
// what the boot script would not understand, every method gives update.ErrDamaged. It
// does not secure the environment against whoever can write it, nor what a slot
// holds: an image is verified before Try, and by the boot loader if it can (FIT
// signatures). An environment with one copy is refused: it is not safe against a
// power cut. Raw NAND and NOR flash, which must be erased first, it does not write.
//
// Threats: a power cut or a failure of the medium within a write, a damaged sector, an
// environment written by somebody else's program. 27402 5.2.7.1.3.
//
// The format is U-Boot's with CONFIG_SYS_REDUNDAND_ENVIRONMENT, as fw_printenv and
// fw_setenv of libubootenv read and write it (little-endian): CRC-32, a flag that
// counts the writes, variables. Each change overwrites the copy that is not in use,
// whole, and syncs it. Before its first change a process rewrites the copy in use
// with what it holds, since one that a killed process left in the system's memory
// may not lie on the medium. While it runs nothing else may write the environment.
//
// # The variables
//
//	BOOT_ORDER=b a        slots, in the order in which they are tried
//	BOOT_a_STATE=good     confirmed: starts without being counted
//	BOOT_b_STATE=trial    starts while tries are left; or bad: does not start
//	BOOT_b_LEFT=2         tries left, one hexadecimal digit; only on trial
//
// BOOT_ORDER and BOOT_x_LEFT are those of RAUC's scheme. RAUC counts the starts of
// every slot; here a good one is good for ever, which BOOT_x_STATE says.
//
// # The boot script
//
// [Script] gives what U-Boot has to run at each start, and [Choose] plays it: the first
// slot of BOOT_ORDER that is good, or on trial with tries left, of which it first takes
// one:
//
//	setenv slot
//	for s in ${BOOT_ORDER}; do
//	  if test -z "${slot}" && test "${s}" = "a"; then
//	    if test "${BOOT_a_STATE}" = "good"; then setenv slot a; fi
//	    if test "${BOOT_a_STATE}" = "trial" && test 0x${BOOT_a_LEFT} -gt 0; then
//	      setexpr BOOT_a_LEFT ${BOOT_a_LEFT} - 1
//	      if saveenv; then setenv slot a; fi
//	    fi
//	  fi
//	  ... the same for b
//	done
//
// A try is saved before it begins, so a slot that hangs is left after its tries. Then
// the vendor's script starts the slot and tells it so, or turns to a rescue:
//
//	run choose
//	if test -z "${slot}"; then run rescue; fi
//	setenv bootargs "${bootargs} slot=${slot}"
//
//	boot, err := durable.OpenRaw("/boot", nil)
//	...
//	env, err := uboot.New(boot, uboot.Config{
//		Primary:   uboot.Location{File: "uboot.env"},
//		Redundant: uboot.Location{File: "uboot-redund.env"},
//		Size:      16 << 10,
//	}, booted) // from slot= in /proc/cmdline
//	...
//	err = env.Try(ctx, "b", 3)
package uboot
