package bench

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/iot-device-baseline/baseline/access/gate"
)

// Server is the manufacturer's HTTPS server while it runs.
type Server struct {
	Addr string // host:port

	gate *gate.Gate
	http *http.Server
	done chan error
}

// Serve serves the repository at address over TLS 1.3 until Close. Nothing else of
// the bench is served.
func (b *Bench) Serve(ctx context.Context, address string) (*Server, error) {
	cert, err := serverCertificate(b.raw)
	if err != nil {
		return nil, err
	}
	ways, err := gate.New(gate.List{Interfaces: []gate.Interface{{
		Name: "repository", Network: "tcp", Address: address, Authentication: "none: what is there is public and signed",
		Reason: "devices fetch releases", MaxConns: 256,
	}}}, nil)
	if err != nil {
		return nil, err
	}
	l, err := ways.Listen(ctx, "repository")
	if err != nil {
		return nil, err
	}
	s := &Server{Addr: l.Addr().String(), gate: ways, done: make(chan error, 1), http: &http.Server{
		Handler: http.FileServerFS(os.DirFS(b.path(repositoryDir))), ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10,
		ErrorLog:    slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // devices lose their power all the time
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}}
	secure := tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}})
	go func() { s.done <- s.http.Serve(secure) }()
	return s, nil
}

// Wait waits for the end of the server.
func (s *Server) Wait() error {
	err := <-s.done
	s.done <- err
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Close ends the server and its connections.
func (s *Server) Close() error { return errors.Join(s.http.Close(), s.gate.Close(), s.Wait()) }
