package httpsource_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/httpsource"
	"github.com/iot-device-baseline/baseline/update"
	"github.com/iot-device-baseline/baseline/update/updatetest"
)

// serving serves files as a static server does, with ranges or without.
func serving(files map[string][]byte, ranges bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		data, ok := files[strings.TrimPrefix(r.URL.Path, "/")]
		switch {
		case !ok:
			http.NotFound(w, r)
		case ranges:
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
		default:
			w.Write(data)
		}
	}
}

// breaking cuts each connection after n bytes of the body.
type breaking struct {
	http.ResponseWriter
	left int
}

func (b *breaking) Write(p []byte) (int, error) {
	if len(p) <= b.left {
		b.left -= len(p)
		return b.ResponseWriter.Write(p)
	}
	b.ResponseWriter.Write(p[:b.left])
	panic(http.ErrAbortHandler)
}

// TestSource: the kit of update.Source, with a server that knows ranges and one that
// does not.
func TestSource(t *testing.T) {
	for name, ranges := range map[string]bool{"ranges": true, "no ranges": false} {
		t.Run(name, func(t *testing.T) {
			updatetest.TestSource(t, updatetest.SourceHarness{
				Remote: true,
				Open: func(t testing.TB, files map[string][]byte) update.Source {
					return serve(t, serving(files, ranges))
				},
				Unreachable: func(t testing.TB) update.Source {
					srv := httptest.NewServer(nil)
					srv.Close()
					s, err := httpsource.New(strings.Replace(srv.URL, "http:", "https:", 1), &httpsource.Options{Dial: dial})
					require.NoError(t, err)
					return s
				},
				Breaking: func(t testing.TB, files map[string][]byte, n int) update.Source {
					h, first := serving(files, ranges), true
					return serve(t, func(w http.ResponseWriter, r *http.Request) {
						if ranges || first {
							first = false
							w = &breaking{w, n}
						}
						h(w, r)
					})
				},
			})
		})
	}
}
