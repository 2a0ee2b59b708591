package baseline_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"path"
	"testing/fstest"
	"time"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/update"
)

// branch is one directory of an FS as an FS: the state, the slots and the boot
// environment of a house are partitions of one medium.
type branch struct {
	fsys durable.FS
	dir  string
}

func (b branch) Open(name string, flag durable.Flag) (durable.File, error) {
	return b.fsys.Open(path.Join(b.dir, name), flag)
}
func (b branch) Mkdir(name string) error  { return b.fsys.Mkdir(path.Join(b.dir, name)) }
func (b branch) Remove(name string) error { return b.fsys.Remove(path.Join(b.dir, name)) }
func (b branch) Rename(from, to string) error {
	return b.fsys.Rename(path.Join(b.dir, from), path.Join(b.dir, to))
}
func (b branch) List(name string) ([]durable.Info, error) {
	return b.fsys.List(path.Join(b.dir, name))
}

// builder is the vendor of houses: a server, and the Trust of the house, which
// believes targets.json if the key of the builder has signed it.
type builder struct {
	files   fstest.MapFS
	targets map[string]update.Target // that verified
}

var (
	builderKey    = ed25519.NewKeyFromSeed([]byte("the builder of houses, 32 bytes."))
	builderPublic = builderKey.Public().(ed25519.PublicKey)
)

const houseProduct, houseChannel = "house", "stable"

// houseImage is the program of a release; it is longer than what is read at once.
func houseImage(number uint64) []byte {
	return bytes.Repeat(fmt.Appendf(nil, "house %d\n", number), 300)
}

// numberOf is what would run: nothing does but a whole image.
func numberOf(image []byte) (uint64, error) {
	for number := uint64(1); number <= 3; number++ {
		if bytes.Equal(image, houseImage(number)) {
			return number, nil
		}
	}
	return 0, fmt.Errorf("%d bytes that are no program", len(image))
}

func houseVersion(number uint64) update.Version {
	return update.Version{Version: fmt.Sprintf("1.%d", number), Number: number, Floor: number}
}

// offering returns the vendor that offers release number.
func offering(number uint64) *builder {
	b := &builder{files: fstest.MapFS{}}
	b.offer(number)
	return b
}

func (b *builder) offer(number uint64) {
	image, v := houseImage(number), houseVersion(number)
	document := marshal(update.Release{
		Product: houseProduct, Channel: houseChannel, Version: v.Version, Number: number, Floor: number,
		Components: []update.Component{{Name: "system", Version: v.Version, Path: "image", Length: int64(len(image)), Digest: sha256.Sum256(image)}},
		Published:  time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	})
	list := marshal([]update.Target{
		{Path: update.ReleasePath(houseProduct, houseChannel), Name: "release.json", Length: int64(len(document)), Digest: sha256.Sum256(document)},
		{Path: "image", Name: "image", Length: int64(len(image)), Digest: sha256.Sum256(image)},
	})
	for name, data := range map[string][]byte{
		"image": image, "release.json": document, "targets.json": list, "targets.sig": ed25519.Sign(builderKey, list),
	} {
		b.files[name] = &fstest.MapFile{Data: data}
	}
}

func marshal(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

// Refresh implements update.Trust.
func (b *builder) Refresh(context.Context) error {
	list := b.files["targets.json"].Data
	if !ed25519.Verify(builderPublic, list, b.files["targets.sig"].Data) {
		return fmt.Errorf("targets.json: %w", update.ErrUntrusted)
	}
	var all []update.Target
	if err := json.Unmarshal(list, &all); err != nil {
		return fmt.Errorf("targets.json: %w: %w", update.ErrUntrusted, err)
	}
	b.targets = map[string]update.Target{}
	for _, t := range all {
		b.targets[t.Path] = t
	}
	return nil
}

// Find implements update.Trust.
func (b *builder) Find(_ context.Context, path string) (update.Target, error) {
	t, ok := b.targets[path]
	if !ok {
		return t, fmt.Errorf("%s: %w", path, update.ErrNotOffered)
	}
	return t, nil
}
