package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"sync/atomic"

	"github.com/iot-device-baseline/baseline/backends/httpsource"
	"github.com/iot-device-baseline/baseline/backends/tuf"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/protect/transport"
	"github.com/iot-device-baseline/baseline/update"
)

// vendor returns the way to the manufacturer's server, which is not trusted, and his
// verified metadata.
func (g *gateway) vendor(ctx context.Context) (update.Source, update.Trust, error) {
	dial, err := g.gate.Dialer("vendor")
	if err != nil {
		return nil, nil, err
	}
	security, err := g.vendorTLS()
	if err != nil {
		return nil, nil, err
	}
	source, err := httpsource.New("https://"+g.how.vendor+"/", &httpsource.Options{
		Dial: dial, TLS: security,
	})
	if err != nil {
		return nil, nil, err
	}
	g.fetched = &counted{Source: source}
	trust, err := tuf.Open(ctx, durable.Sub(g.dir, "tuf"), source, g.img.Root, &tuf.Options{Clock: g.clock, Floors: g.floors})
	return g.fetched, trust, err
}

// vendorTLS is TLS 1.3 to a server that has the name it was dialled by, and a
// certificate of the authority in the image.
func (g *gateway) vendorTLS() (*tls.Config, error) {
	ca, err := x509.ParseCertificate(g.img.CA)
	if err != nil {
		return nil, fmt.Errorf("authority of the manufacturer's servers: %w", err)
	}
	host, _, err := net.SplitHostPort(g.how.vendor)
	if err != nil {
		return nil, err
	}
	return transport.Client(tls.Certificate{}, &transport.Peers{Roots: []*x509.Certificate{ca}, Names: []string{host}},
		&transport.Options{Now: g.clock.Now})
}

// counted counts what a Source brought since the program started.
type counted struct {
	update.Source
	bytes atomic.Int64
}

// Open implements [update.Source].
func (c *counted) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, int64, error) {
	r, at, err := c.Source.Open(ctx, name, offset, length)
	if err != nil {
		return nil, 0, err
	}
	return &countedReader{r, &c.bytes}, at, nil
}

type countedReader struct {
	io.ReadCloser
	bytes *atomic.Int64
}

// Read implements [io.Reader].
func (r *countedReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.bytes.Add(int64(n))
	return n, err
}
