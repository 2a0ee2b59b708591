package httpsource_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/httpsource"
	"github.com/iot-device-baseline/baseline/update"
)

// over is a source whose connections are pipes, so that time can be made up. serve
// gets the server's end once it has read the request.
func over(t *testing.T, serve func(conn net.Conn)) *httpsource.Source {
	var servers sync.WaitGroup
	s, err := httpsource.New("http://localhost", &httpsource.Options{
		Localhost: true,
		Dial: func(context.Context, string, string) (net.Conn, error) {
			device, server := net.Pipe()
			servers.Go(func() {
				defer server.Close()
				if _, err := http.ReadRequest(bufio.NewReader(server)); err == nil {
					serve(server)
				}
			})
			return device, nil
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, s.Close())
		servers.Wait()
	})
	return s
}

const head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"

// TestSlow: each way of being slow costs a bounded time.
func TestSlow(t *testing.T) {
	forever := func(conn net.Conn) { io.Copy(io.Discard, conn) } // until the device hangs up
	for what, c := range map[string]struct {
		serve func(net.Conn)
		want  time.Duration
	}{
		"no head":     {forever, 30 * time.Second},
		"half a head": {func(c net.Conn) { io.WriteString(c, head[:20]); forever(c) }, 30 * time.Second},
		"no body":     {func(c net.Conn) { io.WriteString(c, head); forever(c) }, time.Minute},
		"a byte a while": {func(c net.Conn) {
			_, err := io.WriteString(c, head)
			for ; err == nil; _, err = io.WriteString(c, "x") {
				<-time.After(10 * time.Second) // made-up time
			}
		}, time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := over(t, c.serve)
			began := time.Now()
			_, _, err := read(t, s, 0, -1)
			require.ErrorIs(t, err, update.ErrUnavailable, what)
			require.Equal(t, c.want, time.Since(began), what)
		})
	}
}

// TestSlowButWell: a slow line that goes on is waited for, and so is a slow caller.
func TestSlowButWell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const pieces = 30
		s := over(t, func(c net.Conn) {
			io.WriteString(c, fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", pieces*512))
			for range pieces {
				time.Sleep(50 * time.Second)
				io.WriteString(c, strings.Repeat("x", 512))
			}
		})
		r, _, err := s.Open(t.Context(), name, 0, -1)
		require.NoError(t, err)
		time.Sleep(time.Hour)
		_, err = io.ReadFull(r, make([]byte, 100))
		require.NoError(t, err)
		time.Sleep(time.Hour)
		data, err := io.ReadAll(r)
		require.NoError(t, err)
		require.Len(t, data, pieces*512-100)
		require.NoError(t, r.Close())
	})
}

// TestDialTimeout: a dial function that never answers is left.
func TestDialTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := httpsource.New("https://updates.example.com", &httpsource.Options{
			Dial: func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() },
		})
		require.NoError(t, err)
		began := time.Now()
		_, _, err = read(t, s, 0, -1)
		require.ErrorIs(t, err, update.ErrUnavailable)
		require.Equal(t, 30*time.Second, time.Since(began))
	})
}

// TestContext: the caller's context ends Open and Read with its cause.
func TestContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := over(t, func(c net.Conn) { io.WriteString(c, head+"first"); io.Copy(io.Discard, c) })
		why := errors.New("the window closed")
		ctx, cancel := context.WithCancelCause(t.Context())
		r, _, err := s.Open(ctx, name, 0, -1)
		require.NoError(t, err)
		_, err = io.ReadFull(r, make([]byte, 5))
		require.NoError(t, err)
		time.AfterFunc(time.Second, func() { cancel(why) })
		_, err = r.Read(make([]byte, 5))
		require.ErrorIs(t, err, why)
		require.NoError(t, r.Close())
		_, _, err = s.Open(ctx, name, 0, -1)
		require.ErrorIs(t, err, why)
	})
}

// FuzzAnswer: whatever a server answers, what is read begins no later than was asked
// for, and ends no later either.
func FuzzAnswer(f *testing.F) {
	for _, answer := range []string{
		head + "x", "HTTP/1.1 206 X\r\nContent-Range: bytes 100-109/1000\r\nETag: \"a\"\r\n\r\n0123456789",
		"HTTP/1.1 206 X\r\nContent-Range: bytes 100-109/*\r\n\r\n012", "HTTP/1.1 416 X\r\nContent-Range: bytes */50\r\n\r\n",
		"HTTP/1.1 503 X\r\nRetry-After: 5\r\n\r\n", "HTTP/1.1 302 X\r\nLocation: //\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\nabc", "",
	} {
		f.Add(answer, int64(100), int64(10))
	}
	f.Fuzz(func(t *testing.T, answer string, offset, length int64) {
		s := over(t, func(c net.Conn) { io.WriteString(c, answer) })
		r, at, err := s.Open(t.Context(), name, offset, length)
		if err != nil {
			return
		}
		data, _ := io.ReadAll(r)
		require.NoError(t, r.Close())
		require.True(t, 0 <= at && at <= offset, "at %d", at)
		require.True(t, length < 0 || at+int64(len(data)) <= offset+length, "%d bytes from %d", len(data), at)
	})
}
