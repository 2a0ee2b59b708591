// Package publish is the vendor's side of updates (27402 5.2.7): a repository of The
// Update Framework in a directory, which any web server can serve and backends/tuf
// follows. It runs at the vendor's bench, never on a device.
//
// What it secures: four roles with separate keys, thresholds and expiry; the images
// of a release, the document that lists them and the metadata appear all at once for
// whoever reads the directory meanwhile, because every file but timestamp.json is
// written once, under a name of its own, and timestamp.json is replaced last; the
// numbers and floors of releases only rise; what is signed was verified before.
//
// What it does not: keep keys (it takes crypto.Signers, which may be hardware), build
// or judge images, lock the directory against a second publisher, serve. Signatures by
// several persons at several places, delegations and deltas are still to come.
//
// The root cannot be renewed yet: neither its keys nor its expiry. Once it expires, a
// year after Init unless Roles say otherwise, devices take nothing from the repository
// any more. Give the root an expiry that outlives your need of this version, or write
// the next root with another TUF tool: Open follows the chain of roots it finds.
// [Repository.Status] warns when a third of the time is left.
//
// Threats: a crash while publishing, a slip that publishes an older number, other
// bytes under a path that devices may be reading, signing with a key of another role.
//
// A power cut at any step leaves the repository as it was or with the whole release;
// files that nothing lists may be left over, and harm nobody.
//
//	fsys, err := durable.OpenRaw("/srv/updates", nil)
//	...
//	repo, err := publish.Init(ctx, fsys, publish.Roles{
//		Root: publish.Role{Signers: root}, Targets: publish.Role{Signers: targets},
//		Snapshot: publish.Role{Signers: snapshot}, Timestamp: publish.Role{Signers: timestamp},
//	}, nil)
//	...
//	release, err := repo.AddRelease(ctx, update.Release{Product: "gateway", Channel: "stable", Version: "1.1", Number: 2,
//		Components: []update.Component{{Name: "system", Version: "1.1"}}}, map[string]io.Reader{"system": image})
package publish
