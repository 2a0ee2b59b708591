package gate

import (
	"context"
	"fmt"
	"net"
	"slices"
	"time"
)

// dialTimeout ends a dial whose context would wait longer.
const dialTimeout = 30 * time.Second

// Dialer returns the dial function of the flow called name, of the form that
// http.Transport.DialContext has. It reaches what the flow names, over tcp, and gives
// errors that are [ErrDisabled] while the flow is shut and [ErrHost] for any other
// host. A name that is not a flow on the list gives an error that is [ErrUnknown].
func (g *Gate) Dialer(name string) (func(ctx context.Context, network, addr string) (net.Conn, error), error) {
	flow := g.list.flow(name)
	if flow == nil {
		return nil, fmt.Errorf("gate: dialer %s: %w", name, ErrUnknown)
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := g.dial(ctx, flow, network, addr)
		if err != nil {
			return nil, fmt.Errorf("gate: dial %s: %s: %w", flow.Name, addr, err)
		}
		return c, nil
	}, nil
}

func (l *List) flow(name string) *Flow {
	for i := range l.Flows {
		if l.Flows[i].Name == name {
			return &l.Flows[i]
		}
	}
	return nil
}

func (g *Gate) dial(ctx context.Context, flow *Flow, network, addr string) (net.Conn, error) {
	if network != "tcp" || !slices.Contains(flow.Hosts, addr) {
		return nil, ErrHost
	}
	g.mu.Lock()
	e, err := g.open(flow.Name)
	g.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if flow.Address != "" {
		addr = flow.Address
	}
	dialer := net.Dialer{Timeout: dialTimeout}
	inner, err := dialer.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return g.admit(e, inner) // asks again: the flow may have been shut meanwhile
}
