package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"strings"
	"time"
)

// show is -serve: a device that is commissioned and goes on running for a person.
func (l *life) show() error {
	l.box.switches = []string{"-page"}
	for _, step := range []func() error{l.provision, l.refuseBeforeCommissioning, l.commission, l.unauthorised} {
		if err := step(); err != nil {
			return err
		}
	}
	err := l.until("the page is served", func(message) bool {
		for _, e := range l.events {
			if url, ok := strings.CutPrefix(e, "page "); ok {
				l.tellf("\nStatus page: %s (the certificate is the device's own). Ctrl-C ends it.", url)
				return true
			}
		}
		return false
	})
	if err != nil {
		return err
	}
	select {
	case <-l.ctx.Done():
		return nil
	case <-l.now.over:
		return unexpected("the device ended: %v", l.now.exit)
	}
}

// pageTLS is TLS 1.3 with the key that never leaves the device, under a certificate
// of its own: a browser asks whether to believe it.
func (g *gateway) pageTLS(context.Context) (*tls.Config, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	now, _ := g.clock.Now()
	c := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: device},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, g.deviceKey.Public(), g.deviceKey)
	if err != nil {
		return nil, err
	}
	cert := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: g.deviceKey}
	return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}}, nil
}
