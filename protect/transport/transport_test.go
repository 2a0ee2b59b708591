package transport_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"io/fs"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/softkeys"
	"github.com/iot-device-baseline/baseline/backends/softkeys/signing"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/transport"
)

func expired(c *x509.Certificate) {
	c.NotBefore, c.NotAfter = now().Add(-2*time.Hour), now().Add(-time.Hour)
}

func tomorrow(c *x509.Certificate) {
	c.NotBefore, c.NotAfter = now().Add(time.Hour), now().Add(2*time.Hour)
}

// TestPeerIsJudged plays each certificate at both ends: as a server's before a client
// of ours, and as a client's before a server of ours.
func TestPeerIsJudged(t *testing.T) {
	ca, stranger := usualAuthority(t), usualAuthority(t)
	early := newAuthority(t, now().Add(-2*year), now().Add(-year))
	pinned := ca.issue(t, "peer.local", nil)
	pin := func(id tls.Certificate) *transport.Peers {
		return &transport.Peers{Pins: [][sha256.Size]byte{transport.Pin(id.Leaf)}}
	}
	for _, tc := range []struct {
		name  string
		peer  tls.Certificate
		peers *transport.Peers
		clock *transport.Options
		want  error
	}{
		{"good", ca.issue(t, "peer.local", nil), ca.peers("peer.local"), nil, nil},
		{"expired", ca.issue(t, "peer.local", expired), ca.peers("peer.local"), nil, transport.ErrExpired},
		{"expired, authenticated time", ca.issue(t, "peer.local", expired), ca.peers("peer.local"), clock(now(), durable.Authenticated), transport.ErrExpired},
		{"not yet valid", ca.issue(t, "peer.local", tomorrow), ca.peers("peer.local"), nil, transport.ErrExpired},
		{"issuer expired", early.issue(t, "peer.local", nil), early.peers("peer.local"), nil, transport.ErrExpired},
		{"issuer unknown, and the root expired", stranger.issue(t, "peer.local", nil), early.peers("peer.local"), nil, transport.ErrIssuer},
		{"wrong name", ca.issue(t, "other.local", nil), ca.peers("peer.local"), nil, transport.ErrName},
		{"common name is no name", ca.issue(t, "peer.local", nil), ca.peers("not-a-name.local"), nil, transport.ErrName},
		{"wildcard is no name", ca.issue(t, "*.local", nil), ca.peers("peer.local"), nil, transport.ErrName},
		{"upper case", ca.issue(t, "Peer.LOCAL", nil), ca.peers("peer.local"), nil, nil},
		{"address", ca.issue(t, "x", func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.ParseIP("fd00::7")} }), ca.peers("FD00:0::7"), nil, nil},
		{"uri", ca.issue(t, "x", func(c *x509.Certificate) { c.URIs = append(c.URIs, uri(t, "urn:device:7")) }), ca.peers("urn:device:7"), nil, nil},
		{"unknown issuer", stranger.issue(t, "peer.local", nil), ca.peers("peer.local"), nil, transport.ErrIssuer},
		{"second root", stranger.issue(t, "peer.local", nil), &transport.Peers{Roots: []*x509.Certificate{ca.cert, stranger.cert}, Names: []string{"peer.local"}}, nil, nil},
		{"for nothing", ca.issue(t, "peer.local", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning} }), ca.peers("peer.local"), nil, transport.ErrIssuer},
		{"pinned", pinned, pin(pinned), nil, nil},
		{"pinned and of the issuer", pinned, &transport.Peers{Roots: []*x509.Certificate{ca.cert}, Pins: pin(pinned).Pins}, nil, nil},
		{"pinned and of another issuer", pinned, &transport.Peers{Roots: []*x509.Certificate{stranger.cert}, Pins: pin(pinned).Pins}, nil, transport.ErrIssuer},
		{"another is pinned", ca.issue(t, "peer.local", nil), pin(pinned), nil, transport.ErrPin},
		{"pinned, but expired", ca.issue(t, "peer.local", expired), nil, nil, transport.ErrExpired},
		{"untrusted clock: expired", ca.issue(t, "peer.local", expired), ca.peers("peer.local"), clock(now(), durable.LowerBound), transport.ErrExpired},
		{"untrusted clock: not yet valid", ca.issue(t, "peer.local", tomorrow), ca.peers("peer.local"), clock(now(), durable.LowerBound), nil},
		{"untrusted clock at 1970", ca.issue(t, "peer.local", nil), ca.peers("peer.local"), clock(time.Unix(0, 0), durable.LowerBound), nil},
		{"untrusted clock: never valid with its issuer", early.issue(t, "peer.local", nil), early.peers("peer.local"), clock(time.Unix(0, 0), durable.LowerBound), transport.ErrExpired},
		{"untrusted clock: unknown issuer", stranger.issue(t, "peer.local", nil), ca.peers("peer.local"), clock(time.Unix(0, 0), durable.LowerBound), transport.ErrIssuer},
		{"clock set to 1970", ca.issue(t, "peer.local", nil), ca.peers("peer.local"), clock(time.Unix(0, 0), durable.Set), transport.ErrExpired},
		{"clock set to 2100", ca.issue(t, "peer.local", nil), ca.peers("peer.local"), clock(now().Add(74*year), durable.Set), transport.ErrExpired},
	} {
		if tc.peers == nil {
			tc.peers = pin(tc.peer)
		}
		if tc.clock == nil {
			tc.clock = clock(now(), durable.Set)
		}
		ours, theirs := ca.issue(t, "ours.local", nil), ca.peers("ours.local")
		t.Run(tc.name+"/server", func(t *testing.T) {
			got := connect(t, client(t, ours, tc.peers, tc.clock), server(t, tc.peer, theirs, clock(now(), durable.Set)))
			judge(t, tc.want, got.client, got.server)
		})
		t.Run(tc.name+"/client", func(t *testing.T) {
			got := connect(t, client(t, tc.peer, theirs, clock(now(), durable.Set)), server(t, ours, tc.peers, tc.clock))
			judge(t, tc.want, got.server, got.client)
		})
	}
}

// judge compares what the end said that judges, and sees that the other did not get in.
func judge(t *testing.T, want, got, other error) {
	if want == nil {
		require.NoError(t, got)
		require.NoError(t, other)
		return
	}
	require.ErrorIs(t, got, want)
	require.Error(t, other)
}

func TestNoClientCertificate(t *testing.T) {
	ca := usualAuthority(t)
	opts := clock(now(), durable.Set)
	id := ca.issue(t, "server.local", nil)
	nobody := client(t, tls.Certificate{}, ca.peers("server.local"), opts)
	got := connect(t, nobody, server(t, id, ca.peers("client.local"), opts))
	require.ErrorContains(t, got.server, "certificate")
	require.Error(t, got.client)
	got = connect(t, nobody, server(t, id, nil, opts))
	require.Equal(t, outcome{}, got, "a server without peers serves strangers")
}

// TestOldVersion: TLS 1.2 at the other end, which is a plain Go program.
func TestOldVersion(t *testing.T) {
	ca := usualAuthority(t)
	opts := clock(now(), durable.Set)
	id := ca.issue(t, "peer.local", nil)
	old := &tls.Config{ //nolint:gosec // an old peer is what is tested
		MaxVersion: tls.VersionTLS12, Certificates: []tls.Certificate{id}, InsecureSkipVerify: true,
	}
	got := connect(t, client(t, id, ca.peers("peer.local"), opts), old)
	require.ErrorContains(t, got.client, "protocol version")
	got = connect(t, old, server(t, id, nil, opts))
	require.ErrorContains(t, got.server, "unsupported versions")
}

// TestForeignPeer: ours meets the standard library's own verification at both ends.
func TestForeignPeer(t *testing.T) {
	ca := usualAuthority(t)
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	opts := clock(now(), durable.Set)
	foreign := &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{ca.issue(t, "peer.local", nil)}, RootCAs: pool, ClientCAs: pool,
		ClientAuth: tls.RequireAndVerifyClientCert, ServerName: "ours.local", Time: now,
	}
	ours := ca.issue(t, "ours.local", nil)
	require.Equal(t, outcome{}, connect(t, client(t, ours, ca.peers("peer.local"), opts), foreign))
	require.Equal(t, outcome{}, connect(t, foreign, server(t, ours, ca.peers("peer.local"), opts)))
}

// TestDeviceKeyInMutualTLS: two devices with keys of a real key store, self-signed and
// known to each other by pin.
func TestDeviceKeyInMutualTLS(t *testing.T) {
	for _, alg := range []protect.Algorithm{protect.ECDSAP256, protect.Ed25519} {
		t.Run(alg.String(), func(t *testing.T) {
			gateway, sensor := deviceIdentity(t, "gateway-7.local", alg), deviceIdentity(t, "sensor-1.local", alg)
			opts := clock(now(), durable.LowerBound)
			of := func(id tls.Certificate, name string) *transport.Peers {
				return &transport.Peers{Pins: [][sha256.Size]byte{transport.Pin(id.Leaf)}, Names: []string{name}}
			}
			s := server(t, gateway, of(sensor, "sensor-1.local"), opts)
			require.Equal(t, outcome{}, connect(t, client(t, sensor, of(gateway, "gateway-7.local"), opts), s))
			other := deviceIdentity(t, "sensor-1.local", alg) // the same name, another key
			got := connect(t, client(t, other, of(gateway, "gateway-7.local"), opts), s)
			require.ErrorIs(t, got.server, transport.ErrPin)
		})
	}
}

// deviceIdentity is one of a device of its own.
func deviceIdentity(t *testing.T, name string, alg protect.Algorithm) tls.Certificate {
	dir, err := durable.OpenFS(powercut.New().FS(), nil)
	require.NoError(t, err)
	soft, err := softkeys.Open(t.Context(), dir, nil)
	require.NoError(t, err)
	keys := signing.New(soft)
	blob, err := keys.CreateKey(t.Context(), alg)
	require.NoError(t, err)
	signer, err := keys.OpenKey(t.Context(), blob)
	require.NoError(t, err)
	id, err := transport.SelfSigned(t.Context(), signer, name, transport.Validity{NotBefore: now().Add(-year)})
	require.NoError(t, err)
	return id
}

func TestSelfSigned(t *testing.T) {
	id := deviceIdentity(t, "gateway-7.local", protect.ECDSAP256)
	assert.Equal(t, []string{"gateway-7.local"}, id.Leaf.DNSNames)
	assert.Equal(t, 9999, id.Leaf.NotAfter.Year())
	assert.False(t, id.Leaf.IsCA)
	assert.Equal(t, 127, id.Leaf.SerialNumber.BitLen())
	require.NoError(t, id.Leaf.CheckSignature(id.Leaf.SignatureAlgorithm, id.Leaf.RawTBSCertificate, id.Leaf.Signature))
	_, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	valid := transport.Validity{NotBefore: now()}
	for _, name := range []string{"", "a b", "*.local", "UPPER", "-a", "a..b", strings.Repeat("a", 65), "x\x00y", "1.2.3.4/24"} {
		_, err := transport.SelfSigned(t.Context(), key, name, valid)
		require.ErrorIs(t, err, fs.ErrInvalid, name)
	}
	for _, valid := range []transport.Validity{{}, {NotBefore: now(), NotAfter: now()}} {
		_, err := transport.SelfSigned(t.Context(), key, "a", valid)
		require.ErrorIs(t, err, fs.ErrInvalid)
	}
	_, err = transport.SelfSigned(t.Context(), nil, "a", valid)
	require.ErrorIs(t, err, fs.ErrInvalid)
	withAddress, err := transport.SelfSigned(t.Context(), key, "192.0.2.7", valid)
	require.NoError(t, err)
	assert.Equal(t, "192.0.2.7", withAddress.Leaf.IPAddresses[0].String())
}

// TestNoResumption: a second connection is verified like the first.
func TestNoResumption(t *testing.T) {
	ca := usualAuthority(t)
	opts := clock(now(), durable.Set)
	c := client(t, ca.issue(t, "client.local", nil), ca.peers("server.local"), opts)
	c.ClientSessionCache = tls.NewLRUClientSessionCache(4) // a client that would
	verified := 0
	judge := c.VerifyConnection
	c.VerifyConnection = func(s tls.ConnectionState) error {
		verified++
		assert.False(t, s.DidResume)
		assert.Equal(t, uint16(tls.VersionTLS13), s.Version)
		return judge(s)
	}
	s := server(t, ca.issue(t, "server.local", nil), ca.peers("client.local"), opts)
	require.Equal(t, outcome{}, connect(t, c, s))
	require.Equal(t, outcome{}, connect(t, c, s))
	assert.Equal(t, 2, verified)
}

func TestArgumentsAreChecked(t *testing.T) {
	ca := usualAuthority(t)
	id := ca.issue(t, "a", nil)
	for name, peers := range map[string]*transport.Peers{
		"nothing":    {},
		"names only": {Names: []string{"a"}},
		"wildcard":   ca.peers("*.local"),
		"empty name": ca.peers(""),
		"nil root":   {Roots: []*x509.Certificate{nil}, Names: []string{"a"}},
		"many names": ca.peers(slices.Repeat([]string{"a"}, 65)...),
		"many roots": {Roots: slices.Repeat([]*x509.Certificate{ca.cert}, 17), Names: []string{"a"}},
	} {
		_, err := transport.Client(id, peers, nil)
		require.ErrorIs(t, err, fs.ErrInvalid, name)
		_, err = transport.Server(id, peers, nil)
		require.ErrorIs(t, err, fs.ErrInvalid, name)
	}
	_, err := transport.Client(id, nil, nil)
	require.ErrorIs(t, err, fs.ErrInvalid)
	_, err = transport.Client(id, ca.peers(), nil)
	require.ErrorIs(t, err, fs.ErrInvalid, "any server of the issuer")
	_, err = transport.Identity(newKey(t), id.Certificate[0])
	require.ErrorIs(t, err, fs.ErrInvalid, "another key")
	_, err = transport.Identity(newKey(t), []byte("no certificate"))
	require.ErrorIs(t, err, fs.ErrInvalid)
	_, err = transport.Server(tls.Certificate{}, nil, nil)
	require.ErrorIs(t, err, fs.ErrInvalid, "a server without identity")
	require.NoError(t, clause.Check(transport.Features()))
}

// TestPeersAreCopied: what is changed afterwards does not count.
func TestPeersAreCopied(t *testing.T) {
	ca := usualAuthority(t)
	opts := clock(now(), durable.Set)
	peers := ca.peers("peer.local")
	c := client(t, tls.Certificate{}, peers, opts)
	peers.Names[0] = "other.local"
	require.Equal(t, outcome{}, connect(t, c, server(t, ca.issue(t, "peer.local", nil), nil, opts)))
}
