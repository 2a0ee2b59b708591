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
// back needs a permission, which is asked again before what cannot be undone.
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
// and proves nothing; a gate that is asked about a restart or a confirmation sees no more
// than that copy. When the vendor cannot be reached, or offers another release by
// then, the floor waits until a Check finds the document again; [Version].Floor, in the
// image, waits for nothing. A floor never rises above the number of the confirmed release.
//
// # What it does not
//
// It verifies nothing that starts before this program: that is the boot loader's, by
// secure boot (27402 5.2.7.2.J). Who can write the slots or the boot variable behind the
// back of the system can start what he likes. Who can write the journal can stop updates,
// and start an installation anew. With several components he can also have a part that
// does not decide the boot put back to the place before it. Windows, postponement and
// notices are those of the gates and the composition; there are no deltas yet. A trial is
// confirmed by health, and by a gate that holds back until a person agrees.
//
// Threats: a mirror that sends other, too few, too many or no bytes, or sends them slowly
// (refused, within limits of time and traffic); an old release replayed; a right that is
// taken away during a download; a bad release; a power cut; a forged journal.
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
