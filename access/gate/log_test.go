package gate_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/access/gate"
)

// handler keeps lines of records, and uses the gate while it is called.
type handler struct {
	slog.Handler
	gate  *gate.Gate
	lines []string
}

func (*handler) Enabled(context.Context, slog.Level) bool { return true }

func (h *handler) Handle(_ context.Context, r slog.Record) error {
	line := r.Message
	r.Attrs(func(a slog.Attr) bool {
		line += fmt.Sprintf(" %s=%s", a.Key, a.Value)
		return true
	})
	h.lines = append(h.lines, line)
	if h.gate != nil {
		h.gate.Stats()
		h.gate.Features()
	}
	return nil
}

// small is a gate with one flow of one connection to a server that only listens.
func small(t *testing.T) (*gate.Gate, *handler, func() error) {
	server, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	h, addr := &handler{}, server.Addr().String()
	g, err := gate.New(gate.List{
		Interfaces: []gate.Interface{web()},
		Flows:      []gate.Flow{{Name: "out", Hosts: []string{addr}, Reason: "test", MaxConns: 1}},
	}, &gate.Options{Log: slog.New(h)})
	require.NoError(t, err)
	h.gate = g
	to, err := g.Dialer("out")
	require.NoError(t, err)
	return g, h, func() error {
		_, err := to(t.Context(), "tcp", addr)
		return err
	}
}

// TestHandlerUsesTheGate: nothing is logged under the gate's lock. Else this test
// never ends.
func TestHandlerUsesTheGate(t *testing.T) {
	g, h, dial := small(t)
	require.NoError(t, g.Configure(t.Context(), gate.Settings{Disabled: []string{"web", "out"}}))
	require.NoError(t, g.Configure(t.Context(), gate.Settings{Disabled: []string{"web"}}))
	require.NoError(t, dial())
	require.Error(t, dial())
	require.Error(t, dial())
	require.NoError(t, g.Close())
	require.Equal(t, []string{
		"gate.configured interface=out state=disabled", "gate.configured interface=web state=disabled",
		"gate.configured interface=out state=enabled",
		"gate.refused interface=out error=1 connections are open",
		"gate.refused interface=out error=1 connections are open " + access.KeyRepeated + "=1",
	}, h.lines)
}

// TestRefusalsAreFolded: a stranger does not fill the log, and none is left out of the
// counts.
func TestRefusalsAreFolded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, h, dial := small(t)
		require.NoError(t, dial())
		refused := func(n int) {
			for range n {
				require.Error(t, dial())
			}
		}
		const one = "gate.refused interface=out error=1 connections are open"
		want := []string{one}
		refused(100)
		require.Equal(t, want, h.lines)
		time.Sleep(10 * time.Second)
		refused(1)
		want = append(want, one+" repeated=100") // 99 and this one
		require.Equal(t, want, h.lines)
		refused(50)
		require.Equal(t, want, h.lines)
		time.Sleep(10 * time.Second)
		refused(1)
		want = append(want, one+" repeated=51")
		require.Equal(t, want, h.lines)

		time.Sleep(10 * time.Second) // quiet
		require.NoError(t, g.Configure(t.Context(), gate.Settings{Disabled: []string{"out"}}))
		require.NoError(t, g.Configure(t.Context(), gate.Settings{}))
		h.lines = nil
		require.NoError(t, dial(), "ends the quiet time")
		refused(3)
		require.Equal(t, []string{one}, h.lines)
		require.NoError(t, g.Close())
		require.Equal(t, []string{one, one + " repeated=2"}, h.lines)
		require.Equal(t, 100+1+50+1+3, g.Stats().Refused["out"])
	})
}

// TestOneListener: an interface has one listener at a time, and what is shut or closed
// is forgotten.
func TestOneListener(t *testing.T) {
	g, err := gate.New(gate.List{Interfaces: []gate.Interface{web()}}, nil)
	require.NoError(t, err)
	first, err := g.Listen(t.Context(), "web")
	require.NoError(t, err)
	_, err = g.Listen(t.Context(), "web")
	require.ErrorIs(t, err, gate.ErrListening)
	require.NoError(t, first.Close())

	second, err := g.Listen(t.Context(), "web")
	require.NoError(t, err)
	require.ErrorIs(t, first.Close(), net.ErrClosed)
	_, err = g.Listen(t.Context(), "web")
	require.ErrorIs(t, err, gate.ErrListening, "a second Close of the first opens nothing")
	require.NoError(t, g.Configure(t.Context(), gate.Settings{Disabled: []string{"web"}}))
	_, err = second.Accept()
	require.ErrorIs(t, err, net.ErrClosed, "the gate knows each listener that is open")

	require.NoError(t, g.Configure(t.Context(), gate.Settings{}))
	require.NoError(t, g.Close())
	_, err = g.Listen(t.Context(), "web")
	require.ErrorIs(t, err, net.ErrClosed)
}

// TestListenFails: what did not open can be tried again.
func TestListenFails(t *testing.T) {
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	i := web()
	i.Address = taken.Addr().String()
	g, err := gate.New(gate.List{Interfaces: []gate.Interface{i}}, nil)
	require.NoError(t, err)
	_, err = g.Listen(t.Context(), "web")
	require.Error(t, err)
	require.NotErrorIs(t, err, gate.ErrListening)
	require.NoError(t, taken.Close())
	_, err = g.Listen(t.Context(), "web")
	require.NoError(t, err)
	require.NoError(t, g.Close())
}
