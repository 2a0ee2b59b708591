package transport

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/durable"
)

// Options are the options of [Server] and [Client]. Nil options mean the defaults.
type Options struct {
	// Now tells the time and its quality, in a device [durable.Clock.Now]; nil takes
	// the system's clock as set.
	Now func() (time.Time, durable.Quality)
	// Protocols are the application protocols (ALPN), best first; none: any.
	Protocols []string
}

func (o *Options) orDefaults() Options {
	var out Options
	if o != nil {
		out = *o
	}
	if out.Now == nil {
		out.Now = func() (time.Time, durable.Quality) { return time.Now(), durable.Set }
	}
	return out
}

// Server returns the configuration of a server that shows identity. With peers it
// serves only those, by their certificates. With nil peers it asks for no certificate:
// then every client is a stranger, whom an authenticator of access must ask for more.
// The certificate must be for identity's key, or nothing is served. A later change of
// peers does not count: make another configuration.
func Server(identity tls.Certificate, peers *Peers, opts *Options) (*tls.Config, error) {
	c, o, err := build(identity, opts)
	if err == nil && len(c.Certificates) == 0 {
		err = invalid("no identity")
	}
	if err != nil {
		return nil, fmt.Errorf("transport: server: %w", err)
	}
	if peers == nil {
		return c, nil
	}
	p, err := peers.clone()
	if err != nil {
		return nil, fmt.Errorf("transport: server: %w", err)
	}
	// The chain is judged by VerifyConnection alone: the library's own judgement knows
	// one time and no pins.
	c.ClientAuth = tls.RequireAnyClientCert
	c.ClientCAs = x509.NewCertPool() // tells clients which certificate to show
	for _, root := range p.Roots {
		c.ClientCAs.AddCert(root)
	}
	v := &verifier{peers: p, usage: x509.ExtKeyUsageClientAuth, now: o.Now}
	c.VerifyConnection = v.connection
	return c, nil
}

// Client returns the configuration of a client that connects to peers and shows
// identity if it is asked. Peers are required: with Roots also a name, since an issuer
// vouches for many. The first name that is a DNS name is sent to the server. An identity
// without certificate shows none.
func Client(identity tls.Certificate, peers *Peers, opts *Options) (*tls.Config, error) {
	if peers == nil {
		return nil, fmt.Errorf("transport: client: %w", invalid("no peers: any server would do"))
	}
	p, err := peers.clone()
	if err != nil {
		return nil, fmt.Errorf("transport: client: %w", err)
	}
	if len(p.Names) == 0 && len(p.Pins) == 0 {
		return nil, fmt.Errorf("transport: client: %w", invalid("peers with Roots need Names or Pins: any server of the issuer would do"))
	}
	c, o, err := build(identity, opts)
	if err != nil {
		return nil, fmt.Errorf("transport: client: %w", err)
	}
	for _, name := range p.Names {
		if c.ServerName == "" && isDNS(name) {
			c.ServerName = name
		}
	}
	v := &verifier{peers: p, usage: x509.ExtKeyUsageServerAuth, now: o.Now}
	// Not less verification, another one: VerifyConnection is always called, and judges
	// chain, time, names and pins.
	c.InsecureSkipVerify = true
	c.VerifyConnection = v.connection
	return c, nil
}

// build makes what both ends have in common.
func build(identity tls.Certificate, opts *Options) (*tls.Config, Options, error) {
	o := opts.orDefaults()
	c := &tls.Config{
		MinVersion:             tls.VersionTLS13,
		SessionTicketsDisabled: true,
		Renegotiation:          tls.RenegotiateNever,
		NextProtos:             slices.Clone(o.Protocols),
		Time:                   func() time.Time { t, _ := o.Now(); return t },
	}
	if len(identity.Certificate) > 0 || identity.PrivateKey != nil {
		whole, err := check(identity)
		if err != nil {
			return nil, o, err
		}
		c.Certificates = []tls.Certificate{whole}
	}
	return c, o, nil
}

// Features returns what configurations of this package answer of 27402 5.2.5: data on
// its way is protected (5.2.5.1.1.B), by cryptography (5.2.5.1.4). A part whose
// connections all use them includes it in its own.
func Features() []clause.Feature {
	return []clause.Feature{{
		ID: "transport.tls", Clauses: []clause.ID{clause.C5_2_5_1_1_B, clause.C5_2_5_1_4}, Package: "protect/transport",
		Summary:  "connections are TLS 1.3 with named peers",
		Settings: []clause.Setting{{Name: "version", Value: "1.3"}, {Name: "resumption", Value: "off"}},
	}}
}
