package baselinetest_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/baselinetest"
	"github.com/iot-device-baseline/baseline/update"
)

const (
	product, channel = "pump", "stable"

	olderNumber, factoryNumber, newerNumber, badNumber = 1, 2, 3, 4
)

// vendor is the vendor's server, a directory of files, and the device's Trust: it
// believes targets.json, if the vendor's key has signed it.
type vendor struct {
	path, fault string
	known       map[string]update.Version // by image: what really is a program
	targets     map[string]update.Target  // that verified
}

func newVendor(path, fault string) *vendor {
	return &vendor{path: path, fault: fault, known: map[string]update.Version{}}
}

func (v *vendor) source() update.Source { return update.FS(os.DirFS(v.path)) }

func versionOf(number uint64) update.Version {
	return update.Version{Version: fmt.Sprintf("1.%d", number), Number: number}
}

func (v *vendor) image(number uint64) []byte {
	image := []byte(strings.Repeat(fmt.Sprintf("program %d\n", number), 200))
	v.known[string(image)] = versionOf(number)
	return image
}

// offer writes the files of one release.
func (v *vendor) offer(r baselinetest.Release) (string, error) {
	number := map[baselinetest.Release]uint64{baselinetest.Newer: newerNumber, baselinetest.Older: olderNumber}[r]
	if number == 0 {
		number = badNumber
	}
	files := v.publish(number)
	key := vendorKey
	if r == baselinetest.Stranger {
		key = strangerKey
	}
	files["targets.sig"] = ed25519.Sign(key, files["targets.json"])
	switch r {
	case baselinetest.Payload:
		files["image"][len(files["image"])/2] ^= 1
		v.known[string(files["image"])] = versionOf(number) // it would run
	case baselinetest.Metadata:
		files["targets.json"] = []byte(strings.Replace(string(files["targets.json"]), `"image"`, `"imagf"`, 1))
	case baselinetest.Unsigned:
		delete(files, "targets.sig")
	}
	return versionOf(number).Version, v.write(files)
}

// publish makes the files of a release, unsigned.
func (v *vendor) publish(number uint64) map[string][]byte {
	image := v.image(number)
	document := must(json.Marshal(update.Release{
		Product: product, Channel: channel, Version: versionOf(number).Version, Number: number, Floor: number,
		Components: []update.Component{{
			Name: "system", Version: versionOf(number).Version, Path: "image", Length: int64(len(image)), Digest: sha256.Sum256(image),
		}},
		Published: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}))
	target := func(path, name string, data []byte) update.Target {
		return update.Target{Path: path, Name: name, Length: int64(len(data)), Digest: sha256.Sum256(data)}
	}
	list := []update.Target{target(update.ReleasePath(product, channel), "release.json", document), target("image", "image", image)}
	return map[string][]byte{"image": image, "release.json": document, "targets.json": must(json.Marshal(list))}
}

func (v *vendor) write(files map[string][]byte) error {
	err := errors.Join(os.RemoveAll(v.path), os.MkdirAll(v.path, 0o700))
	for name, data := range files {
		err = errors.Join(err, os.WriteFile(filepath.Join(v.path, name), data, 0o600))
	}
	return err
}

// Refresh implements update.Trust.
func (v *vendor) Refresh(context.Context) error {
	data, err := os.ReadFile(filepath.Join(v.path, "targets.json"))
	if err != nil {
		return fmt.Errorf("%w: %w", update.ErrUnavailable, err)
	}
	signature, err := os.ReadFile(filepath.Join(v.path, "targets.sig"))
	if verified := err == nil && ed25519.Verify(vendorKey.Public().(ed25519.PublicKey), data, signature); !verified && v.fault != faultUnsigned {
		return fmt.Errorf("targets.json: %w", update.ErrUntrusted)
	}
	var list []update.Target
	if err := json.Unmarshal(data, &list); err != nil {
		return fmt.Errorf("targets.json: %w: %w", update.ErrUntrusted, err)
	}
	v.targets = map[string]update.Target{}
	for _, t := range list {
		v.targets[t.Path] = t
	}
	return nil
}

// Find implements update.Trust.
func (v *vendor) Find(_ context.Context, path string) (update.Target, error) {
	t, ok := v.targets[path]
	if !ok {
		return t, fmt.Errorf("%s: %w", path, update.ErrNotOffered)
	}
	return t, nil
}

// sideloader is an updater with a way in for the vendor's service: it installs what is
// signed, also when the engine finds it too old.
type sideloader struct {
	*update.Updater
	pump *pump
}

func (s sideloader) Install(ctx context.Context, version string) error {
	err := s.Updater.Install(ctx, version)
	if !errors.Is(err, update.ErrDowngrade) {
		return err
	}
	if _, err := access.Check(ctx, s.pump.guard, access.UpdateInstall, "device"); err != nil {
		return err
	}
	image, err := os.ReadFile(filepath.Join(s.pump.vendor.path, "image"))
	if err != nil {
		return err
	}
	p, err := s.pump.flash.installer.Prepare(ctx, update.Component{}, int64(len(image)), 0)
	if err != nil {
		return err
	}
	_, err = p.WriteAt(image, 0)
	return errors.Join(err, p.Sync(ctx), p.Close(), s.pump.flash.installer.Activate(ctx, update.Component{}, 3))
}

func (p *pump) updaterFloor(ctx context.Context) (uint64, error) {
	return update.NewFloors(p.floor).Get(ctx, "release")
}
