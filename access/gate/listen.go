package gate

import (
	"context"
	"fmt"
	"net"
	"time"
)

// Listen opens the interface called name. Accept of the listener gives an error that
// is [net.ErrClosed] once the interface is shut. An interface has one listener at a
// time: a second Listen before that is closed gives an error that is [ErrListening].
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
	e, err := g.reserve(name)
	if err != nil {
		return nil, err
	}
	var config net.ListenConfig
	inner, err := config.Listen(ctx, iface.Network, iface.Address) // without the lock: it may look up a name
	return g.opened(e, inner, err)
}

// reserve keeps a second Listen from beginning.
func (g *Gate) reserve(name string) (*entry, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	e, err := g.open(name)
	if err != nil {
		return nil, err
	}
	if e.opening || e.listener != nil {
		return nil, ErrListening
	}
	e.opening = true
	return e, nil
}

// opened ends what reserve began. The interface may have been shut meanwhile.
func (g *Gate) opened(e *entry, inner net.Listener, err error) (net.Listener, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	e.opening = false
	if err != nil {
		return nil, err
	}
	if _, err := g.open(e.name); err != nil {
		_ = inner.Close() // it is the shut interface that the caller must hear of
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

// Close implements [net.Listener]. The interface may then be listened to again.
func (l *listener) Close() error {
	err := l.Listener.Close()
	l.gate.mu.Lock()
	defer l.gate.mu.Unlock()
	if l.entry.listener == l {
		l.entry.listener = nil
	}
	return err
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
	c, tell, err := g.count(e, inner)
	if err != nil {
		_ = inner.Close()
	}
	for _, r := range tell {
		g.logRefused(r)
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// count decides about a connection and returns what to log of it once no lock is
// held.
func (g *Gate) count(e *entry, inner net.Conn) (c *conn, tell []refusal, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, err = g.open(e.name)
	if err == nil && len(e.conns) >= e.max {
		e.refused++
		err = fmt.Errorf("%d connections are open", e.max)
	}
	if err != nil {
		return nil, e.fold.add(e.name, err.Error()), err
	}
	c = &conn{Conn: inner, gate: g, entry: e}
	e.conns[c] = true
	return c, e.fold.due(e.name, time.Now()), nil
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
