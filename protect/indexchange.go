package protect

import (
	"fmt"

	"github.com/iot-device-baseline/baseline/durable"
)

// What changes in an [index] between two anchors.

// spareSeqs are the versions for changes that were admitted before one was due.
const spareSeqs = 1 << 16

// due reports whether an anchor must come before the next change: no version is left, or a
// hold kept the last anchor from this index.
func (x *index) due() bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.held || x.few()
}

// spent reports whether few versions of this tag are left.
func (x *index) spent() bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.few()
}

// few is spent under mu.
func (x *index) few() bool {
	if x.seqs > 0 {
		return x.seq >= x.seqs
	}
	return x.seq >= maxSeq-spareSeqs
}

// passed notes whether an anchor passed by this index because of a hold.
func (x *index) passed(held bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.held = held
}

// next gives a version, or says that an anchor is due.
func (x *index) next() (uint64, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.seq >= maxSeq {
		return 0, fmt.Errorf("%d changes since the last anchor: %w", x.seq, ErrUnavailable)
	}
	x.seq++
	return x.tag | x.seq, nil
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

// unwritten notes that file does not get this version, which was expected.
func (x *index) unwritten(file string, version uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.pending[file] != version {
		return
	}
	delete(x.pending, file)
	if x.listed[file] { // the index in force may have it
		x.changes++
	}
}

// resolve takes what file has, 0 for nothing that is right, for the end of a put that
// failed: nobody waits for another version any more.
func (x *index) resolve(file string, stored uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	expected := x.pending[file]
	if expected == 0 {
		return
	}
	delete(x.pending, file)
	if stored == expected {
		x.versions[file] = stored
	}
	x.changes++ // the index in force may have both
}

// put notes that file has this version now.
func (x *index) put(file string, version uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.pending, file)
	delete(x.left, file)
	delete(x.unread, file)
	x.versions[file] = version
	x.changes++
}

// drop notes that file was removed.
func (x *index) drop(file string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.versions[file] != 0 || x.pending[file] != 0 || x.unread[file] || x.gone[file] != 0 {
		x.changes++
	}
	delete(x.versions, file)
	delete(x.pending, file)
	delete(x.unread, file)
}

// bury notes that file is removed, by a mark with this version.
func (x *index) bury(file string, version uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.gone[file] = version
}

// buried reports whether a file of this version was removed.
func (x *index) buried(file string, version uint64) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.gone[file] > version
}

// leave notes that file is removed, although it or its listing may still be there.
func (x *index) leave(file string, version uint64) {
	x.drop(file)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.gone[file], x.left[file] = version, true
}

// wonder notes that file may be gone, without a mark.
func (x *index) wonder(file string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.left[file] = true
	if x.gone[file] == 0 {
		x.gone[file] = 1 // below every version
	}
}

// leftover returns the files that are, or may be, still to be removed.
func (x *index) leftover() []string { return x.files(x.left) }

// removed notes that file is not there any more.
func (x *index) removed(file string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.left, file)
}

// expected returns the files that may get a version: streams that are being written, and
// those of puts that failed.
func (x *index) expected() (files []string) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for file := range x.pending {
		files = append(files, file)
	}
	return files
}

// refused notes that the medium did not give file.
func (x *index) refused(file string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.unread[file] = true
}

// unreadable returns the files that the medium did not give.
func (x *index) unreadable() []string { return x.files(x.unread) }

func (x *index) files(of map[string]bool) (files []string) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for file := range of {
		files = append(files, file)
	}
	return files
}

// found takes what a scan found in file, 0 for nothing, if it is right.
func (x *index) found(file string, version uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.unread, file)
	switch {
	case version == 0:
	case version >= x.fresh:
		x.changes++
		fallthrough
	case version == x.pending[file]:
		x.versions[file] = version
	}
}

// settle ends a scan: what was buried is not listed, and nothing is believed any more
// because it is fresh, but for what the medium did not give.
func (x *index) settle() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for file, version := range x.gone {
		if x.versions[file] < version {
			delete(x.versions, file)
			x.changes++
		}
	}
	x.exact = true
}
