// Package httpsource is an update.Source over HTTPS: it brings the bytes of a vendor's
// repository, from any offset, through a dial function that access/gate hands out.
//
// What it secures: the transport (TLS by the vendor's or the system's roots; plain
// HTTP only to this machine itself, and only when allowed), and that a server cannot
// hold the device: what it may send is bounded in bytes, time, headers and redirects,
// and an answer that is not the range that was asked for is refused. It sends no
// cookie, no credential and no word about the device.
//
// What it does not: say that the bytes are right. No server is trusted for that; the
// digest in the verified metadata decides (package update, backends/tuf). It does not
// hide which files are fetched from who sees the connections' lengths.
//
// Threats: a server or proxy that answers short, long, endlessly, slowly, with another
// range, another file half way, compressed to explode, with errors, or sends the
// device elsewhere; a network that cuts connections. Each gives an error that is
// update.ErrUnavailable, or reads less, and the caller goes on from where it stopped.
//
// It keeps nothing on a medium, so a power cut means nothing to it.
//
//	source, err := httpsource.New("https://updates.example.com/gateway", &httpsource.Options{
//		Dial: gate.Dialer("updates"),
//	})
//	if err != nil {
//		return err
//	}
//	r, at, err := source.Open(ctx, "targets/"+name, offset, -1)
package httpsource
