package transport_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/protect/transport"
)

// FuzzPeer: whatever certificates a peer shows, it is refused with a reason, unless it is
// the one that is expected.
func FuzzPeer(f *testing.F) {
	ca := usualAuthority(f)
	good := ca.issue(f, "peer.local", nil)
	f.Add(good.Certificate[0], ca.cert.Raw, true)
	f.Add(ca.issue(f, "other.local", nil).Certificate[0], []byte{}, false)
	f.Add([]byte{0x30}, []byte{}, true)
	f.Fuzz(func(t *testing.T, leaf, between []byte, known bool) {
		quality := durable.LowerBound
		if known {
			quality = durable.Authenticated
		}
		c, err := transport.Client(tls.Certificate{}, ca.peers("peer.local"), &transport.Options{
			Now: func() (time.Time, durable.Quality) { return now(), quality },
		})
		require.NoError(t, err)
		var state tls.ConnectionState
		for _, der := range [][]byte{leaf, between} {
			cert, err := x509.ParseCertificate(der)
			if err != nil {
				continue // the library refuses the handshake
			}
			state.PeerCertificates = append(state.PeerCertificates, cert)
		}
		err = c.VerifyConnection(state)
		if err == nil {
			require.Equal(t, good.Leaf.RawTBSCertificate, state.PeerCertificates[0].RawTBSCertificate)
			return
		}
		require.True(t, errors.Is(err, transport.ErrExpired) || errors.Is(err, transport.ErrIssuer) || errors.Is(err, transport.ErrName), "%v", err)
	})
}
