// Package receipt makes and checks statements that a device signs: that a
// subject's data was erased, that a release was installed, that a reset ran to
// its end. A statement is an in-toto Statement v1 in a DSSE v1 envelope, so that
// tools which know nothing of this module can check it.
//
// It secures that a statement is whole and comes from the holder of a key. It
// does not say whose key that is: the caller brings the public keys it trusts.
// It does not say when: a time in the predicate is what the device believed. It
// holds no secret and receives only a [crypto.Signer], so a key may stay in a
// root of trust. A statement holds what its maker put in, so personal data must
// be left out or named by a salted digest.
//
// Threats: an envelope changed on its way or on disk; a signature over other
// bytes or another type of payload taken for one over these; a key of another
// kind or too short; a statement without signature shown as one with; hostile
// input, which is bounded in size, depth and number and refused with field and
// rule. Payload bytes are parsed only after a signature over them was verified.
// Replay is not prevented: name the device, the operation and a nonce in the
// subject or the predicate where that matters.
//
// It keeps no state and does no input or output: an envelope is kept by whoever
// stores it, for example in a durable.Store. Everything may be used concurrently.
//
//	st := &receipt.Statement{
//		Subject:       []receipt.Subject{{Name: "job-17", Digest: map[string]string{"sha256": digest}}},
//		PredicateType: "https://example.com/erasure/v1",
//		Predicate:     json.RawMessage(`{"method":"crypto-erase"}`),
//	}
//	envelope, err := receipt.Sign(st, deviceKey)
//	...
//	st, err = receipt.Verify(envelope, deviceKey.Public())
//
// Sources: in-toto attestation framework v1 (statement), DSSE v1.0.2 (envelope
// and pre-authentication encoding). 27402 5.2.4.2 asks that a user be told of an
// erasure; the standard does not ask for signatures.
package receipt
