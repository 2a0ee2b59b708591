package httpsource_test

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/httpsource"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/update"
)

// answering answers with a status, headers in pairs, and a body.
func answering(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// raw writes an answer as it stands and hangs up.
func raw(answer string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, buf, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		buf.WriteString(answer)
		buf.Flush()
		conn.Close()
	}
}

// TestRefused: what a server may answer to "bytes=100-199" and be refused for.
func TestRefused(t *testing.T) {
	const body = "0123456789"
	broken := []string{"no answer in HTTP", "hang up", "a head without end", "500", "503"}
	for what, h := range map[string]http.HandlerFunc{
		"another range":                answering(206, body, "Content-Range", "bytes 0-9/1000"),
		"a later range":                answering(206, body, "Content-Range", "bytes 101-110/1000"),
		"more than the range":          answering(206, body, "Content-Range", "bytes 100-200/1000"),
		"a range and no Content-Range": answering(206, body),
		"a range backwards":            answering(206, body, "Content-Range", "bytes 109-100/1000"),
		"a range beyond the total":     answering(206, body, "Content-Range", "bytes 100-109/105"),
		"a range that overflows":       answering(206, body, "Content-Range", "bytes 100-99999999999999999999/*"),
		"a range of another unit":      answering(206, body, "Content-Range", "pages 100-109/1000"),
		"many ranges":                  answering(206, body, "Content-Type", "multipart/byteranges; boundary=x"),
		"a length that does not fit":   answering(206, body, "Content-Range", "bytes 100-110/1000", "Content-Length", "10"),
		"compressed":                   answering(200, body, "Content-Encoding", "gzip"),
		"no answer in HTTP":            raw("SSH-2.0-OpenSSH\r\n\r\n"),
		"hang up":                      raw(""),
		"a head without end":           raw("HTTP/1.1 200 OK\r\n" + strings.Repeat("X-Padding: "+strings.Repeat("x", 1000)+"\r\n", 100)),
		"204":                          answering(204, ""),
		"304":                          answering(304, ""),
		"400":                          answering(400, "no"),
		"401":                          answering(401, "who?"),
		"416 and there is more":        answering(416, "", "Content-Range", "bytes */1000"),
		"416 without a word":           answering(416, ""),
		"500":                          answering(500, "oops"),
		"503":                          answering(503, "later"),
		"999":                          answering(999, ""),
		"redirect without end":         func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path+"x", http.StatusFound) },
		"redirect to itself": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path, http.StatusMovedPermanently)
		},
		"redirect to plain http": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://"+r.Host+"/x", http.StatusFound)
		},
		"redirect to another host": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://evil.example/x", http.StatusFound)
		},
		"redirect to another port": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://127.0.0.1:1/x", http.StatusFound)
		},
		"redirect to a file": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		},
		"redirect with credentials": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://a:b@"+r.Host+"/x", http.StatusFound)
		},
		"redirect to nowhere": answering(302, ""),
	} {
		t.Run(what, func(t *testing.T) {
			_, _, err := read(t, serve(t, h), 100, 100)
			require.ErrorIs(t, err, update.ErrUnavailable)
			require.Equal(t, !slices.Contains(broken, what), errors.Is(err, httpsource.ErrRefused), "%v", err)
			require.Contains(t, err.Error(), "httpsource: \""+name+"\": ")
		})
	}
}

// TestMissing: what means that there is no such file.
func TestMissing(t *testing.T) {
	for _, status := range []int{403, 404, 410} {
		_, _, err := read(t, serve(t, answering(status, "no")), 0, -1)
		require.ErrorIs(t, err, fs.ErrNotExist)
		require.False(t, errors.Is(err, update.ErrUnavailable))
	}
}

// TestRetryAfter: when to come again, in seconds or as a date, at most a day.
func TestRetryAfter(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"120": 2 * time.Minute, "999999999": 24 * time.Hour, "0": 0, "-5": 0, "soon": 0, "9e9": 0,
		time.Now().Add(100 * 24 * time.Hour).UTC().Format(http.TimeFormat): 24 * time.Hour,
		"Thu, 01 Jan 1970 00:00:00 GMT":                                    0,
	} {
		_, _, err := read(t, serve(t, answering(503, "", "Retry-After", text)), 0, -1)
		require.ErrorIs(t, err, update.ErrUnavailable)
		var retry *durable.RetryError
		require.Equal(t, want > 0, errors.As(err, &retry), text)
		if want > 0 {
			require.Equal(t, want, retry.After)
		}
	}
}

// TestBodies: short, long and endless bodies end where they must.
func TestBodies(t *testing.T) {
	long := strings.Repeat("x", 5000)
	for what, c := range map[string]struct {
		h    http.HandlerFunc
		want int
		err  error
	}{
		"short of its length":   {raw("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nshort"), 5, io.ErrUnexpectedEOF},
		"short of its range":    {raw("HTTP/1.1 206 X\r\nContent-Range: bytes 100-199/1000\r\n\r\nshort"), 5, io.ErrUnexpectedEOF},
		"long, whole":           {answering(200, long), 200, nil},
		"long, range in chunks": {raw("HTTP/1.1 206 X\r\nContent-Range: bytes 100-199/1000\r\nTransfer-Encoding: chunked\r\n\r\n1388\r\n" + long + "\r\n0\r\n\r\n"), 100, nil},
		"endless": {func(w http.ResponseWriter, _ *http.Request) {
			for err := error(nil); err == nil; {
				_, err = io.WriteString(w, long)
			}
		}, 200, nil},
		"chunks that break off": {raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\nff"), 5, io.ErrUnexpectedEOF},
	} {
		t.Run(what, func(t *testing.T) {
			data, _, err := read(t, serve(t, c.h), 100, 100)
			require.ErrorIs(t, err, c.err)
			require.Len(t, data, c.want)
		})
	}
}

// TestWholeForRange: a server without ranges sends the file from the beginning, and
// the source says so.
func TestWholeForRange(t *testing.T) {
	data, at, err := read(t, serve(t, answering(200, string(content))), 100, 50)
	require.NoError(t, err)
	require.Zero(t, at)
	require.Equal(t, content[:150], data)
}

// TestRangeForWhole: nobody asked for a range.
func TestRangeForWhole(t *testing.T) {
	_, _, err := read(t, serve(t, answering(206, "0123456789", "Content-Range", "bytes 0-9/10")), 0, -1)
	require.ErrorIs(t, err, httpsource.ErrRefused)
}

// TestChanged: a file that changes between two reads is noticed, once, whether the
// server knows If-Range or not.
func TestChanged(t *testing.T) {
	for _, knows := range []bool{true, false} {
		t.Run(fmt.Sprint("If-Range ", knows), func(t *testing.T) {
			var edition atomic.Int64
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if !knows {
					r.Header.Del("If-Range")
				}
				w.Header().Set("ETag", strconv.Quote(fmt.Sprint("edition ", edition.Load())))
				http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(content)))
			})
			_, _, err := read(t, s, 0, 100)
			require.NoError(t, err)
			_, _, err = read(t, s, 100, 100)
			require.NoError(t, err)
			edition.Add(1)
			_, _, err = read(t, s, 200, 100)
			require.ErrorIs(t, err, httpsource.ErrChanged)
			require.ErrorIs(t, err, update.ErrUnavailable)
			_, at, err := read(t, s, 200, 100)
			require.NoError(t, err)
			require.EqualValues(t, 200, at)
		})
	}
}

// TestChangedLength: without an ETag the total tells.
func TestChangedLength(t *testing.T) {
	var grown atomic.Bool
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		c := string(content)
		if grown.Load() {
			c += "more"
		}
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(c))
	})
	_, _, err := read(t, s, 0, 10)
	require.NoError(t, err)
	grown.Store(true)
	_, _, err = read(t, s, 10, 10)
	require.ErrorIs(t, err, httpsource.ErrChanged)
}

// TestRedirects: to the same host, and to hosts that are listed.
func TestRedirects(t *testing.T) {
	cdn := httptest.NewTLSServer(http.HandlerFunc(good))
	defer cdn.Close()
	away := func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, cdn.URL+r.URL.Path, http.StatusFound)
	}
	_, _, err := read(t, serve(t, away), 100, 10)
	require.ErrorIs(t, err, httpsource.ErrRefused)
	data, at, err := read(t, serve(t, away, func(o *httpsource.Options) { o.Hosts = []string{cdn.Listener.Addr().String()} }), 100, 10)
	require.NoError(t, err)
	require.EqualValues(t, 100, at)
	require.Equal(t, content[100:110], data)
	once := func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/moved") {
			http.Redirect(w, r, "/moved"+r.URL.Path, http.StatusFound)
			return
		}
		good(w, r)
	}
	_, _, err = read(t, serve(t, once), 0, -1)
	require.NoError(t, err)
	_, _, err = read(t, serve(t, once, func(o *httpsource.Options) { o.Redirects = -1 }), 0, -1)
	require.ErrorIs(t, err, httpsource.ErrRefused)
}

// TestTLS: a server whom nobody vouches for is not spoken to.
func TestTLS(t *testing.T) {
	asked := false
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { asked = true; good(w, r) }, func(o *httpsource.Options) { o.TLS = nil })
	_, _, err := read(t, s, 0, -1)
	require.ErrorIs(t, err, update.ErrUnavailable)
	require.ErrorAs(t, err, new(x509.UnknownAuthorityError))
	require.False(t, asked)

	srv := httptest.NewServer(http.HandlerFunc(good))
	defer srv.Close()
	s, err = httpsource.New(strings.Replace(srv.URL, "http:", "https:", 1), &httpsource.Options{Dial: dial})
	require.NoError(t, err)
	_, _, err = read(t, s, 0, -1)
	require.ErrorIs(t, err, update.ErrUnavailable)
}
