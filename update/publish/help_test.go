package publish_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/tuf"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/update"
	"github.com/iot-device-baseline/baseline/update/publish"
)

var start = time.Date(2030, time.March, 1, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// key makes the same key for the same name each time.
func key(name string) crypto.Signer {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func signers(names ...string) publish.Role {
	var r publish.Role
	for _, n := range names {
		r.Signers = append(r.Signers, key(n))
	}
	return r
}

func four() publish.Roles {
	return publish.Roles{Root: signers("root"), Targets: signers("targets"), Snapshot: signers("snapshot"), Timestamp: signers("timestamp")}
}

func at(now time.Time) *publish.Options {
	return &publish.Options{Now: func() time.Time { return now }}
}

// initial makes a repository on a machine.
func initial(t testing.TB, m *powercut.Machine) *publish.Repository {
	r, err := publish.Init(t.Context(), m.FS(), four(), at(start))
	require.NoError(t, err)
	return r
}

// release is one with two components.
func release(number uint64) update.Release {
	return update.Release{
		Product: "gateway", Channel: "stable", Version: fmt.Sprint("1.", number), Number: number, Floor: number / 2,
		Components: []update.Component{{Name: "app", Version: "a"}, {Name: "system", Version: "b"}},
	}
}

func images(number uint64) map[string]io.Reader {
	return map[string]io.Reader{
		"app":    strings.NewReader(fmt.Sprint("the application ", number)),
		"system": strings.NewReader(strings.Repeat(fmt.Sprint("the system ", number), 100)),
	}
}

// files is an update.Source of what lies on a machine.
type files struct{ fsys durable.FS }

func (f files) Open(_ context.Context, name string, _, _ int64) (io.ReadCloser, int64, error) {
	file, err := f.fsys.Open(name, durable.ReadOnly)
	if err != nil {
		return nil, 0, err
	}
	data, err := io.ReadAll(io.NewSectionReader(file, 0, 1<<30))
	return io.NopCloser(bytes.NewReader(data)), 0, errors.Join(err, file.Close())
}

type standing struct{ now time.Time }

func (s standing) Now() (time.Time, durable.Quality) { return s.now, durable.Authenticated }

// device is a new device of the vendor's.
func device(ctx context.Context, fsys durable.FS, now time.Time) (*tuf.Client, error) {
	root, _, err := files{fsys}.Open(ctx, "metadata/1.root.json", 0, -1)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(root)
	if err != nil {
		return nil, err
	}
	dir, err := durable.OpenFS(powercut.New().FS(), nil)
	if err != nil {
		return nil, err
	}
	c, err := tuf.Open(ctx, dir, files{fsys}, data, &tuf.Options{Clock: standing{now}})
	if err != nil {
		return nil, err
	}
	return c, c.Refresh(ctx)
}

// fetch reads a target as a device does, which checks it.
func fetch(ctx context.Context, c *tuf.Client, fsys durable.FS, path string) ([]byte, error) {
	target, err := c.Find(ctx, path)
	if err != nil {
		return nil, err
	}
	r, _, err := files{fsys}.Open(ctx, target.Name, 0, -1)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(r)
	if err == nil && (int64(len(data)) != target.Length || sha256.Sum256(data) != target.Digest) {
		err = fmt.Errorf("%s: other bytes", path)
	}
	return data, err
}

// offered tells in words what a device is offered, every byte verified.
func offered(ctx context.Context, fsys durable.FS, now time.Time) (string, error) {
	c, err := device(ctx, fsys, now)
	if err != nil {
		return "", err
	}
	data, err := fetch(ctx, c, fsys, update.ReleasePath("gateway", "stable"))
	if errors.Is(err, update.ErrNotOffered) {
		return "nothing", nil
	}
	if err != nil {
		return "", err
	}
	rel, err := update.ParseRelease(data)
	if err != nil {
		return "", err
	}
	words := fmt.Sprintf("release %d floor %d", rel.Number, rel.Floor)
	for _, comp := range rel.Components {
		image, err := fetch(ctx, c, fsys, comp.Path)
		if err != nil {
			return "", err
		}
		if int64(len(image)) != comp.Length || sha256.Sum256(image) != comp.Digest {
			return "", errors.New("the document and the target differ")
		}
		words += fmt.Sprintf(" %s=%.17s", comp.Name, image)
	}
	return words, nil
}
