package integrity

import (
	"context"
	"fmt"
)

// overhead is what a file costs beside its bytes, in bytes: opening it.
const overhead = 4096

// Check verifies the manifest and hashes everything, on all cores, and begins a new
// round of steps. See the function [Check].
func (c *Checker) Check(ctx context.Context) (*Report, error) {
	return c.exclusive(ctx, "check", c.full)
}

// Step looks at the whole tree, without reading files, and hashes a share of it on one
// core: those files whose turn it is, so that a round of [Options.Steps] steps hashes
// everything, and besides, up to a share of the same size, files whose size or time is
// not what it was. A file is hashed in one step however large it is. The report is of
// everything as it was hashed last.
//
// Step does what Check does while no check has believed the manifest.
func (c *Checker) Step(ctx context.Context) (*Report, error) {
	return c.exclusive(ctx, "step", func(ctx context.Context) (*Report, error) {
		if c.m == nil {
			return c.full(ctx)
		}
		return c.share(ctx)
	})
}

func (c *Checker) exclusive(ctx context.Context, op string, do func(context.Context) (*Report, error)) (*Report, error) {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, wrap(op, context.Cause(ctx))
	}
	r, err := do(ctx)
	if err != nil {
		return nil, wrap(op, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report = r
	return r.clone(), nil
}

// full is a check of everything.
func (c *Checker) full(ctx context.Context) (*Report, error) {
	m, wrong, err := c.expect.open(ctx, c.manifest)
	if err != nil {
		return nil, err
	}
	if wrong != nil {
		c.m = nil
		return &Report{Findings: []Finding{*wrong}, Total: 1}, nil
	}
	if f := c.expect.foreign(&m.release); f != nil {
		c.m = nil
		return &Report{Release: m.release, Digest: m.digest, Entries: len(m.entries), Findings: []Finding{*f}, Total: 1}, nil
	}
	s, err := m.look(ctx, c.fsys, c.opts.Limit, false)
	if err != nil {
		return nil, err
	}
	results, err := s.hashAll(ctx, c.opts.Parallel)
	if err != nil {
		return nil, err
	}
	c.m, c.older = m, c.expect.tooOld(&m.release)
	c.stamps, c.bad = make([]stamp, len(m.entries)), map[int]*Finding{}
	c.step, c.next, c.done, c.after = 0, 0, 0, 0
	c.rounds++
	r := &Report{}
	for i := range results {
		c.note(r, i, results[i])
	}
	return c.finish(r, s), nil
}

// share is one step.
func (c *Checker) share(ctx context.Context) (*Report, error) {
	s, err := c.m.look(ctx, c.fsys, c.opts.Limit, true)
	if err != nil {
		return nil, err
	}
	r, h := &Report{}, newHasher(c.fsys)
	fresh := map[int]bool{}
	hash := func(i int) (int64, error) {
		e := &c.m.entries[i]
		if e.target != "" || !s.seen[i] || fresh[i] {
			return 0, nil
		}
		got, err := h.compare(ctx, e)
		if err != nil {
			return 0, err
		}
		fresh[i] = true
		c.note(r, i, got)
		return weight(e), nil
	}
	if err := c.turns(hash); err != nil {
		return nil, err
	}
	if err := c.suspects(s, hash); err != nil {
		return nil, err
	}
	return c.finish(r, s), nil
}

// turns hashes the files whose turn it is. What was done stays done when ctx ends in
// the middle, and the step is done again from there.
func (c *Checker) turns(hash func(int) (int64, error)) error {
	all := c.m.bytes + overhead*int64(len(c.m.entries))
	upTo := int64(float64(all) * float64(c.step+1) / float64(c.opts.Steps)) // the last step ends it whatever was rounded
	last := c.step+1 >= c.opts.Steps
	for c.next < len(c.m.entries) && (last || c.done < upTo) {
		if _, err := hash(c.next); err != nil {
			return err
		}
		c.done += weight(&c.m.entries[c.next])
		c.next++
	}
	if c.step++; c.step >= c.opts.Steps {
		c.step, c.next, c.done = 0, 0, 0
		c.rounds++
	}
	return nil
}

// suspects hashes files that do not look as they did, as far as a share goes. It goes
// on where the last step ended, so that files which change all the time do not hide
// another.
func (c *Checker) suspects(s *scan, hash func(int) (int64, error)) error {
	left := (c.m.bytes+overhead*int64(len(c.m.entries)))/int64(c.opts.Steps) + 1
	n := len(c.m.entries)
	from := c.after
	for k := range n {
		i := (from + 1 + k) % n
		if !s.seen[i] {
			c.stamps[i] = stamp{} // so that it is suspicious when it comes back
			delete(c.bad, i)
			continue
		}
		if left <= 0 || c.m.entries[i].target != "" || s.stamps[i] == c.stamps[i] {
			continue
		}
		cost, err := hash(i)
		if err != nil {
			return err
		}
		if cost > 0 {
			left, c.after = left-cost, i
		}
	}
	return nil
}

func weight(e *entry) int64 { return e.size + overhead }

// note keeps what hashing an entry gave.
func (c *Checker) note(r *Report, i int, got result) {
	c.stamps[i] = got.stamp
	if got.hashed {
		r.Hashed++
		r.Bytes += got.read
	}
	if got.finding != nil {
		c.bad[i] = got.finding
	} else {
		delete(c.bad, i)
	}
}

func (c *Checker) finish(r *Report, s *scan) *Report {
	found := &s.findings
	for _, f := range c.bad {
		found.add(*f)
	}
	if c.older != nil {
		found.add(*c.older)
	}
	r.Checked, r.Rounds = true, c.rounds
	r.Release, r.Digest, r.Entries = c.m.release, c.m.digest, len(c.m.entries)
	r.Findings, r.Total = found.kept, found.total
	return r
}

// foreign gives the finding for a manifest of something else.
func (x *Expect) foreign(rel *Release) *Finding {
	switch {
	case x.Product != "" && x.Product != rel.Product:
		return &Finding{Foreign, "", "product " + clean(x.Product), "product " + rel.Product}
	case x.Version != "" && x.Version != rel.Version:
		return &Finding{Foreign, "", "version " + clean(x.Version), "version " + rel.Version}
	}
	return nil
}

func (x *Expect) tooOld(rel *Release) *Finding {
	if rel.Number >= x.MinNumber {
		return nil
	}
	return &Finding{Older, "", fmt.Sprintf("release number %d or more", x.MinNumber), fmt.Sprintf("release number %d", rel.Number)}
}
