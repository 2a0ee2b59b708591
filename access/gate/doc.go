// Package gate is the only way in and out of a device (27402 5.2.6.1.1): the list
// of its interfaces and outgoing flows, each with its reason, and listeners and dial
// functions that work only while their entry is enabled.
//
// # What it secures
//
// Nothing of this module listens or dials but through a [Gate]; a test over the
// syntax tree holds it to that. What is not on the list does not exist. Disabling an
// entry closes its listener and its live connections before [Gate.Configure]
// returns. A flow reaches only the hosts that its entry names.
//
// # What it does not
//
// Unix sockets are still to come: a socket's file that a power cut or a crash left
// behind blocks the next listener, and removing it is a write to a medium. What must
// stay in the device listens on a loopback address.
//
// It authenticates nobody: whoever accepts from a listener does. It cannot see what
// code outside of this module opens. It keeps nothing: which entries are disabled is
// a setting of the device ([Settings], for a config.Applier), so after a power cut
// the stored settings hold, and what never was enabled stays shut until then.
//
// What is logged follows what is done, outside of every lock, so that a log handler
// may use the gate. Refused connections are one record in ten seconds for each entry,
// with a count: a stranger causes as many as he likes. Those counted last are told at
// the next connection after that time, or by Close.
//
//	g, err := gate.New(gate.List{
//		Interfaces: []gate.Interface{{Name: "web", Network: "tcp", Address: ":443", Reason: "the owner's page"}},
//		Flows:      []gate.Flow{{Name: "updates", Hosts: []string{"updates.example.com:443"}, Reason: "releases"}},
//	}, nil)
//	l, err := g.Listen(ctx, "web")    // a net.Listener
//	dial, err := g.Dialer("updates")  // for httpsource.Options.Dial
package gate
