package integrity

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
)

// Options of a check. nil, and zero fields, mean the defaults.
type Options struct {
	Parallel int // files hashed at once; default as many as there are cores, at most 256
	Limit    int // findings in a report; default 256, at most 10,000
	Steps    int // of a round of a [Checker]; default 96, at most 1,000,000
}

func (o *Options) orDefaults() Options {
	var out Options
	if o != nil {
		out = *o
	}
	out.Parallel = cores(out.Parallel)
	if out.Limit <= 0 {
		out.Limit = 256
	}
	if out.Steps <= 0 {
		out.Steps = 96
	}
	out.Limit, out.Steps = min(out.Limit, 10_000), min(out.Steps, 1_000_000)
	return out
}

// Check compares a tree with a manifest: first who signed it, then whether it is the
// one that is expected, then every file, on all cores. What is wrong is told in the
// report; [Report.Whole] is the answer. The same tree and manifest give the same report,
// whatever the number of cores.
//
// The error says that there is no answer: ctx ended, or an expectation that believes
// nobody ([ErrInvalid]). What cannot be read is a finding.
func Check(ctx context.Context, fsys fs.FS, manifest []byte, expect Expect, opts *Options) (*Report, error) {
	c, err := NewChecker(fsys, manifest, expect, opts)
	if err != nil {
		return nil, err
	}
	return c.Check(ctx)
}

// scan is one look at a tree: what it holds, without the content of the files.
type scan struct {
	m        *manifest
	fsys     fs.FS
	seen     []bool          // by entry: it is there, and of the kind that it should be
	met      []bool          // by entry: something is there
	stamps   []stamp         // by entry, if they were asked for
	closed   map[string]bool // folders that cannot be read and have entries below them
	findings collector
}

// look walks the tree. With stamps it asks each file for its size and time.
func (m *manifest) look(ctx context.Context, fsys fs.FS, limit int, stamps bool) (*scan, error) {
	s := &scan{m: m, fsys: fsys, findings: collector{limit: limit}, closed: map[string]bool{}, seen: make([]bool, len(m.entries)), met: make([]bool, len(m.entries))}
	if stamps {
		s.stamps = make([]stamp, len(m.entries))
	}
	w := &walker{fsys: fsys, release: &m.release, visit: s.visit, broken: s.broken}
	if err := w.walk(ctx); err != nil {
		return nil, err
	}
	for i := range m.entries {
		if e := &m.entries[i]; !s.met[i] {
			s.absent(e)
		}
	}
	return s, nil
}

func (s *scan) visit(name string, d fs.DirEntry) error {
	i, listed := s.m.find(name)
	if !listed {
		s.findings.add(Finding{Extra, name, "", words(d.Type())})
		return nil
	}
	if s.met[i] {
		return nil
	}
	s.met[i] = true
	e := &s.m.entries[i]
	switch {
	case d.Type().IsRegular() && e.target == "":
		return s.regular(i, d)
	case d.Type()&fs.ModeSymlink != 0:
		target, err := fs.ReadLink(s.fsys, name)
		switch {
		case err != nil:
			s.findings.add(Finding{Unreadable, name, e.words(), cause(err)})
		case target != e.target:
			s.findings.add(Finding{Changed, name, e.words(), fmt.Sprintf("link to %.300q", target)})
		default:
			s.seen[i] = true
		}
	default:
		s.findings.add(Finding{Changed, name, e.words(), words(d.Type())})
	}
	return nil
}

func (s *scan) regular(i int, d fs.DirEntry) error {
	if s.stamps != nil {
		info, err := d.Info()
		if err != nil {
			e := &s.m.entries[i]
			s.findings.add(Finding{Unreadable, e.path, e.words(), cause(err)})
			return nil
		}
		s.stamps[i] = stampOf(info)
	}
	s.seen[i] = true
	return nil
}

// broken notes a folder that cannot be read, or a name that cannot be one of the
// manifest.
func (s *scan) broken(name string, err error) error {
	if errors.Is(err, errName) {
		s.findings.add(Finding{Extra, shown(name), "", cause(err)})
		return nil
	}
	s.findings.add(Finding{Unreadable, shown(name), "folder", cause(err)})
	i, _ := s.m.find(name + "/")
	if name == "." || i < len(s.m.entries) && strings.HasPrefix(s.m.entries[i].path, name+"/") {
		s.closed[name] = true
	}
	return nil
}

// absent says of an entry that was not met that it is missing; or, below a folder that
// cannot be read, that nobody knows.
func (s *scan) absent(e *entry) {
	unknown := s.closed["."]
	for dir := parent(e.path); dir != "" && !unknown; dir = parent(dir) {
		unknown = s.closed[dir]
	}
	if unknown {
		s.findings.add(Finding{Unreadable, e.path, e.words(), "in a folder that cannot be read"})
		return
	}
	s.findings.add(Finding{Missing, e.path, e.words(), ""})
}

// hashAll hashes every file that was seen.
func (s *scan) hashAll(ctx context.Context, parallelism int) ([]result, error) {
	var jobs []int
	for i := range s.m.entries {
		if s.seen[i] && s.m.entries[i].target == "" {
			jobs = append(jobs, i)
		}
	}
	results := make([]result, len(s.m.entries))
	size := func(i int) int64 { return s.m.entries[i].size }
	work := func() func(context.Context, int) error {
		h := newHasher(s.fsys)
		return func(ctx context.Context, i int) (err error) {
			results[i], err = h.compare(ctx, &s.m.entries[i])
			return err
		}
	}
	return results, parallel(ctx, parallelism, jobs, size, work)
}

// Checker checks one tree against one manifest, at once or bit by bit.
//
// A Checker remembers size and time of each file as it was when it was hashed. A file
// for which they differ is hashed in the next step; one for which they do not is hashed
// in its turn, once in each round: whoever changes a file can set its time, so a time
// never excuses a file from being read.
//
// Methods may be called concurrently; they wait for one another.
type Checker struct {
	fsys     fs.FS
	manifest []byte
	expect   Expect
	opts     Options

	turn  chan struct{} // held by who works
	m     *manifest     // nil until a check ended
	older *Finding

	mu     sync.Mutex
	report *Report

	stamps []stamp          // by entry: when it was hashed last
	bad    map[int]*Finding // by entry: what hashing it found last
	step   int              // of the round, those that are done
	next   int              // entry to hash next
	done   int64            // weight that was hashed in this round
	after  int              // entry after which the next suspicious one is looked for
	rounds int
}

// NewChecker returns a Checker. It reads nothing yet; fsys and manifest must stay what
// they are. The error is [ErrInvalid].
func NewChecker(fsys fs.FS, manifest []byte, expect Expect, opts *Options) (*Checker, error) {
	if fsys == nil {
		return nil, invalid("check", "no tree")
	}
	if err := expect.check(); err != nil {
		return nil, err
	}
	expect.Keys = slices.Clone(expect.Keys)
	c := &Checker{fsys: fsys, manifest: manifest, expect: expect, opts: opts.orDefaults(), turn: make(chan struct{}, 1)}
	return c, nil
}

// Report returns what the last check or step found, or nil before the first ended.
func (c *Checker) Report() *Report {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.report.clone()
}
