package publish_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/update"
	"github.com/iot-device-baseline/baseline/update/publish"
)

// TestReleases: a device follows from an empty repository over two releases.
func TestReleases(t *testing.T) {
	m := powercut.New()
	r := initial(t, m)
	look := func(want string) {
		got, err := offered(t.Context(), m.FS(), start)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	look("nothing")
	done, err := r.AddRelease(t.Context(), release(2), images(2))
	require.NoError(t, err)
	require.Equal(t, "images/gateway/stable/2/app", done.Components[0].Path)
	require.Equal(t, start, done.Published)
	require.EqualValues(t, 1200, done.Components[1].Length)
	look("release 2 floor 1 app=the application 2 system=the system 2the s")
	_, err = r.AddRelease(t.Context(), release(3), images(3))
	require.NoError(t, err)
	look("release 3 floor 1 app=the application 3 system=the system 3the s")

	again, err := publish.Open(t.Context(), m.FS(), four(), at(start))
	require.NoError(t, err)
	now, err := again.Release(t.Context(), "gateway", "stable")
	require.NoError(t, err)
	require.EqualValues(t, 3, now.Number)
	_, err = again.Release(t.Context(), "gateway", "beta")
	require.ErrorIs(t, err, update.ErrNotOffered)
	st, err := again.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, publish.Status{Root: 1, Targets: 3, Snapshot: 3, Timestamp: 3, Expires: map[string]time.Time{
		"root": start.Add(365 * day), "targets": start.Add(90 * day), "snapshot": start.Add(30 * day), "timestamp": start.Add(7 * day),
	}}, st)
}

// TestReleaseRefused: what is refused changes nothing for who reads.
func TestReleaseRefused(t *testing.T) {
	for what, c := range map[string]struct {
		change func(r *update.Release, images map[string]io.Reader)
		want   error
	}{
		"the same number":        {func(r *update.Release, _ map[string]io.Reader) { r.Number = 4 }, publish.ErrNotNewer},
		"a lower number":         {func(r *update.Release, _ map[string]io.Reader) { r.Number = 3 }, publish.ErrNotNewer},
		"a lower floor":          {func(r *update.Release, _ map[string]io.Reader) { r.Floor = 1 }, publish.ErrNotNewer},
		"a floor above itself":   {func(r *update.Release, _ map[string]io.Reader) { r.Floor = 6 }, update.ErrUntrusted},
		"a bad product":          {func(r *update.Release, _ map[string]io.Reader) { r.Product = "../x" }, update.ErrUntrusted},
		"no components":          {func(r *update.Release, _ map[string]io.Reader) { r.Components = nil }, update.ErrUntrusted},
		"a path that leads away": {func(r *update.Release, _ map[string]io.Reader) { r.Components[0].Path = "images/../../x" }, update.ErrUntrusted},
		"an image missing":       {func(_ *update.Release, i map[string]io.Reader) { delete(i, "app") }, update.ErrUntrusted},
		"an image too many":      {func(_ *update.Release, i map[string]io.Reader) { i["other"] = strings.NewReader("x") }, publish.ErrImage},
		"an empty image":         {func(_ *update.Release, i map[string]io.Reader) { i["app"] = strings.NewReader("") }, publish.ErrImage},
		"an image of another length": {func(r *update.Release, _ map[string]io.Reader) {
			r.Components[0].Length = 5
		}, publish.ErrImage},
		"an image of another digest": {func(r *update.Release, _ map[string]io.Reader) {
			r.Components[0].Digest = update.Digest{7}
		}, publish.ErrImage},
		"an image that cannot be read": {func(_ *update.Release, i map[string]io.Reader) {
			i["app"] = io.MultiReader(strings.NewReader("x"), iotest.ErrReader(io.ErrClosedPipe))
		}, io.ErrClosedPipe},
		"an image that was cut off": {func(_ *update.Release, i map[string]io.Reader) {
			i["app"] = io.MultiReader(strings.NewReader("half an ima"), iotest.ErrReader(io.ErrUnexpectedEOF))
		}, io.ErrUnexpectedEOF},
		"an image that was cut off with its last bytes": {func(_ *update.Release, i map[string]io.Reader) {
			i["app"] = cutOff{strings.NewReader("half an ima")}
		}, io.ErrUnexpectedEOF},
		"an image whose source ended within another": {func(_ *update.Release, i map[string]io.Reader) {
			i["app"] = io.MultiReader(strings.NewReader("x"), iotest.ErrReader(fmt.Errorf("archive: %w", io.EOF)))
		}, io.EOF},
		"other content at a path that is published": {func(r *update.Release, _ map[string]io.Reader) {
			r.Components[0].Path = "images/gateway/stable/4/app"
		}, fs.ErrExist},
		"no image, and another digest than published": {func(r *update.Release, i map[string]io.Reader) {
			delete(i, "app")
			r.Components[0].Path, r.Components[0].Length, r.Components[0].Digest = "images/gateway/stable/4/app", 17, update.Digest{7}
		}, publish.ErrImage},
	} {
		t.Run(what, func(t *testing.T) {
			m := powercut.New()
			r := initial(t, m)
			_, err := r.AddRelease(t.Context(), release(4), images(4))
			require.NoError(t, err)
			before, err := offered(t.Context(), m.FS(), start)
			require.NoError(t, err)
			metadata := m.Files()["metadata/timestamp.json"]
			next, with := release(5), images(5)
			c.change(&next, with)
			_, err = r.AddRelease(t.Context(), next, with)
			require.ErrorIs(t, err, c.want)
			require.Equal(t, metadata, m.Files()["metadata/timestamp.json"])
			after, err := offered(t.Context(), m.FS(), start)
			require.NoError(t, err)
			require.Equal(t, before, after)
			_, err = r.AddRelease(t.Context(), release(6), images(6))
			require.NoError(t, err)
		})
	}
}

// TestSameImage: a component that did not change needs no image again.
func TestSameImage(t *testing.T) {
	m := powercut.New()
	r := initial(t, m)
	first, err := r.AddRelease(t.Context(), release(1), images(1))
	require.NoError(t, err)
	next, with := release(2), images(2)
	next.Components[1] = first.Components[1]
	delete(with, "system")
	_, err = r.AddRelease(t.Context(), next, with)
	require.NoError(t, err)
	got, err := offered(t.Context(), m.FS(), start)
	require.NoError(t, err)
	require.Equal(t, "release 2 floor 1 app=the application 2 system=the system 1the s", got)
}

// TestWrittenOnce: of what a device may be reading only timestamp.json ever changes.
func TestWrittenOnce(t *testing.T) {
	m := powercut.New()
	r := initial(t, m)
	seen := m.Files()
	for n := uint64(1); n < 4; n++ {
		_, err := r.AddRelease(t.Context(), release(n), images(n))
		require.NoError(t, err)
		require.NoError(t, r.Refresh(t.Context()))
		for name, data := range m.Files() {
			if old, ok := seen[name]; ok && name != "metadata/timestamp.json" {
				require.Equal(t, old, data, name)
			}
		}
		maps.Copy(seen, m.Files())
	}
	require.Len(t, slices.Collect(maps.Keys(m.Files())), 1+1+2*4+3*3, "root, timestamp, four targets and snapshots, three times three targets")
}

// TestInitRefused: a repository that exists, or keys that do not fit.
func TestInitRefused(t *testing.T) {
	m := powercut.New()
	initial(t, m)
	_, err := publish.Init(t.Context(), m.FS(), four(), nil)
	require.ErrorIs(t, err, fs.ErrExist)

	m = powercut.New()
	initial(t, m)
	require.NoError(t, m.FS().Remove("metadata/timestamp.json"))
	others := four()
	others.Targets = signers("somebody")
	_, err = publish.Init(t.Context(), m.FS(), others, nil)
	require.ErrorIs(t, err, fs.ErrExist, "a root of other keys was written over")

	weak, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	require.NoError(t, err)
	old, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	for what, change := range map[string]func(*publish.Roles){
		"none":         func(r *publish.Roles) { r.Root = publish.Role{} },
		"too few":      func(r *publish.Roles) { r.Root.Threshold = 2 },
		"one for two":  func(r *publish.Roles) { r.Targets = r.Root },
		"one twice":    func(r *publish.Roles) { r.Root = signers("root", "root") },
		"of no use":    func(r *publish.Roles) { r.Root.Signers = []crypto.Signer{weak} },
		"unknown kind": func(r *publish.Roles) { r.Root.Signers = []crypto.Signer{old} },
		"nil":          func(r *publish.Roles) { r.Root.Signers = []crypto.Signer{nil} },
	} {
		m, roles := powercut.New(), four()
		change(&roles)
		_, err := publish.Init(t.Context(), m.FS(), roles, nil)
		require.ErrorIs(t, err, publish.ErrKeys, what)
		require.Empty(t, m.Files(), what)
	}
}

// TestThresholds: as many as the root says must sign, with keys of the role.
func TestThresholds(t *testing.T) {
	m := powercut.New()
	roles := four()
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	roles.Targets = signers("alice", "bob")
	roles.Targets.Signers = append(roles.Targets.Signers, p256)
	roles.Targets.Threshold = 2
	_, err = publish.Init(t.Context(), m.FS(), roles, at(start))
	require.NoError(t, err)
	for _, c := range []struct {
		who publish.Role
		ok  bool
	}{
		{signers("alice"), false}, {signers("alice", "alice"), false}, {signers("alice", "carol"), false}, {signers("alice", "root"), false},
		{publish.Role{}, false}, {publish.Role{Signers: []crypto.Signer{key("bob"), p256}}, true}, {signers("alice", "bob"), true},
	} {
		roles.Targets = c.who
		r, err := publish.Open(t.Context(), m.FS(), roles, at(start))
		require.NoError(t, err)
		number := uint64(len(m.Files()))
		_, err = r.AddRelease(t.Context(), release(number), images(number))
		if c.ok {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, publish.ErrKeys)
		}
		_, err = offered(t.Context(), m.FS(), start)
		require.NoError(t, err)
	}
}

// TestRefresh: a service with the timestamp's key alone keeps the repository fresh;
// who has the others renews them in time.
func TestRefresh(t *testing.T) {
	m := powercut.New()
	initial(t, m)
	only, err := publish.Open(t.Context(), m.FS(), publish.Roles{Timestamp: signers("timestamp")}, at(start.Add(25*day)))
	require.NoError(t, err)
	_, err = offered(t.Context(), m.FS(), start.Add(25*day))
	require.ErrorIs(t, err, update.ErrUntrusted)
	require.NoError(t, only.Refresh(t.Context()))
	_, err = offered(t.Context(), m.FS(), start.Add(25*day))
	require.NoError(t, err)
	_, err = only.AddRelease(t.Context(), release(1), images(1))
	require.ErrorIs(t, err, publish.ErrKeys)

	versions := func() [3]int64 {
		st, err := only.Status(t.Context())
		require.NoError(t, err)
		return [3]int64{st.Targets, st.Snapshot, st.Timestamp}
	}
	require.Equal(t, [3]int64{1, 1, 2}, versions())
	all, err := publish.Open(t.Context(), m.FS(), four(), at(start.Add(25*day)))
	require.NoError(t, err)
	require.NoError(t, all.Refresh(t.Context()))
	require.Equal(t, [3]int64{1, 2, 3}, versions())
	all, err = publish.Open(t.Context(), m.FS(), four(), at(start.Add(70*day)))
	require.NoError(t, err)
	require.NoError(t, all.Refresh(t.Context()))
	require.Equal(t, [3]int64{2, 3, 4}, versions())
	_, err = offered(t.Context(), m.FS(), start.Add(70*day))
	require.NoError(t, err)
}

// TestDamaged: a repository that does not verify is not added to.
func TestDamaged(t *testing.T) {
	m := powercut.New()
	r := initial(t, m)
	_, err := r.AddRelease(t.Context(), release(1), images(1))
	require.NoError(t, err)
	for name, data := range m.Files() {
		if strings.HasPrefix(name, "targets/images") || strings.HasPrefix(name, "metadata/1.") && !strings.Contains(name, "root") {
			continue // images are not read again, nor is what was replaced
		}
		c := m.Clone()
		f, err := c.FS().Open(name, 1)
		require.NoError(t, err)
		_, err = f.WriteAt([]byte{data[len(data)/2] ^ 1}, int64(len(data)/2))
		require.NoError(t, err)
		again, err := publish.Open(t.Context(), c.FS(), four(), at(start))
		if err == nil {
			_, err = again.AddRelease(t.Context(), release(2), images(2))
		}
		require.True(t, errors.Is(err, publish.ErrRepository), "%s: %v", name, err)
	}
}
