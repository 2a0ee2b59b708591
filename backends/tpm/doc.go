// Package tpm is a protect.KeyStore over a TPM 2.0 (ISO/IEC 11889), for a vault whose
// keys are not on its medium.
//
// # What it secures
//
// What is sealed opens on this TPM only: an image of the medium, or the medium in
// another device, does not open ([protect.ErrLost]). Erasure reaches every copy: each
// blob is bound by PolicyNV to the value of a counter in the TPM, the epoch, so that
// [Keys.Advance] makes every older blob useless wherever it was copied to. With
// Options.PCRs it opens only for the software that was measured at the start; with
// Options.Vendor for all software of whose measures the vendor has approved, so that an
// update takes nothing away. Signing
// keys never leave the TPM. Secrets are encrypted between processor and TPM, by
// sessions salted to a storage key whose name was pinned when the device was
// provisioned.
//
// # What it does not
//
// An approval of the vendor's holds for ever: older software that he had approved of opens
// everything, if it can be brought back. Without PCRs, who can start software of his own on the device has the TPM do for him
// what it does for us. A secret is in memory while it is used. An interposer on the bus
// at the very provisioning can put himself in the place of the TPM. A TPM that is a
// program (swtpm) has its state in a file: where that lies on the same medium, an old
// image of it opens again, and nothing is protected against rollback. That a TPM answers
// shows no hardware: [Options.Hardware] is the vendor's word, and without it Info claims
// none.
//
// # Keys and indices
//
//	owner hierarchy -> storage key (persistent 0x81000001, or the ECC P-256 primary)
//	  -> secrets: PolicyPCR? or PolicyAuthorize(vendor)?, PolicyNV(epoch == n); noDA, fixedTPM, fixedParent
//	  -> signing keys: P-256, empty auth; noDA, fixedTPM, fixedParent, made inside
//	NV epoch: counter, read also by the owner, stepped with a secret auth -> Revoker
//	NV count: counter, read and stepped with a secret auth                -> Counter
//
// Both auth values are random and sealed beside the rest. Nothing of it counts as a wrong try
// (noDA): power cuts, which a TPM takes for tries, never lock it out. A TPM holds as
// few as three objects and three sessions: what is loaded for a call is flushed at its
// end, and what a killed process left is flushed by [Open].
//
// # Threats
//
// The medium read, copied, changed, put back or moved; blobs exchanged, damaged, of
// another device, of another life of this one; the TPM cleared or replaced; an index
// undefined and defined again by whoever knows the owner's auth, stepped by strangers, or
// another one at its handle; the bus listened to; other software started.
//
// # Power cuts
//
// [Provision] can be repeated after any cut: what it is about to define is on the medium
// first. Advance and Increment are one command of the TPM, which writes before it
// answers; an answer that was lost is found by Generation and Value.
//
// The TPM is a device of its own: a call that it does not answer gives
// [protect.ErrUnavailable] when its context ends, and is finished, and cleaned up, when
// the answer comes. Commands take up to a second on real chips; a vault needs one a
// start, and a few for an erasure, and none for a record.
//
// Under GODEBUG=fips140=only the sessions with an empty auth panic in crypto/hmac: give
// the TPM an owner auth of 14 bytes or more, or run its calls in
// crypto/fips140.WithoutEnforcement.
package tpm
