package durable

import (
	"fmt"
	"os"
)

// Raw is a directory whose files are used as they are, because something besides
// this module reads them too: the slots of a boot loader, its environment. Nothing
// here is atomic, and nothing durable before Sync: whoever writes keeps the order.
// It holds no lock. For state use [OpenDir].
//
// It may be used concurrently, as far as the bytes that are written differ.
type Raw struct {
	FS
	root *os.Root
}

// RawOptions are the options of [OpenRaw].
type RawOptions struct {
	// Executable makes new files ones that the owner may run, as a slot that holds
	// a program; else he may read and write them.
	Executable bool
}

// OpenRaw opens the directory path, which must exist. No name and no symbolic link
// below it leads out of it.
func OpenRaw(path string, opts *RawOptions) (*Raw, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("durable: open raw: %w", classify(err))
	}
	fsys := osFS{root: root}
	if opts != nil && opts.Executable {
		fsys.mode = 0o700
	}
	return &Raw{FS: fsys, root: root}, nil
}

// Close closes the directory. Open files stay open.
func (r *Raw) Close() error { return r.root.Close() }

// Uncached is what a [File] may be besides: DropCache asks the system to forget
// what it holds of the file in memory, so that the next read comes from the medium.
// Only synced bytes are forgotten.
type Uncached interface {
	DropCache() error
}

// DropCache makes the next read of f come from the medium, as far as its FS can.
// It syncs nothing. Where the system cannot forget, it does nothing.
func DropCache(f File) error {
	if u, ok := f.(Uncached); ok {
		return u.DropCache()
	}
	return nil
}

// DropCache implements [Uncached].
func (f osFile) DropCache() error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Control(forget) // advice only: that it was not taken is no error
}
