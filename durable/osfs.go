package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// osFS is an FS on the operating system's, confined to one directory by os.Root:
// no name and no symbolic link leads out of it.
type osFS struct {
	root *os.Root
	mode os.FileMode // of new files; 0 means 0600
}

func (f osFS) Open(name string, flag Flag) (File, error) {
	mode := [...]int{ReadOnly: os.O_RDONLY, ReadWrite: os.O_RDWR, Create: os.O_RDWR | os.O_CREATE | os.O_TRUNC}
	file, err := f.root.OpenFile(name, mode[flag], max(f.mode, 0o600))
	if err != nil {
		return nil, classify(err)
	}
	return osFile{file}, nil
}

func (f osFS) Mkdir(name string) error       { return classify(f.root.Mkdir(name, 0o700)) }
func (f osFS) Rename(old, name string) error { return classify(f.root.Rename(old, name)) }
func (f osFS) Remove(name string) error      { return classify(f.root.Remove(name)) }

func (f osFS) List(name string) ([]Info, error) {
	dir, err := f.root.Open(name)
	if err != nil {
		return nil, classify(err)
	}
	defer dir.Close()
	entries, err := dir.ReadDir(-1)
	if err != nil {
		return nil, classify(err)
	}
	infos := make([]Info, 0, len(entries))
	for _, e := range entries {
		info := Info{Name: e.Name(), Dir: e.IsDir()}
		if st, err := e.Info(); err == nil && !info.Dir {
			info.Size = st.Size()
		}
		infos = append(infos, info)
	}
	return infos, nil
}

type osFile struct{ *os.File }

func (f osFile) WriteAt(p []byte, off int64) (int, error) {
	n, err := f.File.WriteAt(p, off)
	return n, classify(err)
}

func (f osFile) Truncate(size int64) error { return classify(f.File.Truncate(size)) }
func (f osFile) Sync() error               { return classify(f.File.Sync()) }

// classify gives the errors that callers act on their sentinels.
func classify(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: %w", ErrFull, err)
	case errors.Is(err, syscall.ENOTDIR): // a value stands where a directory would
		return fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: %w: remount it for writing", fs.ErrPermission, err)
	default:
		return err
	}
}

// makeDir makes path and its missing parents, each durable. What is there already may
// have been made by a start that was killed before its sync: it is synced too, unless
// it is mounted on what cannot be (squashfs), or this process may not read the parent.
func makeDir(path string) error {
	parent := filepath.Dir(path)
	if st, err := os.Stat(path); err == nil {
		if !st.IsDir() {
			return fmt.Errorf("%s is not a directory: %w", path, fs.ErrInvalid)
		}
		err := syncParent(parent)
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
			return nil
		}
		return err
	}
	if parent == path {
		return fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	}
	if err := makeDir(parent); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return classify(err)
	}
	return syncParent(parent)
}

func syncParent(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(classify(dir.Sync()), dir.Close())
}

// lock takes the directory for this process. The kernel frees it when the
// process ends, however it ends.
func lock(root *os.Root) (release func() error, err error) {
	f, err := root.OpenFile(lockName, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, classify(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder := make([]byte, 20)
		n, _ := f.ReadAt(holder, 0)
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w by process %s: stop it, or use its management interface", ErrInUse, pid(holder[:n]))
		}
		return nil, err
	}
	// The pid only helps the one who is refused: it need not be durable, and a full
	// medium is no reason not to start. Always as long, it needs no new space.
	_, _ = f.WriteAt(fmt.Appendf(nil, "%-10d", os.Getpid()), 0)
	return f.Close, nil
}

func pid(text []byte) string {
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return "unknown"
	}
	return strconv.Itoa(n)
}
