package notify

import (
	"context"
	"sync"
)

// fan sends to direct channels. A channel has a goroutine only while it has
// something to send, so that an idle device has none.
type fan struct {
	channels []*direct
	in       chan message
	active   sync.WaitGroup
}

// message is a notice on its way, with the routing of its time. Channels share it.
type message struct {
	Notice
	routes routes
}

// direct is one direct channel.
type direct struct {
	*channel
	mu      sync.Mutex
	busy    bool
	backlog []*message
	stats   directStats
}

type directStats struct{ delivered, failed, dropped int }

const (
	fanBuffer  = 64 // notices waiting for Run
	fanBacklog = 16 // notices waiting for a channel
)

func newFan(channels []*channel) *fan {
	f := &fan{in: make(chan message, fanBuffer)}
	for _, ch := range channels {
		if ch.Direct {
			f.channels = append(f.channels, &direct{channel: ch})
		}
	}
	return f
}

// offer hands e over to Run and waits for nobody.
func (f *fan) offer(e *entry, r routes) {
	if len(f.channels) == 0 {
		return
	}
	select {
	case f.in <- message{e.message(), r}:
	default:
		for _, d := range f.channels {
			d.count(func(s *directStats) { s.dropped++ })
		}
	}
}

// run sends what is offered until ctx ends and all channels have returned.
func (f *fan) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			f.active.Wait()
			return
		case m := <-f.in:
			f.out(ctx, &m)
		}
	}
}

// out gives m to every channel that takes it.
func (f *fan) out(ctx context.Context, m *message) {
	for _, d := range f.channels {
		if d.takes(&m.Notice, m.routes) && d.accept(m) {
			f.active.Add(1)
			go f.drain(ctx, d, m)
		}
	}
}

// accept reports whether somebody must send m now; otherwise m waits for who is
// sending, or is dropped.
func (d *direct) accept(m *message) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case !d.busy:
		d.busy = true
		return true
	case len(d.backlog) < fanBacklog:
		d.backlog = append(d.backlog, m)
	default:
		d.stats.dropped++
	}
	return false
}

// drain sends m and what came in meanwhile.
func (f *fan) drain(ctx context.Context, d *direct, m *message) {
	defer f.active.Done()
	for m != nil {
		m = d.next(d.To.Notify(ctx, m.Notice))
	}
}

// next counts how a delivery went and returns what is to be sent now, or nil.
func (d *direct) next(err error) *message {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		d.stats.failed++
	} else {
		d.stats.delivered++
	}
	if len(d.backlog) == 0 {
		d.busy = false
		return nil
	}
	m := d.backlog[0]
	d.backlog = d.backlog[1:]
	return m
}

func (d *direct) count(f func(*directStats)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f(&d.stats)
}
