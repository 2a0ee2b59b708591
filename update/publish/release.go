package publish

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/iot-device-baseline/baseline/update"
)

// AddRelease publishes a release and returns its document as devices will read it.
// images holds the image of each component by its name. What is zero in release is
// filled: Published, and of a component Path
// ("images/<product>/<channel>/<number>/<name>"), Length and Digest. What is not zero
// must fit.
//
// A component without an image takes the target at its Path that an earlier release
// brought, which must have its Length and Digest.
//
// It refuses a Number that is not above the one published before for the product and
// channel, a lower Floor ([ErrNotNewer]), and another content under a path that is
// published (fs.ErrExist).
func (r *Repository) AddRelease(ctx context.Context, release update.Release, images map[string]io.Reader) (*update.Release, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	st, err := r.load(ctx)
	if err != nil {
		return nil, err
	}
	a := &adding{r: r, st: st, release: release, images: images}
	a.release.Components = append([]update.Component(nil), release.Components...)
	if a.release.Published.IsZero() {
		a.release.Published = r.now().UTC().Truncate(time.Second)
	}
	if err := a.precheck(); err != nil {
		return nil, err
	}
	for i := range a.release.Components {
		if err := a.component(ctx, &a.release.Components[i]); err != nil {
			return nil, err
		}
	}
	done, err := a.document(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.publish(ctx, st); err != nil {
		return nil, err
	}
	return done, nil
}

// adding is a release on its way into the targets.
type adding struct {
	r       *Repository
	st      *state
	release update.Release
	images  map[string]io.Reader
}

// precheck refuses what can be refused before an image is read.
func (a *adding) precheck() error {
	probe := a.release
	probe.Components = append([]update.Component(nil), a.release.Components...)
	used := 0
	for i := range probe.Components {
		c := &probe.Components[i]
		a.place(&a.release.Components[i])
		c.Path = a.release.Components[i].Path
		if a.images[c.Name] != nil {
			c.Length, c.Digest = max(c.Length, 1), update.Digest{1} // known once it is read
			used++
		}
	}
	if err := probe.Check(); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	if used != len(a.images) {
		return fmt.Errorf("publish: %w: an image of no component", ErrImage)
	}
	return a.rises()
}

// place gives a component its default path.
func (a *adding) place(c *update.Component) {
	if c.Path == "" {
		c.Path = path.Join("images", a.release.Product, a.release.Channel, strconv.FormatUint(a.release.Number, 10), c.Name)
	}
}

// rises compares with the release that is published now.
func (a *adding) rises() error {
	before, err := a.r.release(a.st, a.release.Product, a.release.Channel)
	if errors.Is(err, update.ErrNotOffered) {
		return nil
	}
	if err != nil {
		return err
	}
	if a.release.Number <= before.Number || a.release.Floor < before.Floor {
		return fmt.Errorf("publish: %w: number %d after %d, floor %d after %d",
			ErrNotNewer, a.release.Number, before.Number, a.release.Floor, before.Floor)
	}
	return nil
}

// component brings an image into the targets.
func (a *adding) component(ctx context.Context, c *update.Component) error {
	listed, known := a.st.targets.Signed.Targets[c.Path]
	image := a.images[c.Name]
	if image == nil {
		if !known || !same(listed, c.Length, c.Digest) {
			return fmt.Errorf("publish: %s: %w: none given, and none published at its path", c.Name, ErrImage)
		}
		return nil
	}
	length, digest, err := a.r.writeTarget(ctx, c.Path, image)
	if err != nil {
		return err
	}
	if length == 0 || c.Length != 0 && c.Length != length || c.Digest != (update.Digest{}) && c.Digest != digest {
		return fmt.Errorf("publish: %s: %w: empty, or not the length and digest announced", c.Name, ErrImage)
	}
	if known && !same(listed, length, digest) {
		return fmt.Errorf("publish: %s: published with other content: %w", c.Path, fs.ErrExist)
	}
	c.Length, c.Digest = length, digest
	a.list(c.Path, length, digest)
	return nil
}

// document writes the document of the release, as the last of its files.
func (a *adding) document(ctx context.Context) (*update.Release, error) {
	data, err := json.Marshal(&a.release)
	if err != nil {
		return nil, fmt.Errorf("publish: release: %w", err)
	}
	done, err := update.ParseRelease(data) // what devices do
	if err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	target := update.ReleasePath(done.Product, done.Channel)
	length, digest, err := a.r.writeTarget(ctx, target, bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	a.list(target, length, digest)
	return done, nil
}

func (a *adding) list(target string, length int64, d update.Digest) {
	f := metadata.TargetFile()
	f.Length, f.Hashes["sha256"] = length, d[:]
	a.st.targets.Signed.Targets[target] = f
}

func same(f *metadata.TargetFiles, length int64, d update.Digest) bool {
	return f.Length == length && string(f.Hashes["sha256"]) == string(d[:])
}

// writeTarget writes a target under the name that its digest gives. One that is there
// is written again, with the same content: it may be damaged, or not durable.
func (r *Repository) writeTarget(ctx context.Context, target string, from io.Reader) (int64, update.Digest, error) {
	t, err := r.begin(ctx, path.Dir(path.Join(targetsDir, target)))
	if err != nil {
		return 0, update.Digest{}, err
	}
	if _, err := t.ReadFrom(from); err != nil {
		return 0, update.Digest{}, errors.Join(err, t.f.Close())
	}
	d := t.digest()
	return t.size, d, t.commit(targetName(target, d))
}

// Release returns the release that is published for a product and channel, or an
// error that is [update.ErrNotOffered].
func (r *Repository) Release(ctx context.Context, product, channel string) (*update.Release, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	st, err := r.load(ctx)
	if err != nil {
		return nil, err
	}
	return r.release(st, product, channel)
}

func (r *Repository) release(st *state, product, channel string) (*update.Release, error) {
	target := update.ReleasePath(product, channel)
	f, ok := st.targets.Signed.Targets[target]
	if !ok {
		return nil, fmt.Errorf("publish: %s: %w", target, update.ErrNotOffered)
	}
	var d update.Digest
	copy(d[:], f.Hashes["sha256"])
	data, err := r.read(targetName(target, d), update.MaxRelease)
	if err != nil {
		return nil, err
	}
	if err := f.VerifyLengthHashes(data); err != nil {
		return nil, broken(err)
	}
	release, err := update.ParseRelease(data)
	if err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	return release, nil
}
