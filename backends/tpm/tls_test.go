package tpm_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/protect"
)

// TestIdentity: a key in the TPM signs a request, gets a certificate, and authenticates
// the device in TLS 1.3 and 1.2.
func TestIdentity(t *testing.T) {
	keys := newDevice(t, nil).on().provision()
	blob, err := keys.CreateKey(t.Context(), protect.ECDSAP256)
	require.NoError(t, err)
	signer, err := keys.OpenKey(t.Context(), blob)
	require.NoError(t, err)
	request, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "gateway-7"}}, signer)
	require.NoError(t, err)
	csr, err := x509.ParseCertificateRequest(request)
	require.NoError(t, err)
	require.NoError(t, csr.CheckSignature())

	authority, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "vendor"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: csr.Subject, DNSNames: []string{"gateway-7"}, NotBefore: root.NotBefore, NotAfter: root.NotAfter,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	issued, err := x509.CreateCertificate(rand.Reader, leaf, root, csr.PublicKey, authority)
	require.NoError(t, err)
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, authority.Public(), authority)
	require.NoError(t, err)
	trusted, err := x509.ParseCertificate(rootDER)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(trusted)
	for _, version := range []uint16{tls.VersionTLS13, tls.VersionTLS12} {
		cfg := &tls.Config{
			Certificates: []tls.Certificate{{Certificate: [][]byte{issued}, PrivateKey: signer}}, RootCAs: pool, ClientCAs: pool,
			ClientAuth: tls.RequireAndVerifyClientCert, ServerName: "gateway-7", MinVersion: version, MaxVersion: version,
		}
		here, there := net.Pipe()
		server, client := tls.Server(here, cfg), tls.Client(there, cfg)
		go func() { _, _ = server.Write([]byte("hello")); _ = server.Close() }()
		text, err := io.ReadAll(client)
		require.NoError(t, err)
		require.Equal(t, "hello", string(text))
		require.Equal(t, version, client.ConnectionState().Version)
	}
	require.NoError(t, signer.Close())
	_, err = signer.Sign(rand.Reader, make([]byte, 32), crypto.SHA256)
	require.Error(t, err)
}
