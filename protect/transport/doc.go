// Package transport makes TLS configurations for a device: version 1.3 only, both ends
// authenticated, times judged as far as the device knows the time (27402 5.2.5.1.1). It
// builds values; access/gate listens and dials with them.
//
// # What it secures
//
// A connection is confidential and unchanged, and the peer is one that [Peers] names:
// by an issuer of this device's choice, never the system's; by exact names, without
// wildcards and without the common name; by pins of public keys. A server that was
// given Peers serves nobody without a certificate. Sessions are not resumed: no tickets
// are given or kept, so that every connection verifies the peer anew and a pin taken
// away counts at once. There is no renegotiation in TLS 1.3, and no early data here.
//
// # Time
//
// With a clock that is set or authenticated a certificate is judged by both ends of
// its validity. With a lower bound only ([durable.LowerBound]: after a start without
// battery and network) what has surely expired is refused, and what is not valid yet
// is taken, if there is a time from now on at which the whole chain is valid: the
// device may need the connection to learn the time. Who has the key of an expired
// certificate of later than the lower bound can use it there.
//
// # What it does not
//
// Revocation lists and OCSP are not asked: an issuer is trusted until the device gets
// other Peers. Who may do what is up to access: a certificate is no permission. A
// server of TLS 1.3 refuses a client after the client believes itself connected: the
// client sees it at its first read. Names and pins are fixed when the configuration is made.
//
// # Threats
//
// A man in the middle; a peer with a certificate of another issuer, for another name,
// or of a stolen key that has expired; a downgrade; somebody who sets the clock back.
//
// Nothing is stored, so that a power cut finds nothing to harm.
//
//	signer, err := keys.OpenKey(ctx, blob)                      // of a protect.SigningKeys
//	...
//	identity, err := transport.SelfSigned(ctx, signer, "gateway-7.local", transport.Validity{NotBefore: build})
//	...
//	server, err := transport.Server(identity, &transport.Peers{Roots: owners, Names: []string{"hub.local"}}, &transport.Options{Now: clock.Now})
//	...
//	listener = tls.NewListener(gated, server)                   // gated: of access/gate
package transport
