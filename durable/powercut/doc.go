// Package powercut is a test machine that loses power, and a runner that shows
// for one operation of a device that every power cut and every failure of the
// medium leaves the old state or the new one. It is for tests and kits: it
// imports testing, and no device code imports it.
//
// A vendor tests its own code with it by writing that code against
// [durable.Store] or [durable.FS] and describing each operation by an [Op]:
//
//	func TestPowerCutRename(t *testing.T) {
//		powercut.Run(t, powercut.Op{
//			Name: "Rename", Methods: []string{"Device.Rename"},
//			Before: func(ctx context.Context, m *powercut.Machine) error { return open(m).Rename(ctx, "pump") },
//			Do:     func(ctx context.Context, m *powercut.Machine) error { return open(m).Rename(ctx, "valve") },
//			State:  func(ctx context.Context, m *powercut.Machine) (string, error) { return open(m).Name(ctx) },
//		})
//	}
//
// where open opens the device on m.FS(), as a restarted process does. [Covered]
// makes sure that no method that changes something was forgotten.
//
// # What is played
//
// A step is one call that changes something: Open with Create, Mkdir, Rename,
// Remove, WriteAt, Truncate, Sync, and [Machine.Step] and [Machine.Store] for
// media that are no files. One counter counts the steps of all media. Run loses
// power before each step and after the last one. Each time it starts the device
// again on every [Survivor]:
//
//   - The operations on the entries of a directory since its last Sync have
//     reached the medium up to any one of them, each directory on its own.
//   - A file that was not synced, each on its own, has the content of its last
//     Sync; everything; everything but the last operation; the last write cut at
//     1, 512, or all but one byte; the last write without its first sector, which
//     keeps what was there before or zeros, since the sectors of one write reach a
//     medium in any order (512 bytes, and also as much as lies before the next
//     multiple of 512 in the file); the last write without those before it; zeros in
//     the space that it gained; or stale bytes there: its own older ones, those of
//     the file replaced or removed last, those of the longest other file, from the
//     same place or, of a shorter file, repeated from its beginning, so that sound
//     records of another time and place appear.
//   - The entries of directories, and then the contents of files, are combined in
//     all ways up to 64. Above that each one takes all its values while the others
//     are all as last synced, or all complete.
//   - Media that are no files have done what they acknowledged.
//
// With the power on, Run also plays at each step each [Fault] that fits it: an
// input/output error with and without a torn write, a full medium until Do
// returns, a lost reply. The power then fails at each call site that Do reaches
// after one of these faults, once: where it undoes, falls back or goes on. A failed
// Sync of a file loses what was pending, although the running machine still reads
// it and the next Sync gives nil. The power fails right after Do, too. What Do does in
// a [Machine.Attempt] is also done again after each of these faults, on the same
// objects, with cuts as before. When State
// changes something, it is a recovery, and the power fails a second time before
// each of its steps.
//
// # What is checked
//
//   - Old or new, never mixed: State gives the words for the state before Do or for
//     that after it, or what Legal allows. An error of State is neither.
//   - Acknowledged means kept: once Do returned nil, only the new state will do.
//     A Do that takes a failure for success acknowledges, even after the cut.
//   - Works again: Do succeeds from there and gives what it gives on a machine
//     that never failed: from old the new state, from new that of
//     doing it twice, with the same error if the second time is one. A second
//     cut right after it finds that on the medium when it was acknowledged.
//   - Done again is done: an Attempt that failed and, made again, gives nil has
//     happened, once or twice, or as Retried allows, and is kept. It works again from
//     there, too; what Do then gives nobody can name, but it is kept.
//
// This holds for every distinct survivor, and, after a fault, for the running
// machine, where a new process finds what the cache still holds. So who reports
// a failed Sync also undoes or rewrites what it had written, and who finds its
// work done already syncs before saying so.
//
// # What is not checked
//
// Bit rot (see [Flip]), media that lie about Sync, an old disk put back (see
// [Machine.Image]), faults during recovery, more than two cuts in a row, and
// concurrent callers: Do may use goroutines, but only the order of steps that
// happened is played. The package secures nothing itself: it shows a threat, the
// power cut of clauses 27402 5.2.3 to 5.2.7, at work on code that must survive it.
//
// # The output line, and showing that the test can fail
//
// Points are the call sites of steps: the kind of step, the line outside this
// package that asked for it, and the nearest line outside package durable. Those of
// Do count with and without a fault, and those of the recovery after a cut. Reached
// are those before which the power was really cut; all must be. States are
// the distinct contents of the media after cuts, cuts the cuts played, tries the
// attempts that were made again.
//
// With the environment variable POWERCUT_BREAK every Sync of Do and State is
// broken, and Run must find it: nofsync (of a file: does nothing, gives nil),
// nodirsync (of a directory, likewise), swap (takes effect before the last
// operation, not after it). What Before did stays at rest.
//
// # Equal runs
//
// Every run draws the same numbers from crypto/rand, by testing/cryptotest, so
// that equal content is known to be equal. Tests that use Run can therefore not be
// parallel. Content should not hold the time of day either.
package powercut
