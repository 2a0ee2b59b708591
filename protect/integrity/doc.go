// Package integrity compares the software on a device with a signed manifest of its
// release: all of it at the start, and again bit by bit while the device runs, and says
// what to do when they differ (27402 5.2.5.1.3, 5.2.5.2.1.A and C).
//
// # What it secures
//
// A file of the release that was changed, removed, replaced by something else, made
// executable or given another owner's rights (setuid, setgid), a link that leads
// elsewhere, and a file that was added are found, in a tree whose manifest a key of the
// vendor signed. Without such a signature nothing in the manifest is believed. A release
// below the floor is found although everything in it is genuine. What cannot be read is
// a finding. There is no state in which a check that did not end counts as passed: a nil
// or empty [Report] is not whole.
//
// Manifests do not expire and no clock is asked: a device that was long in a drawer has
// to start. What takes a release back is [Expect.MinNumber], or keys that are given no
// longer.
//
// # What it does not
//
//   - It cannot verify itself. Who changes the program that holds this code, the keys or
//     the floor, or what runs before it, decides what it says. That is what secure boot
//     is for (5.2.7.2.J), which stays delegated: this package does not claim it.
//   - A file may be changed between the check and its use, and be changed back before the
//     next. Where that matters the medium is read-only while the device runs
//     (dm-verity, squashfs), and this package tells that the image is the right one.
//   - It prevents no change and no reading.
//   - What [Release].Exclude names is not checked: mutable state, and whatever is run from
//     there. The patterns are signed, so a device cannot widen them. Links may lead there.
//   - Owners, other mode bits, times, extended attributes, hard links and empty folders
//     are not in a manifest.
//   - A file that was replaced by a named pipe between the look at its folder and the
//     opening may hold a check up until its ctx ends, and longer.
//
// # Threats
//
// Who can write to the medium while the device is off, or through a fault of a program
// while it runs, but does not have the vendor's key; a worn medium; an older release put
// back with its genuine manifest; a hostile manifest, which is bounded in size, number
// and length, whose lines have one form only, and which is refused with line and rule; a tree made to
// exhaust memory (folders are read in parts, findings are counted and the first are
// kept), to lead out of itself (links are compared and never followed by the walk), or
// to be hashed for ever (a file is read to its expected size and no further).
// The tree should be an [os.Root]: it follows no link out even if one is put there
// between the look and the opening.
//
// # Format
//
// The first line is a DSSE envelope of package receipt, over a statement whose subject
// is the product with the SHA-256 of all further lines. These are JSON, one line for a
// file or a link, in the order of the bytes of their paths, in one canonical form:
//
//	{"path":"bin/agent","size":123,"sha256":"…","mode":"x"}
//	{"path":"lib/libz.so","target":"libz.so.1"}
//
// See docs/formats.md. A reader verifies the signature over some hundred bytes, then one
// digest, before it reads a line.
//
// # Answer
//
// [Policy.Decide] is a table: a release on trial is rolled back; a confirmed one gives
// way to the other slot if that verifies, else is installed anew; if neither is
// possible, or not yet, the response holds that the vendor declared. This package
// carries nothing out. [Monitor] is the part that checks, decides, logs and calls who
// does.
//
// Everything may be used concurrently. A check uses all cores, a buffer of 256 KiB for
// each, some 250 bytes for each entry beside the manifest, and no more for large files.
// Nothing is written to a medium, so that a power cut finds nothing to harm.
//
//	root, err := os.OpenRoot("/")
//	...
//	report, err := integrity.Check(ctx, root.FS(), manifest, integrity.Expect{
//		Keys: []crypto.PublicKey{vendor}, Product: "gateway", Version: "1.4.2", MinNumber: floor,
//	}, nil)
//	...
//	if !report.Whole() {
//		...
//	}
package integrity
