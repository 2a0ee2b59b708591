package durable

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
)

// Names of the directory's own files. None is a valid name of a value.
const (
	lockName   = ".lock"
	formatName = ".format"
	holdName   = ".hold"
	tempSuffix = "~" // a value being written
	logSuffix  = "+log"
)

// Dir keeps a device's state in one directory. It is a [Store] in plain: whoever
// reads the medium reads the values, and whoever writes it can forge them; only
// accidents are detected. Wrap secrets and anything that grants a right in a
// protect.Compartment.
//
// One process owns a directory. A Dir may be used concurrently.
type Dir struct {
	fsys    FS
	release func() error
	newest  int // Options.Format

	writing sync.RWMutex // held through every change of the medium; shared by logs and writers of files
	writers map[string]*FileWriter

	mu       sync.RWMutex // guards what follows; never held during I/O
	dirs     map[string]bool
	doubts   map[string]doubt // directories whose entries may not be durable
	doubted  int              // numbers them
	reserved map[string]int   // bytes; by name of the value
	logs     map[string]bool  // open ones, by path
	format   int
	hold     *Hold
	closed   bool
	stats    Stats
}

// Options are the options of [OpenDir] and [OpenFS].
type Options struct {
	// Format is the newest format of stored records that this release reads and
	// writes; it also reads Format-1. Default 1. See [Dir.Commit].
	Format int
}

// Stats counts what a [Dir] did since it was opened.
type Stats struct {
	Puts, Deletes   int
	Syncs           int // fsyncs of files and directories asked for
	BytesWritten    int64
	ReservesUsed    int // values put into reserved space
	ReservesMissing int // reserves that could not be made good again
}

// OpenDir opens the directory at path for this process alone, makes it if it is
// missing, and finishes what a power cut interrupted. It does I/O. What is in it is this
// package's: an empty directory is removed, also one that somebody mounts something on.
//
// Errors: [ErrInUse] with the holder's pid, [ErrFormat], [ErrCorrupt], [ErrFull];
// [io/fs.ErrPermission] for a read-only or foreign directory. A directory on hold
// opens; its values answer [ErrHeld] (see [Dir.Held]).
func OpenDir(path string, opts *Options) (*Dir, error) {
	if err := makeDir(path); err != nil {
		return nil, fmt.Errorf("durable: open %s: %w", path, err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("durable: open %s: %w", path, classify(err))
	}
	unlock, err := lock(root)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("durable: open %s: %w", path, err), root.Close())
	}
	d, err := OpenFS(osFS{root: root}, opts)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("durable: open %s: %w", path, err), unlock(), root.Close())
	}
	d.release = func() error { return errors.Join(unlock(), root.Close()) }
	return d, nil
}

// OpenFS is [OpenDir] on another medium: raw flash of a vendor, or in tests the
// machine of durable/powercut. The caller sees to it that nobody else uses it.
func OpenFS(fsys FS, opts *Options) (*Dir, error) {
	if opts == nil {
		opts = &Options{}
	}
	d := &Dir{
		fsys: fsys, release: func() error { return nil }, newest: max(opts.Format, 1),
		writers: map[string]*FileWriter{}, dirs: map[string]bool{".": true}, doubts: map[string]doubt{}, reserved: map[string]int{}, logs: map[string]bool{},
	}
	// Nothing is changed in a directory that is not this release's.
	if err := d.readFormat(); err != nil {
		return nil, fmt.Errorf("durable: open: %w", err)
	}
	if _, err := d.settle("."); err != nil {
		return nil, fmt.Errorf("durable: open: %w", err)
	}
	if d.format == 0 {
		if err := d.writeFormat(d.newest); err != nil {
			return nil, fmt.Errorf("durable: open: %w", err)
		}
	}
	d.readHold()
	d.reserved[holdName], d.reserved[formatName] = maxReason, maxFormat
	d.restoreReserves()
	return d, nil
}

// settle makes durable what the directory shows after a crash, and removes what
// was being written: the next steps may build on what they see. It returns how many entries
// are left.
func (d *Dir) settle(dir string) (left int, err error) {
	infos, err := d.fsys.List(dir)
	if err != nil {
		return 0, err
	}
	left = len(infos)
	for _, in := range infos {
		name := path.Join(dir, in.Name)
		switch {
		case !ours(in.Name): // somebody else's, such as lost+found
		case in.Dir:
			d.dirs[name] = true
			gone := false
			if gone, err = d.settleBelow(name); gone {
				left--
			}
		case strings.HasSuffix(name, tempSuffix):
			left--
			err = d.fsys.Remove(name)
		case isSpare(name):
			value, _ := spareOf(name)
			if size := in.Size - recordOverhead; size > 0 && size <= MaxValue {
				d.reserved[value] = max(d.reserved[value], int(size))
			}
		}
		if err != nil {
			return left, err
		}
	}
	return left, d.syncDir(dir)
}

// settleBelow settles dir, and removes it if it is empty, as a cut leaves it: no value could
// have its name, and an inventory would find it unclaimed.
func (d *Dir) settleBelow(dir string) (gone bool, err error) {
	left, err := d.settle(dir)
	if err != nil || left > 0 {
		return false, err
	}
	// That it cannot be removed, as a mount point, keeps nothing from opening.
	return d.remove(dir) == nil, nil
}

// ours reports whether an entry can be one of this package's: a value, a directory
// of values, a log, a segment, a file, a spare, one of them being written, or an own file.
func ours(entry string) bool {
	name := strings.TrimSuffix(entry, tempSuffix)
	if value, ok := spareOf(name); ok {
		name = value
	}
	name = strings.TrimSuffix(strings.TrimSuffix(name, logSuffix), fileSuffix)
	return validSegment(name) || name == lockName || name == formatName || name == holdName
}

// Get returns the value called name.
func (d *Dir) Get(ctx context.Context, name string) ([]byte, error) {
	if err := d.admit(ctx, name, nil); err != nil {
		return nil, fmt.Errorf("durable: get %s: %w", name, err)
	}
	return d.getCertain(name)
}

// Put keeps value under name: 2 fsyncs, more when a directory has to be made.
func (d *Dir) Put(ctx context.Context, name string, value []byte) error {
	return d.change(ctx, "put", name, nil, func() error { return d.put(name, value) })
}

// Delete removes the value called name: 1 fsync, more when its directory becomes
// empty. Old bytes may stay on the medium: removal is not erasure.
func (d *Dir) Delete(ctx context.Context, name string) error {
	return d.change(ctx, "delete", name, nil, func() error { return d.delete(name) })
}

// List returns the names of the values that begin with prefix, sorted. It does
// not read the values.
func (d *Dir) List(ctx context.Context, prefix string) ([]string, error) {
	if err := d.admit(ctx, "", nil); err != nil {
		return nil, fmt.Errorf("durable: list %s: %w", prefix, err)
	}
	return d.list(prefix, "")
}

// Stats returns the counters.
func (d *Dir) Stats() Stats {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.stats
}

// Health reports what the owner of the device should know: a hold, reserves
// that could not be made good, or a directory of which a sync failed and fails again:
// what is in it is not told before one works.
func (d *Dir) Health(context.Context) error {
	if err := d.allCertain("."); err != nil {
		return fmt.Errorf("durable: health: %w", err)
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.hold != nil {
		return fmt.Errorf("durable: health: %w: %s", ErrHeld, d.hold.reason)
	}
	if d.stats.ReservesMissing > 0 {
		return fmt.Errorf("durable: health: %d reserves missing: free some space and reopen: %w", d.stats.ReservesMissing, ErrFull)
	}
	return nil
}

// Close frees the directory for another process. Everything acknowledged is
// durable already. A second Close does nothing.
func (d *Dir) Close() error {
	d.writing.Lock()
	defer d.writing.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	return d.release()
}

// change runs f, which changes the medium, alone and if it may run now.
func (d *Dir) change(ctx context.Context, verb, name string, h *Hold, f func() error) error {
	d.writing.Lock()
	defer d.writing.Unlock()
	err := d.admit(ctx, name, h)
	if err == nil {
		err = f()
	}
	if err != nil {
		return fmt.Errorf("durable: %s: %w", strings.TrimSpace(verb+" "+name), err)
	}
	return nil
}

// admit says why an operation may not run now; name "" is not checked. It may run
// while h is the hold in force.
func (d *Dir) admit(ctx context.Context, name string, h *Hold) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if name != "" {
		if err := ValidName(name); err != nil {
			return err
		}
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.closed {
		return fs.ErrClosed
	}
	if d.hold != nil && d.hold != h && (h == nil || h.dir != nil) {
		return fmt.Errorf("%w: %s", ErrHeld, d.hold.reason)
	}
	return nil
}
