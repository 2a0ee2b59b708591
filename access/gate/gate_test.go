package gate_test

import (
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access/gate"
)

func web() gate.Interface {
	return gate.Interface{Name: "web", Network: "tcp", Address: "127.0.0.1:0", Reason: "the owner's page", MaxConns: 2}
}

// open returns a gate with the interface "web" and a flow "out" that leads to it.
func open(t *testing.T, opts *gate.Options) (*gate.Gate, net.Listener, func() (net.Conn, error)) {
	g, err := gate.New(gate.List{Interfaces: []gate.Interface{web()}}, nil)
	require.NoError(t, err)
	l, err := g.Listen(t.Context(), "web")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, g.Close()) })
	out, err := gate.New(gate.List{Flows: []gate.Flow{{Name: "out", Hosts: []string{"device.example:443"}, Address: l.Addr().String(), Reason: "test"}}}, opts)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, out.Close()) })
	dial, err := out.Dialer("out")
	require.NoError(t, err)
	return g, l, func() (net.Conn, error) { return dial(t.Context(), "tcp", "device.example:443") }
}

// ended reports whether c is closed by the other side.
func ended(t *testing.T, c net.Conn) bool {
	_, err := c.Read(make([]byte, 1))
	t.Log(err)
	return err != nil
}

func TestConfigureClosesWhatIsLive(t *testing.T) {
	g, l, dial := open(t, nil)
	client, err := dial()
	require.NoError(t, err)
	server, err := l.Accept()
	require.NoError(t, err)
	require.Equal(t, 1, g.Stats().Open["web"])

	require.NoError(t, g.Configure(t.Context(), gate.Settings{Disabled: []string{"web"}}))
	require.True(t, ended(t, client))
	_, err = server.Write([]byte("x"))
	require.ErrorIs(t, err, net.ErrClosed)
	_, err = l.Accept()
	require.ErrorIs(t, err, net.ErrClosed)
	_, err = dial()
	require.Error(t, err, "nobody listens")
	_, err = g.Listen(t.Context(), "web")
	require.ErrorIs(t, err, gate.ErrDisabled)
	require.Equal(t, "web", g.Features()[0].Settings[0].Value)

	require.NoError(t, g.Configure(t.Context(), gate.Settings{}))
	l, err = g.Listen(t.Context(), "web")
	require.NoError(t, err)
	require.NoError(t, l.Close())
}

func TestLimit(t *testing.T) {
	g, l, dial := open(t, nil)
	var servers []net.Conn
	for range 2 {
		_, err := dial()
		require.NoError(t, err)
		c, err := l.Accept()
		require.NoError(t, err)
		servers = append(servers, c)
	}
	third, err := dial()
	require.NoError(t, err)
	accepted := make(chan net.Conn)
	go func() {
		c, _ := l.Accept()
		accepted <- c
	}()
	require.True(t, ended(t, third), "beyond the limit")
	require.Equal(t, 1, g.Stats().Refused["web"])
	require.NoError(t, servers[0].Close())
	fourth, err := dial()
	require.NoError(t, err)
	c := <-accepted
	_, err = c.Write([]byte("hello"))
	require.NoError(t, err)
	require.NoError(t, c.Close())
	text, err := io.ReadAll(fourth)
	require.NoError(t, err)
	require.Equal(t, "hello", string(text))
}

func TestFlow(t *testing.T) {
	_, _, dial := open(t, &gate.Options{Disabled: []string{"out"}})
	_, err := dial()
	require.ErrorIs(t, err, gate.ErrDisabled)

	g, err := gate.New(gate.List{Flows: []gate.Flow{{Name: "out", Hosts: []string{"a.example:443"}, Reason: "test"}}}, nil)
	require.NoError(t, err)
	to, err := g.Dialer("out")
	require.NoError(t, err)
	for _, addr := range []string{"b.example:443", "a.example:80", "a.example", ""} {
		_, err = to(t.Context(), "tcp", addr)
		require.ErrorIs(t, err, gate.ErrHost, addr)
	}
	_, err = to(t.Context(), "udp", "a.example:443")
	require.ErrorIs(t, err, gate.ErrHost)
	_, err = g.Dialer("web")
	require.ErrorIs(t, err, gate.ErrUnknown)
	require.NoError(t, g.Close())
	_, err = to(t.Context(), "tcp", "a.example:443")
	require.ErrorIs(t, err, net.ErrClosed)
}

// A flow that is shut ends what it opened.
func TestShutFlowEndsItsConnections(t *testing.T) {
	server, l, _ := open(t, nil)
	g, err := gate.New(gate.List{Flows: []gate.Flow{{Name: "out", Hosts: []string{l.Addr().String()}, Reason: "test"}}}, nil)
	require.NoError(t, err)
	to, err := g.Dialer("out")
	require.NoError(t, err)
	c, err := to(t.Context(), "tcp", l.Addr().String())
	require.NoError(t, err)
	require.NoError(t, g.Configure(t.Context(), gate.Settings{Disabled: []string{"out"}}))
	_, err = c.Write([]byte("x"))
	require.ErrorIs(t, err, net.ErrClosed)
	require.NoError(t, server.Close())
}

func TestList(t *testing.T) {
	twice := []gate.Interface{web(), web()}
	for name, list := range map[string]gate.List{
		"twice":     {Interfaces: twice},
		"name":      {Interfaces: []gate.Interface{{Name: "Web", Network: "tcp", Address: ":1", Reason: "x"}}},
		"long":      {Interfaces: []gate.Interface{{Name: strings.Repeat("a", 65), Network: "tcp", Address: ":1", Reason: "x"}}},
		"network":   {Interfaces: []gate.Interface{{Name: "web", Network: "udp", Address: ":1", Reason: "x"}}},
		"unix":      {Interfaces: []gate.Interface{{Name: "web", Network: "unix", Address: "/run/web", Reason: "x"}}}, // still to come
		"address":   {Interfaces: []gate.Interface{{Name: "web", Network: "tcp", Reason: "x"}}},
		"no reason": {Interfaces: []gate.Interface{{Name: "web", Network: "tcp", Address: ":1"}}},
		"conns":     {Interfaces: []gate.Interface{{Name: "web", Network: "tcp", Address: ":1", Reason: "x", MaxConns: -1}}},
		"no host":   {Flows: []gate.Flow{{Name: "out", Reason: "x"}}},
		"host":      {Flows: []gate.Flow{{Name: "out", Reason: "x", Hosts: []string{"example.com"}}}},
		"both":      {Interfaces: []gate.Interface{web()}, Flows: []gate.Flow{{Name: "web", Reason: "x", Hosts: []string{"a:1"}}}},
		"many":      {Flows: make([]gate.Flow, gate.MaxEntries+1)},
	} {
		_, err := gate.New(list, nil)
		assert.Error(t, err, name)
	}
	g, err := gate.New(gate.List{Interfaces: []gate.Interface{web()}}, nil)
	require.NoError(t, err)
	require.ErrorIs(t, g.Configure(t.Context(), gate.Settings{Disabled: []string{"wifi"}}), gate.ErrUnknown)
	g.List().Interfaces[0].Address = ":22"
	require.Equal(t, "127.0.0.1:0", g.List().Interfaces[0].Address, "the list is the constructor's")
	_, err = g.Listen(t.Context(), "wifi")
	require.ErrorIs(t, err, gate.ErrUnknown)
}
