package protect

import (
	"fmt"
	"io/fs"
	"sync"

	"github.com/iot-device-baseline/baseline/durable"
)

// A version in an anchored vault is a tag, that of the last anchor when the value was
// written, and a number within it. So every version that is written after an anchor is
// above every one from before it.
const (
	seqBits = 24
	maxSeq  = 1<<seqBits - 1
	maxTag  = 1<<(64-seqBits) - 1
)

// index is what a compartment holds, in a vault over a key store that counts: the
// version of each value and stream, by the MAC of its name. What the medium holds
// besides, or instead, is refused.
//
// At a start it is what was anchored, and whatever is fresh is believed, since it may
// have been written after that. Once it is exact, from the first write on, it says all.
type index struct {
	mu       sync.RWMutex
	fresh    uint64            // versions from here on were written after the anchor
	seq      uint64            // of the last version that was given
	versions map[string]uint64 // 0 is never a version
	pending  map[string]uint64 // what may be there instead: a stream that is being written, a put that failed
	gone     map[string]uint64 // removed since the anchor, most with a mark on the medium
	left     map[string]bool   // of these, whose file may still be there
	listed   map[string]bool   // in the index on the medium, with whatever version
	exact    bool
	changes  int64  // since the anchor
	most     int    // files
	seqs     uint64 // versions of one anchor; 0 is maxSeq. A seam of the tests
	err      error  // why it is not known
}

// errUnread: the index was not read yet, and nothing may be used before.
var errUnread = fmt.Errorf("index: not read: %w", ErrUnavailable)

func newIndex() *index { return &index{err: errUnread, most: MaxFiles} }

// begin makes the index what was read, or shuts the compartment with err.
func (x *index) begin(fresh uint64, versions, pending, gone map[string]uint64, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.fresh, x.seq, x.changes, x.exact, x.err = fresh<<seqBits, 0, 0, false, err
	x.versions, x.pending, x.gone, x.left = orEmpty(versions), orEmpty(pending), map[string]uint64{}, map[string]bool{}
	for file, version := range gone { // marks from before the anchor mean nothing
		if version >= x.fresh {
			x.gone[file] = version
		}
	}
	x.list()
}

func orEmpty(m map[string]uint64) map[string]uint64 {
	if m == nil {
		m = map[string]uint64{}
	}
	return m
}

// empty makes it the index of a compartment that was made just now.
func (x *index) empty(fresh uint64) {
	x.begin(fresh, nil, nil, nil, nil)
	x.settle(0)
}

func (x *index) unread() bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.err == errUnread
}

// spent reports whether there is no version left before the next anchor.
func (x *index) spent() bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.seq >= x.lastSeq()
}

func (x *index) lastSeq() uint64 {
	if x.seqs > 0 {
		return x.seqs
	}
	return maxSeq
}

// next gives a version, or says that an anchor is due.
func (x *index) next() (uint64, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.seq >= x.lastSeq() {
		return 0, fmt.Errorf("%d changes since the last anchor: %w", x.seq, ErrUnavailable)
	}
	x.seq++
	return x.fresh | x.seq, nil
}

// expect gives the version that file may get.
func (x *index) expect(file string) (uint64, error) {
	version, err := x.next()
	if err != nil {
		return 0, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if n := len(x.versions) + len(x.pending); n >= x.most && x.versions[file] == 0 {
		return 0, fmt.Errorf("%d values and streams in the compartment: %w", n, durable.ErrFull)
	}
	x.pending[file] = version
	return version, nil
}

// put notes that file has this version now.
func (x *index) put(file string, version uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.pending, file)
	delete(x.left, file)
	x.versions[file] = version
	x.changes++
}

// unwritten notes that file does not get this version, which was expected.
func (x *index) unwritten(file string, version uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.pending[file] == version {
		delete(x.pending, file)
	}
}

// drop notes that file was removed.
func (x *index) drop(file string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.versions, file)
	delete(x.pending, file)
	x.changes++
}

// leave notes that file is removed, although it may still be there.
func (x *index) leave(file string, version uint64) {
	x.drop(file)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.gone[file], x.left[file] = version, true
}

// leftover returns the files that are still to be removed.
func (x *index) leftover() (files []string) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for file := range x.left {
		files = append(files, file)
	}
	return files
}

// removed notes that file is not there any more.
func (x *index) removed(file string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.left, file)
}

// bury notes that file is removed, by a mark with this version.
func (x *index) bury(file string, version uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.gone[file] = version
}

// anchored reports whether the index on the medium has file, so that a removal
// needs a mark: else the file that is not there would be missed.
func (x *index) anchored(file string) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.listed[file] || x.pending[file] != 0
}

// list notes that the index on the medium is this one.
func (x *index) list() {
	x.listed = map[string]bool{}
	for _, of := range []map[string]uint64{x.versions, x.pending} {
		for file := range of {
			x.listed[file] = true
		}
	}
}

// judge says what is wrong with a file that has this version. [fs.ErrNotExist] is a
// file that was removed.
func (x *index) judge(file string, version uint64) error {
	x.mu.RLock()
	defer x.mu.RUnlock()
	want := x.versions[file]
	switch {
	case x.err != nil:
		return x.err
	case x.gone[file] > version:
		return fs.ErrNotExist
	case version == want, version == x.pending[file], !x.exact && version >= x.fresh:
		return nil
	case want == 0:
		return fmt.Errorf("it is not in the index: %w", ErrForeign)
	case version < want:
		return fmt.Errorf("version %d, the index has %d: %w", version, want, ErrRollback)
	}
	return fmt.Errorf("version %d was never kept, the index has %d: %w", version, want, ErrForeign)
}

// missing says what it means that there is no file.
func (x *index) missing(file string) error {
	x.mu.RLock()
	defer x.mu.RUnlock()
	switch {
	case x.err != nil:
		return x.err
	case x.versions[file] != 0 && x.gone[file] == 0:
		return fmt.Errorf("the index has it, the medium does not: %w", ErrTampered)
	}
	return fs.ErrNotExist
}

// buried reports whether a file of this version was removed.
func (x *index) buried(file string, version uint64) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.gone[file] > version
}

// found takes what a scan found in file, if it is right.
func (x *index) found(file string, version uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case version >= x.fresh:
		x.changes++
		fallthrough
	case version == x.pending[file]:
		x.versions[file] = version
	}
}

// settle ends a scan: what was buried is not listed, and nothing is believed any more
// because it is fresh.
func (x *index) settle(seq uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for file, version := range x.gone {
		if x.versions[file] < version {
			delete(x.versions, file)
			x.changes++
		}
	}
	x.changes += int64(len(x.pending)) // which the next index does not have
	x.exact, x.seq, x.pending = true, seq, map[string]uint64{}
}

// rebase notes that all of it is anchored.
func (x *index) rebase(fresh uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if fresh <<= seqBits; fresh > x.fresh {
		x.fresh, x.seq, x.changes, x.gone = fresh, 0, 0, map[string]uint64{}
		x.list()
	}
}

// known reports whether there is nothing to find out by a scan.
func (x *index) known() bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.exact || x.err != nil
}

// changed reports whether the index in force is not this one.
func (x *index) changed() bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.changes > 0 || len(x.pending) > 0
}

func (x *index) broken() error {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.err
}
