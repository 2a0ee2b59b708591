package baseline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// group is what runs and ends together.
type group struct {
	ctx     context.Context //nolint:containedctx // of what runs; nil before begin, and cancelled by end
	cancel  context.CancelFunc
	running map[string]chan struct{} // by name; closed when it has ended
}

func (g *group) begin(ctx context.Context) {
	if g.ctx != nil {
		return
	}
	g.ctx, g.cancel = context.WithCancel(context.WithoutCancel(ctx))
	g.running = map[string]chan struct{}{}
}

func (g *group) launch(name string, f func(ctx context.Context)) {
	ctx, ended := g.ctx, make(chan struct{})
	g.running[name] = ended
	go func() {
		defer close(ended)
		f(ctx)
	}()
}

// end stops the group, and returns what has not ended before limit does.
func (g *group) end(limit context.Context) map[string]<-chan struct{} {
	if g.ctx == nil {
		return nil
	}
	g.cancel()
	g.ctx = nil
	left := map[string]<-chan struct{}{}
	for name, ended := range g.running {
		if !ends(limit, ended) {
			left[name] = ended
		}
	}
	return left
}

func ends(limit context.Context, ended <-chan struct{}) bool {
	select {
	case <-ended:
		return true
	case <-limit.Done():
	}
	select {
	case <-ended:
		return true
	default:
		return false
	}
}

// endGroup ends g within Options.StartTimeout. What does not end works on, with whatever
// part it likes: nothing is closed under it.
func (r *run) endGroup(g *group) error {
	limit, cancel := context.WithTimeout(context.Background(), r.device.opts.StartTimeout)
	defer cancel()
	var all []error
	left := g.end(limit)
	r.device.setStuck(left)
	for _, name := range slices.Sorted(maps.Keys(left)) {
		all = append(all, fmt.Errorf("baseline: run: %s: stop: %w", name, errSlow))
	}
	return errors.Join(all...)
}

// stop ends what accepts from outside first.
func (r *run) stop() error {
	all := []error{r.endGroup(&r.servers), r.endGroup(&r.parts)}
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(append(all, r.late...)...)
}

// awaitSlow waits for the answers that have not come: who closes a part while it
// recovers takes away what it works on.
func (d *Device) awaitSlow() error {
	limit, cancel := context.WithTimeout(context.Background(), d.opts.StartTimeout)
	defer cancel()
	var all []error
	for _, what := range slices.Sorted(maps.Keys(d.slow)) {
		if !answers(limit, d.slow[what]) {
			name, _, _ := strings.Cut(what, " ")
			d.setHung(name)
			all = append(all, fmt.Errorf("baseline: run: %s: stop: %w", what, errSlow))
		}
	}
	return errors.Join(all...)
}

// answers waits for an answer until limit ends, and takes one that is there then.
func answers(limit context.Context, answer <-chan error) bool {
	select {
	case <-answer: //nolint:errcheck // too late to matter
		return true
	case <-limit.Done():
		return len(answer) > 0
	}
}

func (d *Device) setHung(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hung[name] = true
}

func (d *Device) setStuck(left map[string]<-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	maps.Copy(d.stuck, left)
}

// beginClose reports whether parts may be closed now: the first time that nothing runs, or
// why not.
func (d *Device) beginClose() (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return false, nil
	}
	for name, ended := range d.stuck {
		select {
		case <-ended:
			delete(d.stuck, name)
		default:
		}
	}
	if len(d.stuck) > 0 {
		stuck := strings.Join(slices.Sorted(maps.Keys(d.stuck)), ", ")
		return false, fmt.Errorf("baseline: close: %s: %w: nothing is closed", stuck, errSlow)
	}
	d.closed = true
	return true, nil
}

func (d *Device) hangs(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.hung[name]
}

// Close closes the parts that can be closed, the last to recover first. Call it
// once Run has returned. A second Close does nothing. A part that has never answered
// when it was to recover still works: it stays open, and so does what it may work on,
// which is what recovers before it. While one has not stopped running nothing is closed,
// since it may use any other: call Close again later. The error names them, and the end
// of the process closes them.
func (d *Device) Close() error {
	d.running.Store(true)
	if may, err := d.beginClose(); !may {
		return err
	}
	var all []error
	for _, m := range slices.Backward(d.places()) {
		if d.hangs(m.name) {
			all = append(all, fmt.Errorf("baseline: close: %s: %w: left open, with what recovers before it", m.name, errSlow))
			break
		}
		if c, ok := m.part.(io.Closer); ok {
			if err := c.Close(); err != nil {
				all = append(all, fmt.Errorf("baseline: close: %s: %w", m.name, err))
			}
		}
	}
	return errors.Join(all...)
}

// places returns the members in the order in which they recover, and nil in the places
// of what is down.
func (d *Device) places() []member {
	var all []member
	for _, name := range fields {
		i := slices.IndexFunc(d.members, func(m member) bool { return m.name == name })
		switch {
		case i >= 0:
			all = append(all, d.members[i])
		case d.isDown(name):
			all = append(all, member{name: name})
		}
	}
	for _, m := range d.members {
		if !slices.Contains(fields, m.name) {
			all = append(all, m)
		}
	}
	return all
}
