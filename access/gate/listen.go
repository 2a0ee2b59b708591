package gate

import (
	"context"
	"fmt"
	"log/slog"
	"net"

	"github.com/iot-device-baseline/baseline/access"
)

// Listen opens the interface called name. Accept of the listener gives an error that
// is [net.ErrClosed] once the interface is shut. An interface has one listener at a
// time: a second Listen before it is closed fails as the system says.
func (g *Gate) Listen(ctx context.Context, name string) (net.Listener, error) {
	l, err := g.listen(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("gate: listen %s: %w", name, err)
	}
	return l, nil
}

func (g *Gate) listen(ctx context.Context, name string) (net.Listener, error) {
	iface := g.list.iface(name)
	if iface == nil {
		return nil, ErrUnknown
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	e, err := g.open(name)
	if err != nil {
		return nil, err
	}
	var config net.ListenConfig
	inner, err := config.Listen(ctx, iface.Network, iface.Address)
	if err != nil {
		return nil, err
	}
	e.listener = &listener{Listener: inner, gate: g, entry: e}
	return e.listener, nil
}

func (l *List) iface(name string) *Interface {
	for i := range l.Interfaces {
		if l.Interfaces[i].Name == name {
			return &l.Interfaces[i]
		}
	}
	return nil
}

// listener gives connections that the gate can close.
type listener struct {
	net.Listener
	gate  *Gate
	entry *entry
}

// Accept returns the next connection; one beyond the limit is closed at once.
func (l *listener) Accept() (net.Conn, error) {
	for {
		inner, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c, err := l.gate.admit(l.entry, inner)
		if err == nil {
			return c, nil
		}
	}
}

// admit counts a connection in, or closes it.
func (g *Gate) admit(e *entry, inner net.Conn) (net.Conn, error) {
	g.mu.Lock()
	_, err := g.open(e.name)
	if err == nil && len(e.conns) >= e.max {
		e.refused++
		err = fmt.Errorf("%d connections are open", e.max)
	}
	var c *conn
	if err == nil {
		c = &conn{Conn: inner, gate: g, entry: e}
		e.conns[c] = true
	}
	g.mu.Unlock()
	if err != nil {
		_ = inner.Close()
		g.log.LogAttrs(context.Background(), slog.LevelWarn, EventRefused,
			slog.String(access.KeyInterface, e.name), slog.String(access.KeyError, err.Error()))
		return nil, err
	}
	return c, nil
}

// conn is a connection that its gate knows.
type conn struct {
	net.Conn
	gate  *Gate
	entry *entry
}

// Close implements [net.Conn].
func (c *conn) Close() error {
	c.gate.mu.Lock()
	delete(c.entry.conns, c)
	c.gate.mu.Unlock()
	return c.Conn.Close()
}
