package durable

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// fileSuffix is that of the files of [Dir.CreateFile], which are no values.
const fileSuffix = "+file"

// CreateFile begins the file called name, for what is too large for a value. Files have
// names like values, and are beside them: one of each may have the same name. Nothing
// is there under the name, or what was there before stays, until [FileWriter.Commit]
// returned nil; a power cut or an error before leaves that.
//
// A file has no checksum: who writes it sees to it that damage is noticed, as package
// protect does. While one is written, another of its name gives an error that is
// [ErrInUse].
func (d *Dir) CreateFile(ctx context.Context, name string) (*FileWriter, error) {
	w := &FileWriter{dir: d, name: name, synced: -1}
	err := d.change(ctx, "create file", name, nil, func() (err error) {
		if _, busy := d.writers[name]; busy {
			return fmt.Errorf("it is being written: %w", ErrInUse)
		}
		if err := d.makeParents(name); err != nil {
			return err
		}
		if w.file, err = d.fsys.Open(w.temp(), Create); err == nil {
			d.writers[name] = w
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return w, nil
}

// FileWriter writes one file from its beginning to its end. It must be ended by
// Commit or Abort. It is for one goroutine at a time.
type FileWriter struct {
	dir    *Dir
	name   string
	file   File
	size   int64
	synced int64 // bytes; -1 before the first Sync
	err    error // why it cannot be committed
	over   bool  // committed, or given up
}

func (w *FileWriter) temp() string { return w.name + fileSuffix + tempSuffix }

// Write implements [io.Writer]. After an error the file cannot be committed.
func (w *FileWriter) Write(p []byte) (int, error) {
	n := 0
	err := w.now(context.Background())
	if err == nil {
		n, err = w.file.WriteAt(p, w.size)
		w.size += int64(n)
		w.failed(err)
	}
	if err != nil {
		return n, fmt.Errorf("durable: write file %s: %w", w.name, err)
	}
	return n, nil
}

// now says why the file cannot be written. What then takes long, under no lock, holds up
// nobody: who removes the file meanwhile removes the name of what is written.
func (w *FileWriter) now(ctx context.Context) error {
	w.dir.writing.RLock()
	defer w.dir.writing.RUnlock()
	return w.usable(ctx)
}

// failed notes that the file cannot be committed any more, if there is an error.
func (w *FileWriter) failed(err error) {
	if err == nil {
		return
	}
	w.dir.writing.Lock()
	defer w.dir.writing.Unlock()
	if w.err == nil {
		w.err = err
	}
}

// usable says why the file cannot be written or committed. Under dir.writing.
func (w *FileWriter) usable(ctx context.Context) error {
	switch {
	case w.over:
		return fs.ErrClosed
	case w.err != nil:
		return w.err
	}
	return w.dir.admit(ctx, "", nil)
}

// Size returns how many bytes were written.
func (w *FileWriter) Size() int64 { return w.size }

// Sync makes what was written durable, though not under the name: Commit then takes a
// short time.
func (w *FileWriter) Sync() error { return w.sync(context.Background()) }

func (w *FileWriter) sync(ctx context.Context) error {
	err := w.now(ctx)
	if err == nil && w.synced != w.size {
		err = w.dir.sync(w.file)
		w.failed(err) // who syncs again is told that all is well
	}
	if err != nil {
		return fmt.Errorf("durable: sync file %s: %w", w.name, err)
	}
	w.synced = w.size
	return nil
}

// Commit makes the file durable under its name: 2 fsyncs. When it returns nil the file
// is kept. After an error that is [ErrHeld], or of ctx, it can be tried again. After any
// other it is over, and what was there before is there, or the file.
func (w *FileWriter) Commit(ctx context.Context) error {
	err := w.commit(ctx)
	if err == nil || errors.Is(err, ErrHeld) || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return err
	}
	return errors.Join(err, w.Abort())
}

func (w *FileWriter) commit(ctx context.Context) error {
	d := w.dir
	if err := w.sync(ctx); err != nil { // the bytes first, which may take long
		return err
	}
	return d.change(ctx, "commit file", w.name, nil, func() error {
		if err := w.usable(ctx); err != nil {
			return err
		}
		name := w.name + fileSuffix
		if err := d.changing(path.Dir(name), func() error { return d.fsys.Rename(w.temp(), name) }); err != nil {
			return err
		}
		w.end()
		d.count(func(s *Stats) { s.Puts++; s.BytesWritten += w.size })
		return d.syncDir(path.Dir(name))
	})
}

// end makes the name free. Under dir.writing.
func (w *FileWriter) end() {
	w.over = true
	w.file.Close()
	if w.dir.writers[w.name] == w {
		delete(w.dir.writers, w.name)
	}
}

// Abort gives the file up. After Commit, or another Abort, it does nothing: so it can be
// deferred.
func (w *FileWriter) Abort() error {
	d := w.dir
	d.writing.Lock()
	defer d.writing.Unlock()
	if w.over {
		return nil
	}
	mine := d.writers[w.name] == w
	w.end()
	if !mine || d.isClosed() {
		return nil // it was removed, or the next start does it
	}
	err := d.discard(w.temp())
	if err == nil && d.isDir(path.Dir(w.name)) {
		err = d.prune(path.Dir(w.name))
	}
	if err != nil {
		return fmt.Errorf("durable: abort file %s: %w", w.name, err)
	}
	return nil
}

func (d *Dir) isClosed() bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.closed
}

// abandonBelow ends the writers of dir and of what is below it.
func (d *Dir) abandonBelow(dir string) error {
	for name, w := range d.writers {
		if name != dir && !strings.HasPrefix(name, dir+"/") {
			continue
		}
		if err := d.abandon(w); err != nil {
			return err
		}
	}
	return nil
}

// abandon ends a writer: what it writes is removed. Under dir.writing.
func (d *Dir) abandon(w *FileWriter) error {
	w.err = fmt.Errorf("removed meanwhile: %w", fs.ErrNotExist)
	delete(d.writers, w.name)
	return d.discard(w.temp())
}
