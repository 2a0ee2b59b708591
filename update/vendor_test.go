package update_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/iot-device-baseline/baseline/update"
)

const product, channel = "pump", "stable"

// vendor signs and serves releases: a Trust and a Source.
type vendor struct {
	targets map[string]update.Target
	files   map[string][]byte
	known   map[string]update.Version // by image: what really is a program
	refresh error
	open    func(ctx context.Context, name string, offset, length int64) (io.ReadCloser, int64, error) // instead of its own
	opened  []int64                                                                                    // offsets of images asked for
	names   []string                                                                                   // components of its releases
}

func newVendor(names ...string) *vendor {
	if len(names) == 0 {
		names = []string{"system"}
	}
	return &vendor{targets: map[string]update.Target{}, files: map[string][]byte{}, known: map[string]update.Version{}, names: names}
}

func (v *vendor) components() []string { return v.names }

// runs reports whether image is one that starts.
func (v *vendor) runs(image []byte) bool { _, ok := v.known[string(image)]; return ok }

// image makes the program of a version for a component.
func (v *vendor) image(component string, number uint64, size int) []byte {
	head := fmt.Sprintf("%s %d\n", component, number)
	image := []byte(head + strings.Repeat(head, size/len(head)+1))[:size]
	v.known[string(image)] = versionOf(number)
	return image
}

func versionOf(number uint64) update.Version {
	return update.Version{Version: fmt.Sprintf("1.%d", number), Number: number}
}

const imageSize = 1500

// publish offers a release; change may spoil it before it is signed.
func (v *vendor) publish(number, floor uint64, change func(*update.Release)) *update.Release {
	r := &update.Release{
		Product: product, Channel: channel, Version: versionOf(number).Version, Number: number, Floor: floor,
		Published: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
	for _, name := range v.names {
		image := v.image(name, number, imageSize)
		path := fmt.Sprintf("images/%s-%d", name, number)
		v.sign(path, image)
		r.Components = append(r.Components, update.Component{
			Name: name, Version: r.Version, Path: path, Length: imageSize, Digest: sha256.Sum256(image),
		})
	}
	if change != nil {
		change(r)
	}
	document, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	v.sign(update.ReleasePath(product, channel), document)
	return r
}

func (v *vendor) sign(path string, data []byte) {
	v.targets[path] = update.Target{Path: path, Name: "targets/" + path, Length: int64(len(data)), Digest: sha256.Sum256(data)}
	v.files["targets/"+path] = data
}

func (v *vendor) document() update.Digest {
	return v.targets[update.ReleasePath(product, channel)].Digest
}

// clone is for what changes while a device lives.
func (v *vendor) clone() *vendor {
	c := *v
	c.targets, c.files, c.opened = maps.Clone(v.targets), maps.Clone(v.files), slices.Clone(v.opened)
	return &c
}

func (v *vendor) Refresh(context.Context) error { return v.refresh }

func (v *vendor) Find(_ context.Context, path string) (update.Target, error) {
	t, ok := v.targets[path]
	if !ok {
		return t, fmt.Errorf("%s: %w", path, update.ErrNotOffered)
	}
	return t, nil
}

func (v *vendor) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, int64, error) {
	if strings.HasPrefix(name, "targets/images/") {
		v.opened = append(v.opened, offset)
		if v.open != nil {
			return v.open(ctx, name, offset, length)
		}
	}
	return v.serve(name, offset, length)
}

func (v *vendor) serve(name string, offset, length int64) (io.ReadCloser, int64, error) {
	data, ok := v.files[name]
	if !ok || offset > int64(len(data)) {
		return nil, 0, fs.ErrNotExist
	}
	end := min(int64(len(data)), offset+length)
	return io.NopCloser(bytes.NewReader(data[offset:end])), offset, nil
}

// cutOff serves images up to n bytes of each, and then fails.
func (v *vendor) cutOff(n int64) {
	v.open = func(_ context.Context, name string, offset, length int64) (io.ReadCloser, int64, error) {
		if offset >= n {
			return nil, 0, errors.New("no way")
		}
		return v.serve(name, offset, min(length, n-offset))
	}
}
