package durable

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// FileReader reads one file, as it was when it was opened. It may be used concurrently.
type FileReader struct {
	file File
	size int64
}

// OpenFile opens the file called name. One that is missing is an error that is
// [fs.ErrNotExist]. When the file is replaced or removed meanwhile, reads go on, or give
// an error; they never give other bytes.
func (d *Dir) OpenFile(ctx context.Context, name string) (*FileReader, error) {
	err := d.admit(ctx, name, nil)
	var f File
	var size int64
	if err == nil {
		f, size, err = d.openSized(name + fileSuffix)
		if cerr := d.certain(path.Dir(name)); cerr != nil {
			err = cerr
		}
	}
	if err != nil {
		if f != nil {
			f.Close()
		}
		return nil, fmt.Errorf("durable: open file %s: %w", name, err)
	}
	return &FileReader{f, size}, nil
}

func (d *Dir) openSized(name string) (File, int64, error) {
	if !d.isDir(path.Dir(name)) {
		return nil, 0, fs.ErrNotExist
	}
	f, err := d.fsys.Open(name, ReadOnly)
	if err != nil {
		return nil, 0, err
	}
	if s, ok := f.(interface{ Stat() (fs.FileInfo, error) }); ok {
		info, err := s.Stat()
		if err != nil {
			return f, 0, err
		}
		return f, info.Size(), nil
	}
	infos, err := d.fsys.List(path.Dir(name))
	if err != nil {
		return f, 0, err
	}
	i := slices.IndexFunc(infos, func(in Info) bool { return in.Name == path.Base(name) })
	if i < 0 {
		return f, 0, fs.ErrNotExist // removed meanwhile
	}
	return f, infos[i].Size, nil
}

// Size returns how many bytes the file has.
func (r *FileReader) Size() int64 { return r.size }

// ReadAt implements [io.ReaderAt].
func (r *FileReader) ReadAt(p []byte, off int64) (int, error) {
	n, err := r.file.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		return n, fmt.Errorf("durable: read file: %w", err)
	}
	return n, err
}

// Close closes the file.
func (r *FileReader) Close() error { return r.file.Close() }

// RemoveFile removes the file called name, as Delete does a value. One that is being
// written is given up: it cannot be committed any more.
func (d *Dir) RemoveFile(ctx context.Context, name string) error {
	return d.change(ctx, "remove file", name, nil, func() error {
		if w := d.writers[name]; w != nil {
			if err := d.abandon(w); err != nil {
				return err
			}
		}
		return d.delete(name + fileSuffix)
	})
}

// Usage returns how many bytes the values and files have whose names begin with prefix,
// and those that are being written, without reading them. Logs and reserves do not count.
func (d *Dir) Usage(ctx context.Context, prefix string) (int64, error) {
	if err := d.admit(ctx, "", everyHold()); err != nil {
		return 0, fmt.Errorf("durable: usage of %s: %w", prefix, err)
	}
	total, err := d.usage(path.Dir(prefix+"x"), prefix)
	if err != nil {
		return 0, fmt.Errorf("durable: usage of %s: %w", prefix, err)
	}
	return total, nil
}

func (d *Dir) usage(dir, prefix string) (total int64, err error) {
	infos, err := d.fsys.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	for _, in := range infos {
		name := path.Join(dir, in.Name)
		entry := strings.TrimSuffix(strings.TrimSuffix(in.Name, tempSuffix), fileSuffix)
		switch {
		case !validSegment(entry):
		case in.Dir:
			n, err := d.usage(name, prefix)
			if err != nil {
				return 0, err
			}
			total += n
		case strings.HasPrefix(name, prefix):
			total += in.Size
		}
	}
	return total, err
}

// Files returns the names of the files that begin with prefix, sorted.
func (d *Dir) Files(ctx context.Context, prefix string) ([]string, error) {
	if err := d.admit(ctx, "", nil); err != nil {
		return nil, fmt.Errorf("durable: list files %s: %w", prefix, err)
	}
	return d.list(prefix, fileSuffix)
}
