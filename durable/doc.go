// Package durable is the only code of this module that writes to a medium. It
// keeps the state of a device through power cuts, full disks and failed writes.
//
// What it secures: a change that was acknowledged (its method returned nil)
// survives a power cut from then on; a change that was not is there whole or not
// at all; the next start works. Damaged bytes are told ([ErrCorrupt]), never
// returned. One process owns a directory ([ErrInUse]).
//
// What it does not: keep secrets or resist forgery. Whoever reads the medium reads
// everything, and whoever writes it writes what he likes with a right checksum.
// protect.Compartment is a [Store] that seals.
//
//	dir, err := durable.OpenDir("/var/lib/device", nil) // locks, recovers
//	if err != nil {
//		return err // ErrInUse, ErrFormat, ErrCorrupt, fs.ErrPermission
//	}
//	defer dir.Close()
//	err = dir.Put(ctx, "network/hostname", []byte("meter-7")) // nil: kept
//	name, err := dir.Get(ctx, "network/hostname")
//
// The parts: [Dir], a [Store] of small values; [Value], one typed and versioned
// record; [Log], an append log; [Outbox], messages that must arrive; [FileWriter],
// what is too large for a value; [Clock], the time and how far to trust it; [Hold], which closes the directory until an
// interrupted operation is finished.
//
// # How a value is written
//
// Write a file by the side, fsync it, rename it over the old one, fsync the
// directory: two fsyncs. A failed fsync is not trusted to have kept anything: the
// bytes are written again, or given up. What a start finds is synced before
// anything builds on it, since an earlier process may have died between its
// rename and its fsync. docs/power-cuts.md says what survives what,
// docs/formats.md how the bytes lie, and durable/powercut plays every cut.
//
// # Formats
//
// Each record begins with a format number. Release N reads N and N-1 and writes
// N-1 until [Dir.Commit], so that a release on trial leaves state that the one
// before it can read.
//
// # Space
//
// [Reserve] sets space aside for records that must be written on a full medium:
// the journals of erasure, reset and roll back, the key table, the floor.
package durable
