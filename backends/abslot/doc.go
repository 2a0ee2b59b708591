// Package abslot is an update.Installer over two slots, files or block devices, of
// which an update.Bootloader starts one.
//
// It secures that the running slot is never written, that the other one is unbootable
// before its first byte changes, and that at any moment a slot is left that was
// confirmed: it refuses to write while the running one is on trial. What runs is
// what the boot loader says; it remembers nothing. It does not verify what is written
// and does not choose what to install: that is the work of package update. Whoever can
// write the files of the slots can change what starts; a boot loader that verifies
// them is the answer to that.
//
// Threats: a power cut or a failure of the medium at any step, an image that is larger
// than it was said to be, a medium that does not give back what was written, a caller
// that repeats steps after a restart. 27402 5.2.7.1.3.
//
// Each change of what starts is one write of the boot loader. A slot is durable as far
// as a Sync that returned nil; after one that failed the system may have dropped
// what it could not write, so the sink is of no use any more, and writing goes on from
// what was synced before with another Prepare.
//
//	slots, err := durable.OpenRaw("/slots", nil) // Executable: true for slots that are programs
//	...
//	env, err := uboot.New(boot, cfg, booted)
//	...
//	system, err := abslot.New(slots, env, [2]abslot.Slot{{Name: "a", File: "system-a"}, {Name: "b", File: "system-b"}}, nil)
//	...
//	sink, err := system.Prepare(ctx, component, component.Length, 0)
package abslot
