package powercut

import (
	"io"
	"io/fs"
	"sort"

	"github.com/iot-device-baseline/baseline/durable"
)

// memFile is an open file or directory of a memFS.
type memFile struct {
	fs       memFS
	n        *inode
	name     string
	readOnly bool
	boot     int
	closed   bool
}

// call runs do with the lock held, unless the file cannot be used, and wraps the error.
func (f *memFile) call(op string, writes bool, do func() error) error {
	f.fs.m.mu.Lock()
	defer f.fs.m.mu.Unlock()
	var err error
	switch {
	case f.fs.m.off:
		err = ErrPower
	case f.closed || f.boot != f.fs.m.boot:
		err = fs.ErrClosed
	case writes && f.readOnly:
		err = fs.ErrPermission
	default:
		err = do()
	}
	if err != nil {
		return &fs.PathError{Op: op, Path: f.name, Err: err}
	}
	return nil
}

func (f *memFile) ReadAt(p []byte, off int64) (n int, err error) {
	eof := false
	err = f.call("read", false, func() error {
		if off < 0 || f.n.dir {
			return fs.ErrInvalid
		}
		if off < int64(len(f.n.live)) {
			n = copy(p, f.n.live[off:])
		}
		eof = n < len(p)
		return nil
	})
	if err == nil && eof {
		err = io.EOF // bare, as io.ReaderAt asks
	}
	return n, err
}

func (f *memFile) WriteAt(p []byte, off int64) (n int, err error) {
	err = f.call("write", true, func() error {
		if off < 0 {
			return fs.ErrInvalid
		}
		r := span{off, off + int64(len(p))}
		fault, err := f.fs.m.step("write", f.name, f.fs.m.need(f.n, r) > 0)
		if err != nil {
			return err
		}
		switch fault {
		case NoFault:
			n, err = f.fs.m.fits(f.n, r)
		case Full:
			n, err = len(p)/2, durable.ErrFull
		case Torn:
			n, err = len(p)/2, ErrIO
		default:
			err = ErrIO
		}
		if n > 0 {
			f.n.do(change{off: off, data: append([]byte(nil), p[:n]...)})
		}
		return err
	})
	return n, err
}

// fits returns how many bytes of a write of r have space.
func (m *Machine) fits(n *inode, r span) (int, error) {
	all := int(r.to - r.from)
	if m.capacity == 0 {
		return all, nil
	}
	free := max(0, m.capacity-m.root.usage())
	if m.need(n, r) <= free {
		return all, nil
	}
	k := sort.Search(all, func(k int) bool { return m.need(n, span{r.from, r.from + int64(k) + 1}) > free })
	return k, durable.ErrFull
}

// need returns how many free bytes a write of r takes.
func (m *Machine) need(n *inode, r span) int64 {
	if m.cow {
		return r.to - r.from
	}
	return n.allocates(r)
}

// usage returns the bytes allocated by a file or by all files below a directory.
func (n *inode) usage() int64 {
	total := n.used()
	for _, child := range n.names {
		total += child.usage()
	}
	return total
}

func (f *memFile) Truncate(size int64) error {
	return f.call("truncate", true, func() error {
		if size < 0 {
			return fs.ErrInvalid
		}
		if err := f.fs.step("truncate", f.name, false); err != nil {
			return err
		}
		f.n.do(change{truncate: true, off: size})
		return nil
	})
}

// Sync keeps what is pending, as far as the breakage of the machine lets it.
func (f *memFile) Sync() error {
	kind := "sync"
	if f.n.dir {
		kind = "syncdir"
	}
	return f.call(kind, false, func() error {
		if err := f.fs.step(kind, f.name, false); err != nil {
			if !f.n.dir && !f.fs.m.off {
				f.n.lost = f.n.lost || len(f.n.pending) > 0
				f.n.pending = nil
			}
			return err
		}
		if f.n.dir {
			f.n.flushMoves(f.fs.m.strategy.keeps(kind, len(f.n.moves)))
		} else {
			f.n.flush(f.fs.m.strategy.keeps(kind, len(f.n.pending)))
		}
		return nil
	})
}

func (f *memFile) Close() error {
	return f.call("close", false, func() error {
		f.closed = true
		return nil
	})
}
