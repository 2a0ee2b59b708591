package protect

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
)

// A version in an anchored vault is the tag that the counter had when the value was
// written, and a number within it. Before its first change each start steps the counter,
// so no version is given twice, and a later one is higher.
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
// have been written after that. Once it is exact, from the first change on, it says all.
type index struct {
	mu       sync.RWMutex
	tag      uint64            // versions are given from here on
	seq      uint64            // of the last version that was given
	fresh    uint64            // versions from here on were written after the anchor
	versions map[string]uint64 // 0 is never a version
	pending  map[string]uint64 // what may be there instead: a stream that is being written, a put that failed
	gone     map[string]uint64 // removed since the anchor, most with a mark on the medium
	left     map[string]bool   // of these, whose file may still be there
	unread   map[string]bool   // files that the medium did not give
	listed   map[string]bool   // in the index on the medium, with whatever version
	exact    bool
	held     bool   // a hold kept the last anchor from it
	changes  int64  // since the anchor
	most     int    // files
	seqs     uint64 // versions of one tag before an anchor is due; 0 is most of them. A seam of the tests
	err      error  // why it is not known
}

// errUnread: the index was not read yet, and nothing may be used before.
var errUnread = fmt.Errorf("index: not read: %w", ErrUnavailable)

func newIndex() *index { return &index{err: errUnread, most: MaxFiles} }

// begin makes the index what was read, or shuts the compartment with err.
func (x *index) begin(tag, fresh uint64, versions, pending, gone map[string]uint64, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.tag, x.fresh, x.seq, x.changes, x.exact, x.err = tag<<seqBits, fresh<<seqBits, 0, 0, false, err
	x.versions, x.pending = orEmpty(versions), orEmpty(pending)
	x.gone, x.left, x.unread = map[string]uint64{}, map[string]bool{}, map[string]bool{}
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

// empty makes it the index of a compartment that was made just now, which is a change.
func (x *index) empty(tag uint64) {
	x.begin(tag, tag, nil, nil, nil, nil)
	x.settle()
	x.changes = 1
}

// stepped notes the tag of the table.
func (x *index) stepped(tag uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if tag <<= seqBits; tag > x.tag {
		x.tag, x.seq = tag, 0
	}
}

// rebase notes that all of it is anchored.
func (x *index) rebase(fresh uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if fresh <<= seqBits; fresh > x.fresh {
		x.fresh, x.changes, x.gone = fresh, 0, map[string]uint64{}
		x.list()
	}
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
	case version == want, version == x.pending[file], (!x.exact || x.unread[file]) && version >= x.fresh:
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

// wantsMark reports whether the index on the medium has file, or may get it, and no mark
// says that it was removed: else the file that is not there would be missed.
func (x *index) wantsMark(file string) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	marked := x.gone[file] != 0 && !x.left[file] && x.versions[file] == 0
	return x.listed[file] && !marked || x.pending[file] != 0 || x.unread[file]
}

// known reports whether there is nothing to find out by a scan.
func (x *index) known() bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.exact || x.err != nil
}

// exactly reports whether the index says all.
func (x *index) exactly() bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.exact && x.err == nil
}

// changed reports whether the index in force is not this one.
func (x *index) changed() bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.changes > 0 || len(x.pending) > 0
}

func (x *index) unanchored() int64 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.changes
}

func (x *index) broken() error {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.err
}

// notRead reports whether the index was not read yet.
func (x *index) notRead() bool { return errors.Is(x.broken(), errUnread) }
