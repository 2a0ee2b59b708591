package httpsource_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/httpsource"
)

// content is what the file holds.
var content = []byte(strings.Repeat("0123456789abcdef", 4096))

const name = "targets/images/gateway.bin"

// dial stands for what access/gate hands out.
func dial(ctx context.Context, network, addr string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, addr)
}

// good serves content as a static server does.
func good(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("ETag", `"one"`)
	http.ServeContent(w, r, "gateway.bin", time.Time{}, bytes.NewReader(content))
}

// serve starts an HTTPS server and a source for it.
func serve(t testing.TB, h http.HandlerFunc, change ...func(*httpsource.Options)) *httpsource.Source {
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return source(t, srv, change...)
}

func source(t testing.TB, srv *httptest.Server, change ...func(*httpsource.Options)) *httpsource.Source {
	opts := &httpsource.Options{Dial: dial, TLS: trusting(srv)}
	for _, c := range change {
		c(opts)
	}
	s, err := httpsource.New(srv.URL, opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func trusting(srv *httptest.Server) *tls.Config {
	return srv.Client().Transport.(*http.Transport).TLSClientConfig
}

// read opens a file and reads what comes.
func read(t testing.TB, s *httpsource.Source, offset, length int64) (data []byte, at int64, err error) {
	r, at, err := s.Open(t.Context(), name, offset, length)
	if err != nil {
		return nil, 0, err
	}
	data, err = io.ReadAll(r)
	require.NoError(t, r.Close())
	require.NoError(t, r.Close())
	return data, at, err
}
