package transport

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/iot-device-baseline/baseline/durable"
)

// verifier judges the certificate of a peer.
type verifier struct {
	peers *Peers
	usage x509.ExtKeyUsage // what the peer must be allowed to use it for
	now   func() (time.Time, durable.Quality)
}

// connection is tls.Config.VerifyConnection.
func (v *verifier) connection(state tls.ConnectionState) error {
	chain := state.PeerCertificates
	if len(chain) == 0 {
		return refuse(ErrIssuer, "none was given")
	}
	if len(chain) > maxChain {
		return refuse(ErrIssuer, fmt.Sprintf("chain of %d, at most %d", len(chain), maxChain))
	}
	leaf := chain[0]
	if len(v.peers.Pins) > 0 && !v.pinned(leaf) {
		return refuse(ErrPin, "its issuer does not matter")
	}
	if err := v.issued(leaf, chain[1:]); err != nil {
		return err
	}
	if len(v.peers.Names) > 0 && !v.peers.named(leaf) {
		return refuse(ErrName, "it has none of the names that are expected")
	}
	return nil
}

func (v *verifier) pinned(leaf *x509.Certificate) bool {
	pin := Pin(leaf)
	return slices.Contains(v.peers.Pins, pin)
}

// issued looks for a chain to a root. A pinned certificate without roots is its own.
func (v *verifier) issued(leaf *x509.Certificate, others []*x509.Certificate) error {
	roots := v.peers.Roots
	if len(roots) == 0 {
		roots, others = []*x509.Certificate{leaf}, nil
	}
	between := x509.NewCertPool()
	for _, c := range others {
		between.AddCert(c)
	}
	now, quality := v.now()
	expired := false
	for _, root := range roots {
		pool := x509.NewCertPool()
		pool.AddCert(root)
		at := now
		if quality == durable.LowerBound {
			at = earliest(now, append([]*x509.Certificate{leaf, root}, others...))
		}
		_, err := leaf.Verify(x509.VerifyOptions{
			Roots: pool, Intermediates: between, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{v.usage},
		})
		if err == nil {
			return nil
		}
		expired = expired || isExpired(err)
	}
	if expired {
		return refuse(ErrExpired, fmt.Sprintf("the time is %s (%v)", now.UTC().Format(time.RFC3339), quality))
	}
	return refuse(ErrIssuer, "no chain to a root, or not for this use")
}

// earliest is the first time, not before the lower bound, at which all certificates
// have begun to be valid. If one has ended by then, there is no time for the chain.
func earliest(bound time.Time, chain []*x509.Certificate) time.Time {
	for _, c := range chain {
		if c.NotBefore.After(bound) {
			bound = c.NotBefore
		}
	}
	return bound
}

// isExpired reports whether err is about the time, be it of an issuer.
func isExpired(err error) bool {
	var invalid x509.CertificateInvalidError
	return errors.As(err, &invalid) && invalid.Reason == x509.Expired
}
