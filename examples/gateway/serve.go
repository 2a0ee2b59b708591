package main

import (
	"context"
	"crypto/tls"
	"strings"

	"github.com/iot-device-baseline/baseline/protect/transport"
)

// show is -serve: a device that is commissioned and goes on running for a person.
func (l *life) show() error {
	l.box.args = append(l.box.args, "-page")
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

// pageTLS is TLS 1.3 with a key that never leaves the device, and the certificate that
// the factory made for it: a browser asks whether to believe it.
func (g *gateway) pageTLS(ctx context.Context) (*tls.Config, error) {
	key, err := g.keys.openKey(ctx, g.identity(ctx), "page")
	if err != nil {
		return nil, err
	}
	chain, err := g.identity(ctx).Get(ctx, pageCertificate)
	if err != nil {
		return nil, err
	}
	identity, err := transport.Identity(key, chain)
	if err != nil {
		return nil, err
	}
	return transport.Server(identity, nil, &transport.Options{Now: g.clock.Now})
}
