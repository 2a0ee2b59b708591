package durable

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// Limits of a [Store].
const (
	MaxValue = 1 << 20 // bytes of one value
	MaxName  = 200     // bytes of one name
)

// The failures that a caller can act on. A missing value is [io/fs.ErrNotExist],
// a bad name or an oversized value [io/fs.ErrInvalid], a read-only or forbidden
// medium [io/fs.ErrPermission].
var (
	// ErrCorrupt: bytes on the medium are not those that were written. Restore
	// the value from its source, or reset the part that owns it.
	ErrCorrupt = errors.New("stored bytes are damaged")
	// ErrHeld: the directory is on hold until an interrupted reset or erasure is
	// finished. Let it resume; nothing else opens before.
	ErrHeld = errors.New("held until an interrupted operation is resumed")
	// ErrInUse: another process owns the directory. The message names its pid.
	ErrInUse = errors.New("directory in use")
	// ErrFormat: written by a newer release, or by one too old to be read.
	// Start the release that wrote it.
	ErrFormat = errors.New("format not readable by this release")
	// ErrFull: no space left. Reserved names can still be written.
	ErrFull = errors.New("no space left")
)

// Store keeps small named values. It is what every stateful constructor of this
// module takes: *[Dir] keeps them in plain, *protect.Compartment sealed.
//
// Who calls it: the parts of a device. Names are made of segments of
// [a-z0-9._-], each beginning with a letter or digit, joined by "/"; see
// [ValidName]. A name and a longer name below it ("a" and "a/b") are not both
// used.
//
//   - Put returning nil means kept: the value survives a power cut from then on.
//   - A power cut, or an error of Put, leaves the old value or the new one, never
//     a mixture.
//   - Get and List never return what Delete has removed once Delete returned nil.
//   - What Get and List tell is what a power cut leaves: after a Put or Delete that
//     failed they first make sure of that, or fail too.
//   - Get of a missing name gives an error that is [io/fs.ErrNotExist]; Delete of
//     a missing name gives nil.
//   - A damaged value gives an error that is [ErrCorrupt], never other bytes.
//   - A name that is not valid, or a value above [MaxValue], gives an error that
//     is [io/fs.ErrInvalid], and nothing is stored.
//   - Get returns a slice that the caller may change.
//   - Methods may be called concurrently.
//
// It may gain optional siblings ([Logs], [Reserver], [Formatter], [Tree]).
type Store interface {
	Get(ctx context.Context, name string) ([]byte, error)
	Put(ctx context.Context, name string, value []byte) error
	Delete(ctx context.Context, name string) error
	// List returns the names that begin with prefix, sorted.
	List(ctx context.Context, prefix string) ([]string, error)
}

// Logs is the ability of a [Store] to keep append logs; find it with [OpenLog].
type Logs interface {
	OpenLog(ctx context.Context, name string, opts *LogOptions) (*Log, error)
}

// Reserver is the ability of a [Store] to keep space for a value, so that it can
// be put on a full medium; find it with [Reserve].
type Reserver interface {
	Reserve(ctx context.Context, name string, size int) error
}

// Formatter is the ability of a [Store] to say which format records are written
// in; find it with [FormatOf].
type Formatter interface {
	Format() int
}

// OpenLog opens the log called name beside the values of s. A Store that keeps
// no logs gives an error that is [errors.ErrUnsupported].
func OpenLog(ctx context.Context, s Store, name string, opts *LogOptions) (*Log, error) {
	if l, ok := s.(Logs); ok {
		return l.OpenLog(ctx, name, opts)
	}
	return nil, fmt.Errorf("durable: open log %s: store keeps no logs: %w", name, errors.ErrUnsupported)
}

// Reserve makes sure that a value of up to size bytes can be put under name even
// when the medium is full. It keeps twice that space from then on. A Store
// without the ability gives an error that is [errors.ErrUnsupported].
func Reserve(ctx context.Context, s Store, name string, size int) error {
	if r, ok := s.(Reserver); ok {
		return r.Reserve(ctx, name, size)
	}
	return fmt.Errorf("durable: reserve %s: store keeps no reserves: %w", name, errors.ErrUnsupported)
}

// FormatOf returns the format in which records are written to s: that of the
// last committed release (see [Dir.Commit]). A Store that does not say writes
// the newest.
func FormatOf(s Store) int {
	if f, ok := s.(Formatter); ok {
		return f.Format()
	}
	return newest
}

const newest = 1 << 30

// ValidName reports why name cannot name a value, or nil.
func ValidName(name string) error {
	if name == "" || len(name) > MaxName {
		return fmt.Errorf("durable: name of %d bytes, want 1 to %d: %w", len(name), MaxName, fs.ErrInvalid)
	}
	for seg := range strings.SplitSeq(name, "/") {
		if !validSegment(seg) {
			return fmt.Errorf("durable: name %q: segments are [a-z0-9][a-z0-9._-]*: %w", name, fs.ErrInvalid)
		}
	}
	return nil
}

func validSegment(seg string) bool {
	for i := range len(seg) {
		switch c := seg[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
		case i > 0 && (c == '.' || c == '_' || c == '-'):
		default:
			return false
		}
	}
	return seg != ""
}

// Sub returns the part of s whose names begin with prefix and a "/", under their
// remaining names. It has the abilities of s.
func Sub(s Store, prefix string) Store {
	return &sub{store: s, prefix: prefix + "/"}
}

type sub struct {
	store  Store
	prefix string
}

func (s *sub) Get(ctx context.Context, name string) ([]byte, error) {
	return s.store.Get(ctx, s.prefix+name)
}

func (s *sub) Put(ctx context.Context, name string, value []byte) error {
	return s.store.Put(ctx, s.prefix+name, value)
}

func (s *sub) Delete(ctx context.Context, name string) error {
	return s.store.Delete(ctx, s.prefix+name)
}

func (s *sub) List(ctx context.Context, prefix string) ([]string, error) {
	names, err := s.store.List(ctx, s.prefix+prefix)
	for i := range names {
		names[i] = strings.TrimPrefix(names[i], s.prefix)
	}
	return names, err
}

func (s *sub) OpenLog(ctx context.Context, name string, opts *LogOptions) (*Log, error) {
	return OpenLog(ctx, s.store, s.prefix+name, opts)
}

func (s *sub) Reserve(ctx context.Context, name string, size int) error {
	return Reserve(ctx, s.store, s.prefix+name, size)
}

func (s *sub) Format() int { return FormatOf(s.store) }
