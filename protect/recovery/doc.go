// Package recovery brings back what a device was after its root of trust was cleared or
// replaced: settings, identity and security parameters of a vault, and never the data of
// persons, nor logs (27402 5.2.5.1, 5.2.4). It is HPKE (RFC 9180) and signed statements around
// protect.Recover.
//
// # What it secures
//
// The keys of those compartments are sealed for one recipient: whoever has the device, or
// its medium, gets nothing from what is on it. To bring them back takes four: the medium;
// somebody present at the device; the recipient's private key; and, signed by as many
// authorities as the device wants, the leave for this device, this request, this
// generation and this state of the medium. What the recipient opens is sealed again for a
// key that the device made for the request, which is its nonce: it is of no use to who reads
// or keeps the answer, and a second time.
//
// # What it does not
//
// Who has the recipient's private key and an image of the medium, of whatever age, has the
// settings, identity and security parameters of then, also what was erased since: that is
// what escrow means, and why reports and receipts say it (protect.MethodClear). What comes back
// is authentic and of unknown age: an older medium comes back as an older device. The
// request names generation and digest, for whoever keeps records of them. Keys for
// signing are in the key store, and gone with it: the device gets a new identity.
//
// # Threats
//
// A request or an answer read, changed, kept and sent again, or sent to another device; a
// medium exchanged between request and answer; a key store in software in the place of
// the hardware that was lost; a recipient who acts alone, unless he is also the authority:
// use different people.
//
// # Power cuts
//
// A request is in memory: after a restart make another. Recover leaves a vault that is lost
// as before, or one that is recovered: see protect.Recover.
//
//	// In the factory, and at every start:
//	opts := &protect.Options{Escrow: recovery.Escrow(recipient), Presence: button}
//	vault, err := protect.Open(ctx, dir, keys, opts) // protect.ErrLost
//	// At the device that lost its keys, with somebody present:
//	asked, err := recovery.Ask(ctx, dir)
//	// At the vendor's bench, which gets asked.Request():
//	request, err := recovery.ParseRequest(raw)
//	answer, err := request.Answer(recipientKey, authority)
//	// At the device:
//	vault, err = asked.Recover(ctx, dir, keys, opts, answer, recovery.Authorities{Keys: authorities})
package recovery
