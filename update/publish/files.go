package publish

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/update"
)

const (
	metadataDir   = "metadata"
	targetsDir    = "targets"
	timestampName = metadataDir + "/timestamp.json"
	tempName      = ".new" // in each directory: what is being written

	maxMetadata = 1 << 20 // bytes of a role, as durable.Store of a device takes
)

func rootName(version int64) string { return roleName("root", version) }

func roleName(role string, version int64) string {
	return metadataDir + "/" + strconv.FormatInt(version, 10) + "." + role + ".json"
}

// targetName is where the content of a target lies (consistent snapshots).
func targetName(target string, d update.Digest) string {
	dir, base := path.Split(target)
	return path.Join(targetsDir, dir, d.String()+"."+base)
}

// next returns a version of a role that no file has, so that none is overwritten,
// not even one left over by a power cut.
func (r *Repository) next(role string) (int64, error) {
	infos, err := r.fsys.List(metadataDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	top := int64(0)
	for _, i := range infos {
		digits, ok := strings.CutSuffix(i.Name, "."+role+".json")
		if v, err := strconv.ParseInt(digits, 10, 64); ok && err == nil {
			top = max(top, v)
		}
	}
	return top + 1, nil
}

func (r *Repository) read(name string, limit int64) ([]byte, error) {
	f, err := r.fsys.Open(name, durable.ReadOnly)
	if err != nil {
		return nil, fmt.Errorf("publish: read: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.NewSectionReader(f, 0, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s: longer than %d bytes: %w", name, limit, ErrRepository)
	}
	if err != nil {
		return nil, fmt.Errorf("publish: read: %w", err)
	}
	return data, nil
}

// replace puts data under name in one step, durably.
func (r *Repository) replace(ctx context.Context, name string, data []byte) error {
	t, err := r.begin(ctx, path.Dir(name))
	if err != nil {
		return err
	}
	if _, err := t.ReadFrom(bytes.NewReader(data)); err != nil {
		return errors.Join(err, t.f.Close())
	}
	return t.commit(name)
}

// temp is a file that is being written beside those that are read.
type temp struct {
	ctx  context.Context //nolint:containedctx // of the call that writes; io.Writer has none
	fsys durable.FS
	dir  string
	f    durable.File
	size int64
	sum  hash.Hash
}

func (r *Repository) begin(ctx context.Context, dir string) (*temp, error) {
	if err := r.makeDirs(dir); err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	f, err := r.fsys.Open(dir+"/"+tempName, durable.Create)
	if err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	return &temp{ctx: ctx, fsys: r.fsys, dir: dir, f: f, sum: sha256.New()}, nil
}

// ReadFrom writes what from holds and hashes it on the way: an image is never in
// memory as a whole. Only io.EOF ends it well: a source that was cut off says
// io.ErrUnexpectedEOF itself, and half an image must not be signed as a whole one.
func (t *temp) ReadFrom(from io.Reader) (int64, error) {
	buf := make([]byte, 256<<10)
	for {
		n, err := t.fill(from, buf)
		if n > 0 {
			if t.size+int64(n) > update.MaxImage {
				return t.size, fmt.Errorf("publish: longer than %d bytes: %w", int64(update.MaxImage), ErrImage)
			}
			if _, werr := t.f.WriteAt(buf[:n], t.size); werr != nil {
				return t.size, fmt.Errorf("publish: write: %w", werr)
			}
			t.sum.Write(buf[:n])
			t.size += int64(n)
		}
		switch {
		case err == io.EOF: //nolint:errorlint // wrapped, it is the end of something else
			return t.size, nil
		case err != nil:
			return t.size, fmt.Errorf("publish: read image: %w", err)
		}
	}
}

// fill reads until buf is full. Unlike io.ReadFull it leaves the source's error as it
// is.
func (t *temp) fill(from io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		if err = t.ctx.Err(); err != nil {
			break
		}
		var more int
		more, err = from.Read(buf[n:])
		n += more
	}
	return n, err
}

func (t *temp) digest() (d update.Digest) {
	t.sum.Sum(d[:0])
	return d
}

// commit gives the file its name, in the same directory. Nothing that reads the
// directory sees a part of it.
func (t *temp) commit(name string) error {
	if err := errors.Join(t.f.Sync(), t.f.Close()); err != nil {
		return fmt.Errorf("publish: %s: %w", name, err)
	}
	if err := t.fsys.Rename(t.dir+"/"+tempName, name); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return syncDir(t.fsys, t.dir)
}

// makeDirs makes a directory and those above it. They are synced also when they are
// there: an earlier process may have died before it did.
func (r *Repository) makeDirs(dir string) error {
	if dir == "." {
		return nil
	}
	parent := path.Dir(dir)
	if err := r.makeDirs(parent); err != nil {
		return err
	}
	if err := r.fsys.Mkdir(dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(r.fsys, parent)
}

func syncDir(fsys durable.FS, dir string) error {
	d, err := fsys.Open(dir, durable.ReadOnly)
	if err != nil {
		return fmt.Errorf("publish: sync: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("publish: sync %s: %w", dir, err)
	}
	return nil
}
