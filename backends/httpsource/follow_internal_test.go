package httpsource

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

// Where a server of the vendor's may send to, each rule alone.
func TestMayFollow(t *testing.T) {
	for name, tt := range map[string]struct {
		base, next string
		hosts      []string
		done       int
		refused    string
	}{
		"the same host":                 {base: "https://v.example/r/", next: "https://v.example/other", done: 1},
		"the same port, written out":    {base: "https://v.example/r/", next: "https://v.example:443/r", done: 1},
		"as often as allowed":           {base: "https://v.example/", next: "https://v.example/", done: 3},
		"once more":                     {base: "https://v.example/", next: "https://v.example/", done: 4, refused: "more than 3"},
		"to plain http":                 {base: "https://v.example/", next: "http://v.example/", done: 1, refused: "away from https"},
		"to plain http on this machine": {base: "https://127.0.0.1/", next: "http://127.0.0.1/", done: 1, refused: "away from https"},
		"within this machine":           {base: "http://127.0.0.1:8080/", next: "http://127.0.0.1:8080/x", done: 1},
		"out of this machine":           {base: "http://127.0.0.1:8080/", next: "http://v.example:8080/x", done: 1, refused: "away from https"},
		"with credentials":              {base: "https://v.example/", next: "https://a:b@v.example/", done: 1, refused: "credentials"},
		"with a name":                   {base: "https://v.example/", next: "https://a@v.example/", done: 1, refused: "credentials"},
		"to another host":               {base: "https://v.example/", next: "https://w.example/", done: 1, refused: "another host"},
		"to another port":               {base: "https://v.example/", next: "https://v.example:8443/", done: 1, refused: "another host"},
		"to a host that is listed":      {base: "https://v.example/", next: "https://w.example/", hosts: []string{"w.example"}, done: 1},
		"to its port":                   {base: "https://v.example/", next: "https://w.example:8443/", hosts: []string{"w.example"}, done: 1, refused: "another host"},
		"to a listed port":              {base: "https://v.example/", next: "https://w.example:8443/", hosts: []string{"w.example:8443"}, done: 1},
	} {
		t.Run(name, func(t *testing.T) {
			base, err := url.Parse(tt.base)
			require.NoError(t, err)
			next, err := url.Parse(tt.next)
			require.NoError(t, err)
			err = mayFollow(base, &Options{Redirects: 3, Hosts: tt.hosts}, next, tt.done)
			if tt.refused == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, ErrRefused)
			require.ErrorContains(t, err, tt.refused)
		})
	}
}
