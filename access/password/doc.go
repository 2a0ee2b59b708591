// Package password keeps and verifies passwords of persons (27402 5.2.6.1.2).
//
// A [Hasher] makes argon2id hashes (RFC 9106) in the PHC format, one at a time, so
// that logins cannot exhaust the memory. A [Store] keeps one per person, bound to the
// ownership of the device, and makes the [access.Entity] of who knows his:
//
//	hasher, err := password.NewHasher(&password.HasherOptions{Params: params}) // of Calibrate
//	users, err := password.NewStore(store, guard, hasher, nil)
//	err = guard.Commission(ctx, access.Owner{ID: "ann", Roles: []string{"owner"}},
//		func(ctx context.Context) error { return users.Set(ctx, "ann", password.New(typed)) })
//	ann, err := users.Verify(ctx, "ann", password.New(typed), "lan", session)
//
// # What it secures
//
// Stolen hashes: memory-hard, salted, at the cost of [Default] unless calibrated.
// Names: a name that nobody has is answered as a wrong password is, at the same cost;
// only while hashes of an older cost wait for their upgrade, and by the microseconds
// that reading a record takes, does an answer differ. Memory: lengths, and the costs
// that a stored hash may ask for, are bounded. Ownership: a password of an ended
// ownership is dead. Sessions: to set or delete a password ends every entity of the
// person. Logs: a [Password] does not print, and failed logins are folded.
//
// # What it does not
//
// It does not throttle guesses (access/login does; without it do not put Verify on a
// remote interface), and has no list of common passwords yet, only a length in
// characters, 15 unless the password is one of several factors. It has no mode for
// FIPS 140: argon2id is not approved there. Composition rules and forced changes are
// left out on purpose (SP 800-63B).
//
// # Threats
//
// A remote guesser is slowed by the hash only. A forged record cannot ask for more
// than 64 MiB and 16 passes, but who can write the store can set a password: it must
// be authenticated, a compartment of the vault. A stranger who types his password into
// the field of the name does not find it in the log.
//
// # What survives a power cut
//
// Each password is one value: [Store.Set], [Store.Delete], [Subjects.Erase] and the
// upgrade in [Store.Verify] leave the old or the new one, and the new one once they returned nil.
package password
