package transport

import (
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"io/fs"
	"net"
	"slices"
	"strings"
)

// The limits of [Peers] and of what a peer presents.
const (
	maxRoots = 16
	maxNames = 64
	maxPins  = 64
	maxChain = 8
)

// Peers says who may be at the other end. Each rule that is given must be met; Roots or
// Pins must be given.
type Peers struct {
	// Roots are the issuers that a chain may lead to. Without, the certificate is its
	// own authority and Pins decide.
	Roots []*x509.Certificate
	// Names are DNS names, IP addresses or URIs, of which the certificate must have one
	// as a subject alternative name, exactly as it stands here, but for upper and lower case in DNS names.
	Names []string
	// Pins are SHA-256 hashes of public keys, see [Pin].
	Pins [][sha256.Size]byte
}

// Pin returns the hash by which the key of a certificate is pinned: SHA-256 of its
// SubjectPublicKeyInfo, as in RFC 7469.
func Pin(c *x509.Certificate) [sha256.Size]byte { return sha256.Sum256(c.RawSubjectPublicKeyInfo) }

// clone checks p and returns a copy, so that the caller's changes do not count.
func (p *Peers) clone() (*Peers, error) {
	switch {
	case len(p.Roots) == 0 && len(p.Pins) == 0:
		return nil, invalid("peers need Roots or Pins: nobody would be refused")
	case len(p.Roots) > maxRoots || len(p.Names) > maxNames || len(p.Pins) > maxPins:
		return nil, invalid(fmt.Sprintf("more than %d roots, %d names or %d pins", maxRoots, maxNames, maxPins))
	case slices.Contains(p.Roots, nil):
		return nil, invalid("a root is nil")
	}
	c := &Peers{Roots: slices.Clone(p.Roots), Pins: slices.Clone(p.Pins)}
	for _, name := range p.Names {
		if name == "" || len(name) > 253 || strings.ContainsAny(name, "* \t\r\n") {
			return nil, invalid(fmt.Sprintf("name %.80q: want 1 to 253 bytes, no wildcard", name))
		}
		c.Names = append(c.Names, canonical(name))
	}
	return c, nil
}

func invalid(rule string) error { return fmt.Errorf("%s: %w", rule, fs.ErrInvalid) }

// canonical is the form in which names are compared. A URI stays as it is.
func canonical(name string) string {
	if strings.Contains(name, ":") {
		if ip := net.ParseIP(name); ip != nil {
			return ip.String()
		}
		return name
	}
	return strings.ToLower(name)
}

// named reports whether leaf has one of the names.
func (p *Peers) named(leaf *x509.Certificate) bool {
	var has []string
	for _, name := range leaf.DNSNames {
		has = append(has, canonical(name))
	}
	for _, ip := range leaf.IPAddresses {
		has = append(has, ip.String())
	}
	for _, uri := range leaf.URIs {
		has = append(has, uri.String())
	}
	return slices.ContainsFunc(has, func(name string) bool { return slices.Contains(p.Names, name) })
}
