package transport_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"net/url"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/protect/transport"
)

// now is the time in the tests.
func now() time.Time { return time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC) }

const year = 365 * 24 * time.Hour

// clock is one of a quality that says t.
func clock(t time.Time, q durable.Quality) *transport.Options {
	return &transport.Options{Now: func() (time.Time, durable.Quality) { return t, q }}
}

// authority issues certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

func newAuthority(t testing.TB, from, to time.Time) *authority {
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "issuer"}, NotBefore: from, NotAfter: to,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &authority{cert, key}
}

func usualAuthority(t testing.TB) *authority {
	return newAuthority(t, now().Add(-year), now().Add(year))
}

// issue makes an identity for name, changed by change.
func (a *authority) issue(t testing.TB, name string, change func(*x509.Certificate)) tls.Certificate {
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "not-a-name.local"}, DNSNames: []string{name},
		NotBefore: now().Add(-time.Hour), NotAfter: now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	require.NoError(t, err)
	id, err := transport.Identity(key, der)
	require.NoError(t, err)
	return id
}

func (a *authority) peers(names ...string) *transport.Peers {
	return &transport.Peers{Roots: []*x509.Certificate{a.cert}, Names: names}
}

func uri(t testing.TB, s string) *url.URL {
	u, err := url.Parse(s)
	require.NoError(t, err)
	return u
}

// outcome is what both ends of a connection say.
type outcome struct{ client, server error }

// socketPair is two connected sockets: other than those of net.Pipe they have buffers,
// so that an end can send its alert while the other one is sending too.
func socketPair(t testing.TB) (near, far net.Conn) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	var ends [2]net.Conn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "socket")
		ends[i], err = net.FileConn(f) // it has its own descriptor
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
	return ends[0], ends[1]
}

// connect does a handshake and sends one message each way.
func connect(t testing.TB, client, server *tls.Config) outcome {
	near, far := socketPair(t)
	deadline := time.Now().Add(20 * time.Second)
	require.NoError(t, near.SetDeadline(deadline))
	require.NoError(t, far.SetDeadline(deadline))
	served := make(chan error, 1)
	go func() {
		defer far.Close()
		served <- greet(tls.Server(far, server), true)
	}()
	err := greet(tls.Client(near, client), false)
	require.NoError(t, near.Close())
	return outcome{client: err, server: <-served}
}

func greet(c *tls.Conn, first bool) error {
	if err := c.Handshake(); err != nil {
		return err
	}
	if first {
		if _, err := c.Write([]byte("hello")); err != nil {
			return err
		}
	}
	if _, err := io.ReadFull(c, make([]byte, 5)); err != nil {
		return err
	}
	if !first {
		if _, err := c.Write([]byte("hello")); err != nil {
			return err
		}
	}
	return nil
}

func server(t testing.TB, id tls.Certificate, peers *transport.Peers, opts *transport.Options) *tls.Config {
	c, err := transport.Server(id, peers, opts)
	require.NoError(t, err)
	return c
}

func client(t testing.TB, id tls.Certificate, peers *transport.Peers, opts *transport.Options) *tls.Config {
	c, err := transport.Client(id, peers, opts)
	require.NoError(t, err)
	return c
}
