package httpsource_test

import (
	"crypto/tls"
	"io"
	"io/fs"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/httpsource"
	"github.com/iot-device-baseline/baseline/update"
)

var _ update.Source = (*httpsource.Source)(nil)

// TestRanges: any part of a file, from any offset.
func TestRanges(t *testing.T) {
	s := serve(t, good)
	whole := int64(len(content))
	for _, c := range []struct{ offset, length, at, end int64 }{
		{0, -1, 0, whole}, {0, 10, 0, 10}, {100, -1, 100, whole}, {100, 10, 100, 110}, {0, 0, 0, 0}, {5, 0, 5, 5},
		{whole - 1, -1, whole - 1, whole}, {whole - 5, 100, whole - 5, whole}, {whole, -1, whole, whole}, {whole + 7, -1, whole, whole},
	} {
		data, at, err := read(t, s, c.offset, c.length)
		require.NoError(t, err, c)
		require.Equal(t, string(content[c.at:c.end]), string(data), c)
		require.Equal(t, max(c.at, c.offset), at, c)
	}
}

// TestNames: a name is one path, whatever its bytes are.
func TestNames(t *testing.T) {
	var asked []string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { asked = append(asked, r.RequestURI); good(w, r) })
	for _, n := range []string{"a/b.json", "1.a%2Fb.json", "a b?c#d.json"} {
		r, _, err := s.Open(t.Context(), n, 0, -1)
		require.NoError(t, err)
		require.NoError(t, r.Close())
	}
	require.Equal(t, []string{"/a/b.json", "/1.a%252Fb.json", "/a%20b%3Fc%23d.json"}, asked)
	for _, n := range []string{"", ".", "..", "/a", "a/../b", "a//b"} {
		_, _, err := s.Open(t.Context(), n, 0, -1)
		require.ErrorIs(t, err, fs.ErrInvalid, n)
	}
	_, _, err := s.Open(t.Context(), name, -1, -1)
	require.ErrorIs(t, err, fs.ErrInvalid)
}

// TestTellsNothing: a request holds no word about the device.
func TestTellsNothing(t *testing.T) {
	var headers []http.Header
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		headers = append(headers, r.Header.Clone())
		http.SetCookie(w, &http.Cookie{Name: "track", Value: "1"})
		good(w, r)
	})
	for range 2 {
		_, _, err := read(t, s, 10, 10)
		require.NoError(t, err)
	}
	require.Equal(t, http.Header{"Accept-Encoding": {"identity"}, "User-Agent": {"baseline"}, "Range": {"bytes=10-19"}}, headers[0])
	headers[0].Set("If-Range", `"one"`)
	require.Equal(t, headers[0], headers[1])
}

// TestNew: what a source may be made of.
func TestNew(t *testing.T) {
	for base, ok := range map[string]bool{
		"https://updates.example.com": true, "https://updates.example.com/gateway/": true, "https://[::1]:8443": true,
		"http://updates.example.com": false, "http://localhost.example.com": false, "http://localhost:80": false,
		"ftp://updates.example.com": false, "updates.example.com": false, "https:///x": false, "https:x": false, "": false, "\x00": false,
		"https://user:secret@updates.example.com": false, "https://updates.example.com?a": false, "https://updates.example.com#a": false,
	} {
		_, err := httpsource.New(base, &httpsource.Options{Dial: dial})
		require.Equal(t, ok, err == nil, base)
		if err != nil {
			require.NotContains(t, err.Error(), "secret")
		}
	}
	for base, ok := range map[string]bool{
		"http://localhost:80": true, "http://127.0.0.1": true, "http://[::1]:8080/x": true,
		"http://localhost.example.com": false, "http://10.0.0.1": false,
	} {
		_, err := httpsource.New(base, &httpsource.Options{Dial: dial, Localhost: true})
		require.Equal(t, ok, err == nil, base)
	}
	judged := &tls.Config{InsecureSkipVerify: true, VerifyConnection: func(tls.ConnectionState) error { return nil }}
	_, err := httpsource.New("https://a.example", &httpsource.Options{Dial: dial, TLS: judged})
	require.NoError(t, err, "protect/transport judges connections itself")
	for _, opts := range []*httpsource.Options{nil, {}, {Dial: dial, TLS: &tls.Config{InsecureSkipVerify: true}}, {Dial: dial, Stall: -1}} {
		_, err := httpsource.New("https://updates.example.com", opts)
		require.ErrorContains(t, err, "httpsource: options")
	}
}

// TestResume: a reader that was cut off is followed by one that begins where it
// stopped, and the bytes fit together.
func TestResume(t *testing.T) {
	s := serve(t, good)
	r, at, err := s.Open(t.Context(), name, 0, -1)
	require.NoError(t, err)
	require.Zero(t, at)
	head := make([]byte, 1000)
	_, err = io.ReadFull(r, head)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	rest, at, err := read(t, s, 1000, -1)
	require.NoError(t, err)
	require.EqualValues(t, 1000, at)
	require.Equal(t, content, append(head, rest...))
}
