// Package update replaces a device's software (27402 5.2.7): whatever happens in
// between, one confirmed, verified release starts.
//
// # What it secures
//
// Only what the vendor's verified metadata lists is installed ([Trust]): the release
// document by its digest, each image by length and digest, both while it is written and
// once more read back from the medium before it is activated. Bytes come from a [Source]
// that is not trusted. A release below the running one, below the floor, revoked by the
// vendor or failed on this device is refused. Who checks, installs, confirms and rolls
// back needs a permission, which is asked again before what cannot be undone. Until the
// device restarts, who asked for an installation must still hold it as well as the service
// that carries it out; events say who asked, what was refused, and what became of it.
//
// A revocation names numbers, since the program knows its own. The newest document that
// was verified is kept, so that what it revokes is neither started nor confirmed when the
// vendor cannot be asked any more; what was armed is disarmed, and a trial ends.
//
// A new release is on trial: it must be healthy without a break, or is rolled back, by
// Run or, if it does not even start, by the boot loader; it is not tried again then. A
// release with several components is all of them or none.
//
// # What runs, and what is believed
//
// What runs, what is the next to start and what is on trial is told by the boot chain
// ([Installer].Inventory); which release that is by the running program itself, in which
// the vendor's build compiled its [Version]. The journal, the record "update/journal", is
// readable before the vault is, so it is plain, and anybody may have written it: it says
// how far an installation came, and why. Whatever it says leads at most to rolling a trial
// back, disarming, verifying again, fetching again, refusing a release, or waiting. What
// it calls verified is read back again by the program that activates it, and only Install
// activates, as somebody who may.
//
// The floor is raised by three things together, after what decides the boot was confirmed:
// the boot chain says that the running release is confirmed; the program says its number;
// and the release document of that very number is the one that the verified metadata
// lists now. The copy of the document that is kept beside the journal saves fetching it
// and proves nothing; a gate that is asked about a restart or a confirmation sees it if the
// verified metadata lists it, and else a release without fields, or with what the program
// says of itself. When the vendor cannot be reached, or offers another release by
// then, the floor waits until a Check finds the document again; [Version].Floor, in the
// image, waits for nothing. A floor never rises above the number of the confirmed release.
//
// # What it does not
//
// It verifies nothing that starts before this program: that is the boot loader's, by
// secure boot (27402 5.2.7.2.J). Who can write the slots or the boot variable behind the
// back of the system can start what he likes. Who can write the journal can stop updates,
// and start an installation anew. With several components he can also have a part that
// does not decide the boot put back to the place before it. Who can write "update/newest"
// can have a trial given up by a revocation that the vendor did not make, or make a
// device forget one until it finds the vendor again; with "update/release" he can hide
// that what is armed was revoked, until it is started and says its number. A program that
// says a wrong number is not found out while its document cannot be verified.
//
// The journal holds the id of who asked while an installation is under way, readable
// without the vault; what the log says of him after a restart of the device is believed
// of it. After such a restart, and for what he set as [Policy], the device goes on by the
// permission of the service alone: no mandate is kept. An armed release also starts when
// the power goes before the right was seen to be lost.
//
// Windows, postponement and notices are those of the gates and the composition; there are
// no deltas yet. A trial is confirmed by health, and by a gate that holds back until a
// person agrees.
//
// Threats: a mirror that sends other, too few, too many or no bytes, or sends them slowly
// (refused, within limits of time and traffic); an old release replayed; a right that is
// taken away during a download; a bad release; a power cut; a forged journal;
// a revocation that was seen and is hidden afterwards; wrong bytes that are sent again and
// again to wear out the medium (automatic installations back off, to once a week).
//
// # Power cuts
//
// Intent into the journal, the act, which can be repeated, the result into the journal. The
// place that is written cannot start from before the first byte until everything is
// verified, and the boot variable is last. A download goes on behind the last checkpoint.
// [Updater.Recover] meets what a power cut left, from the boot chain and the journal, with
// neither vault nor entity. Events may come twice.
//
//	u, err := update.Open(ctx, store, update.Parts{
//		Product: "pump", Channel: "stable", Running: update.Version{Version: version, Number: number},
//		Trust: tuf, Source: https, Installers: map[string]update.Installer{"system": slots},
//		Floors: update.NewFloors(vault), Guard: guard, Host: host, Health: health, Interlock: interlock,
//	}, nil)
//	err = u.Recover(ctx)     // first of all
//	go u.Run(asService)      // decides trials
//	r, err := u.Check(asOwner)
//	err = u.Install(asOwner, r.Version)
//
// Package update/updatetest has the kits for [Installer], [Bootloader], [Source] and
// [Floors].
package update
