package transport

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strings"
	"time"
)

// Validity is when a certificate begins and ceases to be valid.
type Validity struct {
	// NotBefore is the earliest time at which the device can have been; the build of
	// its software is one that needs no clock.
	NotBefore time.Time
	// NotAfter is zero for a device that has no date to end: 9999-12-31, as RFC 5280,
	// 4.1.2.5 says.
	NotAfter time.Time
}

// SelfSigned returns a device identity: a certificate for name, a DNS name or an IP
// address, that signer, e.g. of protect.SigningKeys, signs for its own key. Peers know
// it by its [Pin]. It is for servers and clients, and issues nothing. The serial number
// is random. Keep Certificate[0] beside the key's blob: another call makes another one.
func SelfSigned(ctx context.Context, signer crypto.Signer, name string, valid Validity) (tls.Certificate, error) {
	if err := ctx.Err(); err != nil {
		return tls.Certificate{}, fmt.Errorf("transport: self-signed: %w", err)
	}
	template, err := template(name, valid)
	if err == nil {
		err = usable(signer)
	}
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("transport: self-signed: %w", err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, signer.Public(), signer)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("transport: self-signed: %w", err)
	}
	return Identity(signer, der)
}

func template(name string, valid Validity) (*x509.Certificate, error) {
	if valid.NotAfter.IsZero() {
		valid.NotAfter = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	}
	if valid.NotBefore.Year() < 1970 || !valid.NotBefore.Before(valid.NotAfter) {
		return nil, invalid("validity: want a beginning from 1970 on and an end after it")
	}
	serial := make([]byte, 16)
	rand.Read(serial)
	serial[0] = serial[0]&0x7f | 0x40 // positive, and of 16 bytes
	t := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial), Subject: pkix.Name{CommonName: name},
		NotBefore: valid.NotBefore, NotAfter: valid.NotAfter,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
	}
	ip := net.ParseIP(name)
	switch {
	case ip != nil:
		t.IPAddresses = []net.IP{ip}
	case isDNS(name) && len(name) <= 64: // the limit of a common name
		t.DNSNames = []string{name}
	default:
		return nil, invalid(fmt.Sprintf("name %.80q: want a DNS name to 64 bytes or an IP address", name))
	}
	return t, nil
}

// isDNS reports whether s is a DNS name of labels of [a-z0-9-], and no IP address.
func isDNS(s string) bool {
	if net.ParseIP(s) != nil || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return true
}

// Identity returns what a configuration shows: a chain of certificates in DER, the own
// one first, and the signer of its key. A certificate of another key is refused.
func Identity(signer crypto.Signer, chain ...[]byte) (tls.Certificate, error) {
	c, err := check(tls.Certificate{Certificate: chain, PrivateKey: signer})
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("transport: identity: %w", err)
	}
	return c, nil
}

// check says whether certificate and key belong together and can do TLS 1.3, and fills
// in the parsed certificate.
func check(c tls.Certificate) (tls.Certificate, error) {
	signer, ok := c.PrivateKey.(crypto.Signer)
	if !ok || len(c.Certificate) == 0 || len(c.Certificate) > maxChain {
		return c, invalid(fmt.Sprintf("identity: want 1 to %d certificates and a signer", maxChain))
	}
	if err := usable(signer); err != nil {
		return c, err
	}
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		return c, invalid("identity: certificate: " + err.Error())
	}
	public, ok := signer.Public().(interface {
		Equal(other crypto.PublicKey) bool
	})
	if !ok || !public.Equal(leaf.PublicKey) {
		return c, invalid("identity: the certificate is for another key")
	}
	c.Leaf = leaf
	return c, nil
}

// usable says whether a key is of a kind that signs in TLS 1.3.
func usable(signer crypto.Signer) error {
	if signer == nil {
		return invalid("no signer")
	}
	switch signer.Public().(type) {
	case *ecdsa.PublicKey, ed25519.PublicKey, *rsa.PublicKey:
		return nil
	}
	return fmt.Errorf("key of type %T, want ECDSA, Ed25519 or RSA: %w", signer.Public(), errors.ErrUnsupported)
}
