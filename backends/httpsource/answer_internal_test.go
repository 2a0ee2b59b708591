package httpsource

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/update"
)

// asked is a response of which the head is as given; pairs are header fields.
func asked(status int, length int64, pairs ...string) *http.Response {
	req := &http.Request{Header: http.Header{"Range": {"bytes=100-199"}}}
	resp := &http.Response{StatusCode: status, ContentLength: length, Header: http.Header{}, Request: req}
	for i := 0; i < len(pairs); i += 2 {
		resp.Header.Set(pairs[i], pairs[i+1])
	}
	return resp
}

// TestJudge: each rule about the head of an answer to "from 100, 100 bytes" alone.
func TestJudge(t *testing.T) {
	nothing := version{total: -1}
	for name, tt := range map[string]struct {
		resp    *http.Response
		known   version
		want    answer
		refused string
	}{
		"the range":                        {resp: asked(206, 100, "Content-Range", "bytes 100-199/1000"), want: answer{100, 100, true}},
		"its beginning":                    {resp: asked(206, 10, "Content-Range", "bytes 100-109/1000"), want: answer{100, 10, true}},
		"the range, of unknown length":     {resp: asked(206, -1, "Content-Range", "bytes 100-199/1000"), want: answer{100, 100, true}},
		"the range, of an unknown file":    {resp: asked(206, 100, "Content-Range", "bytes 100-199/*"), want: answer{100, 100, true}},
		"not encoded, it says":             {resp: asked(206, 100, "Content-Range", "bytes 100-199/1000", "Content-Encoding", "Identity"), want: answer{100, 100, true}},
		"encoded":                          {resp: asked(206, 100, "Content-Range", "bytes 100-199/1000", "Content-Encoding", "gzip"), refused: "encoded"},
		"one byte more":                    {resp: asked(206, 101, "Content-Range", "bytes 100-200/1000"), refused: "not the one asked for"},
		"one byte later":                   {resp: asked(206, 99, "Content-Range", "bytes 101-199/1000"), refused: "not the one asked for"},
		"one byte earlier":                 {resp: asked(206, 101, "Content-Range", "bytes 99-199/1000"), refused: "not the one asked for"},
		"no range":                         {resp: asked(206, 100, "Content-Range", "bytes */1000"), refused: "bad Content-Range"},
		"beyond the file":                  {resp: asked(206, 100, "Content-Range", "bytes 100-199/199"), refused: "bad Content-Range"},
		"another length":                   {resp: asked(206, 99, "Content-Range", "bytes 100-199/1000"), refused: "length and range differ"},
		"no body":                          {resp: asked(206, 0, "Content-Range", "bytes 100-199/1000"), refused: "length and range differ"},
		"another total":                    {resp: asked(206, 100, "Content-Range", "bytes 100-199/1000"), known: version{total: 999}, refused: ErrChanged.Error()},
		"another strong tag":               {resp: asked(206, 100, "Content-Range", "bytes 100-199/1000", "ETag", `"b"`), known: version{`"a"`, -1}, refused: ErrChanged.Error()},
		"a weak tag tells nothing":         {resp: asked(206, 100, "Content-Range", "bytes 100-199/1000", "ETag", `W/"b"`), known: version{`"a"`, -1}, want: answer{100, 100, true}},
		"the whole file":                   {resp: asked(200, 1000), want: answer{0, 200, false}},
		"the whole file, of no length":     {resp: asked(200, -1), want: answer{0, 200, false}},
		"the whole of another file":        {resp: asked(200, 1000), known: version{total: 999}, refused: ErrChanged.Error()},
		"nothing there":                    {resp: asked(416, 0, "Content-Range", "bytes */100"), want: answer{at: 100}},
		"nothing there, but there is more": {resp: asked(416, 0, "Content-Range", "bytes */101"), refused: "nothing there, it says"},
		"nothing there, with a range":      {resp: asked(416, 0, "Content-Range", "bytes 1-2/50"), refused: "nothing there, it says"},
		"nothing there, of another file":   {resp: asked(416, 0, "Content-Range", "bytes */100"), known: version{total: 99}, refused: ErrChanged.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := New("https://v.example/", &Options{Dial: func(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed }})
			require.NoError(t, err)
			if tt.known == (version{}) {
				tt.known = nothing
			}
			got, err := s.judge("x", tt.resp, 100, 100, tt.known)
			if tt.refused == "" {
				require.NoError(t, err)
				require.Equal(t, tt.want, got)
				return
			}
			require.ErrorContains(t, err, tt.refused)
		})
	}
}

// From the beginning and to the end there is nothing to compare with, and no end.
func TestJudgeTheWhole(t *testing.T) {
	s, err := New("https://v.example/", &Options{Dial: func(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed }})
	require.NoError(t, err)
	got, err := s.judge("x", asked(200, 1000), 0, -1, version{total: 999})
	require.NoError(t, err, "it begins anew")
	require.Equal(t, answer{limit: update.MaxImage}, got)
	got, err = s.judge("x", asked(206, 900, "Content-Range", "bytes 100-999/1000"), 100, -1, version{total: -1})
	require.NoError(t, err)
	require.Equal(t, answer{100, 900, true}, got)
	got, err = s.judge("x", asked(200, 1000), 100, 0, version{total: -1})
	require.NoError(t, err)
	require.Equal(t, int64(100), got.limit)
	_, err = s.judge("x", asked(206, 2, "Content-Range", "bytes 100-101/1000"), 100, 0, version{total: -1})
	require.ErrorContains(t, err, "not the one asked for")
	got, err = s.judge("x", asked(206, 1, "Content-Range", "bytes 100-100/1000"), 100, 0, version{total: -1})
	require.NoError(t, err, "a server cannot send a range of none")
	require.Equal(t, answer{at: 100}, got)
}

func TestParseRange(t *testing.T) {
	for text, want := range map[string]contentRange{
		"bytes 0-0/1":        {0, 0, 1},
		"bytes 100-199/1000": {100, 199, 1000},
		"bytes 100-199/*":    {100, 199, -1},
		"bytes */1000":       {-1, -1, 1000},
		"bytes */0":          {-1, -1, 0},
		"bytes 5-99999999999999998/99999999999999999": {5, 99999999999999998, 99999999999999999},
	} {
		got, ok := parseRange(text)
		require.True(t, ok, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{
		"", "bytes", "bytes ", "bytes 0-1", "0-1/2", "items 0-1/2", "bytes */*", "bytes -1/2", "bytes 0-/2", "bytes 01/2", "bytes 2-1/5",
		"bytes 0-2/2", "bytes 0-1/x", "bytes x-1/2", "bytes 0-x/2", "bytes +0-1/2", "bytes 0-1/", "bytes 0 -1/2", "bytes 0-1/-2",
		"bytes 0-1/1000000000000000000",
	} {
		_, ok := parseRange(text)
		require.False(t, ok, text)
	}
}

func TestStrong(t *testing.T) {
	long := strings.Repeat("x", 254)
	for tag, want := range map[string]string{
		`"a"`: `"a"`, `""`: `""`, `"` + long + `"`: `"` + long + `"`,
		"": "", `"`: "", `W/"a"`: "", `a`: "", `"a`: "", `a"`: "", `"` + long + `x"`: "",
	} {
		require.Equal(t, want, strong(asked(200, 0, "ETag", tag)), tag)
	}
}
