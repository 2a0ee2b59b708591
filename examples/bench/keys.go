package bench

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"time"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/update/publish"
)

// Files of the bench. At a real manufacturer's each key has a place of its own: that
// of root lies in a safe.
const (
	keysDir    = "keys"
	signerFile = keysDir + "/settings.asc" // OpenPGP, signs settings
	caFile     = keysDir + "/ca.der"       // certificate of the authority of the server
	certFile   = keysDir + "/server.pem"   // certificate and key of the server
)

func roleFile(role string) string { return keysDir + "/" + role + ".pem" }

// makeKey makes the Ed25519 key of a role.
func makeKey(fsys durable.FS, role string) error {
	key, err := publish.GenerateKey()
	if err != nil {
		return err
	}
	text, err := publish.EncodeKey(key)
	if err != nil {
		return err
	}
	return write(fsys, roleFile(role), text)
}

func roleKey(fsys durable.FS, role string) (crypto.Signer, error) {
	text, err := read(fsys, roleFile(role))
	if err != nil {
		return nil, err
	}
	return publish.ParseKey(text)
}

// makeServer makes an authority and a certificate for host, and forgets the
// authority's key: it signs nothing else.
func makeServer(fsys durable.FS, host string) error {
	ca, caKey, err := certificate("bench authority", nil, nil, func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	})
	if err != nil {
		return err
	}
	cert, key, err := certificate(host, ca, caKey, func(c *x509.Certificate) {
		c.KeyUsage, c.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		if ip := net.ParseIP(host); ip != nil {
			c.IPAddresses = []net.IP{ip}
		} else {
			c.DNSNames = []string{host}
		}
	})
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
	text = append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})...)
	return errors.Join(write(fsys, caFile, ca.Raw), write(fsys, certFile, text))
}

const yearsOfServer = 10

// certificate makes one for a new P-256 key, signed by the parent or itself.
func certificate(name string, parent *x509.Certificate, parentKey crypto.Signer, more func(*x509.Certificate)) (*x509.Certificate, crypto.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, nil, err
	}
	now := time.Now()
	c := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(yearsOfServer, 0, 0),
	}
	more(c)
	if parent == nil {
		parent, parentKey = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), parentKey)
	if err != nil {
		return nil, nil, err
	}
	c, err = x509.ParseCertificate(der)
	return c, key, err
}

func serverCertificate(fsys durable.FS) (tls.Certificate, error) {
	text, err := read(fsys, certFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(text, text)
}
