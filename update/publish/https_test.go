package publish_test

import (
	"context"
	"crypto/sha256"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/httpsource"
	"github.com/iot-device-baseline/baseline/backends/tuf"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/update"
	"github.com/iot-device-baseline/baseline/update/publish"
)

// TestOverHTTPS: a repository on a real directory, behind a plain web server, is
// followed by a device over TLS, and an image is read from its middle on.
func TestOverHTTPS(t *testing.T) {
	where := t.TempDir()
	fsys, err := durable.OpenRaw(where, nil)
	require.NoError(t, err)
	defer fsys.Close()
	repo, err := publish.Init(t.Context(), fsys, four(), at(start))
	require.NoError(t, err)
	srv := httptest.NewTLSServer(http.FileServerFS(os.DirFS(where)))
	defer srv.Close()
	source, err := httpsource.New(srv.URL, &httpsource.Options{
		TLS: srv.Client().Transport.(*http.Transport).TLSClientConfig,
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, addr)
		},
	})
	require.NoError(t, err)
	defer source.Close()
	state, err := durable.OpenDir(t.TempDir(), nil)
	require.NoError(t, err)
	defer state.Close()
	root, err := repo.Root(t.Context())
	require.NoError(t, err)
	trust, err := tuf.Open(t.Context(), state, source, root, &tuf.Options{Clock: standing{start}, Floors: update.NewFloors(state)})
	require.NoError(t, err)
	require.NoError(t, trust.Refresh(t.Context()))
	_, err = trust.Find(t.Context(), update.ReleasePath("gateway", "stable"))
	require.ErrorIs(t, err, update.ErrNotOffered)

	release, err := repo.AddRelease(t.Context(), release(2), images(2))
	require.NoError(t, err)
	require.NoError(t, trust.Refresh(t.Context()))
	image := release.Components[1]
	target, err := trust.Find(t.Context(), image.Path)
	require.NoError(t, err)
	var whole []byte
	for _, offset := range []int64{0, 500} { // broken off after 500 bytes, and resumed
		r, begun, err := source.Open(t.Context(), target.Name, offset, -1)
		require.NoError(t, err)
		require.Equal(t, offset, begun)
		part := make([]byte, 500)
		if offset > 0 {
			part = make([]byte, target.Length-offset)
		}
		_, err = io.ReadFull(r, part)
		require.NoError(t, err)
		require.NoError(t, r.Close())
		whole = append(whole, part...)
	}
	require.EqualValues(t, sha256.Sum256(whole), image.Digest)
}
