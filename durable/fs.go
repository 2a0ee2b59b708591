package durable

import (
	"io"
)

// FS is one directory tree on a medium, as narrow as this package needs it.
//
// Who calls it: only this package. Who writes one: [OpenDir] brings the operating
// system's, durable/powercut the one that loses power; a vendor with raw flash
// may bring another.
//
// Names are slash-separated and relative ("a/b"); "." is the tree itself.
//
//   - Nothing is durable before Sync returned nil: a file's bytes after Sync on
//     that file, a name (creation, Rename, Remove, Mkdir) after Sync on a File
//     opened for its directory.
//   - Rename replaces newname atomically; both names are in one directory.
//   - A missing name gives an error that is [io/fs.ErrNotExist].
//   - No space left gives an error that is [ErrFull].
//   - Methods may be called concurrently.
//
// The interface is frozen.
type FS interface {
	// Open opens a file, or, with ReadOnly, a directory, whose only useful
	// methods are then Sync and Close.
	Open(name string, flag Flag) (File, error)
	// Mkdir makes one directory; one that exists is an error that is [io/fs.ErrExist].
	Mkdir(name string) error
	Rename(oldname, newname string) error
	// Remove removes a file or an empty directory.
	Remove(name string) error
	// List returns the entries of a directory, in any order.
	List(name string) ([]Info, error)
}

// Flag says how FS.Open opens a file.
type Flag int

// The flags of FS.Open.
const (
	ReadOnly  Flag = iota // must exist; a file or a directory
	ReadWrite             // must exist
	Create                // made, or cut to length 0; open for reading and writing
)

// A File is an open file of an [FS].
//
//   - WriteAt beyond the end fills the gap with zeros.
//   - Sync returning an error means that bytes written since the last successful
//     Sync may be lost for good, even if a later Sync returns nil: who needs
//     them writes them again.
//
// The interface is frozen.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Truncate(size int64) error
	Sync() error
}

// Info describes an entry of a directory.
type Info struct {
	Name string // without the directory
	Size int64  // bytes; 0 for a directory
	Dir  bool
}
