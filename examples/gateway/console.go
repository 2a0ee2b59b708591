package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"sync"
)

// The console is the gateway's service port: lines of JSON, a request with an answer,
// and messages that nobody asked for. It is local: whoever is there can touch the
// device. What a request may do depends on who it says it is, and can prove.

// request asks the device for something.
type request struct {
	ID     int             `json:"id"`
	User   string          `json:"user,omitempty"`   // "" is nobody
	Secret string          `json:"secret,omitempty"` // the user's password; the label's with user "label"
	Op     string          `json:"op"`
	Args   json.RawMessage `json:"args,omitempty"`
}

// message is an answer to the request ID, or, with ID 0, something told.
type message struct {
	ID     int             `json:"id,omitempty"`
	Error  string          `json:"error,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`

	State string `json:"state,omitempty"` // of the update
	Done  int64  `json:"done,omitempty"`  // bytes of it
	Total int64  `json:"total,omitempty"`
	// Fetched is what the servers sent since the program started.
	Fetched int64  `json:"fetched,omitempty"`
	Event   string `json:"event,omitempty"` // a line of the log, with -v
}

// handler carries out one operation and returns what to answer.
type handler func(ctx context.Context, r request) (any, error)

// console serves one pair of streams.
type console struct {
	in  io.Reader
	mu  sync.Mutex
	out *json.Encoder
}

func newConsole(in io.Reader, out io.Writer) *console {
	return &console{in: in, out: json.NewEncoder(out)}
}

// tell writes a message. That nobody listens any more is no matter of the device.
func (c *console) tell(m message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.out.Encode(m)
}

const maxRequest = 1 << 20

// serve answers requests until the other side hangs up or ctx ends. Each runs by
// itself, so that a question can be asked during a download.
func (c *console) serve(ctx context.Context, do handler) error {
	lines := make(chan []byte)
	var read error
	go func() {
		defer close(lines)
		scanner := bufio.NewScanner(c.in)
		scanner.Buffer(nil, maxRequest)
		for scanner.Scan() {
			lines <- bytes.Clone(scanner.Bytes())
		}
		read = scanner.Err()
	}()
	var running sync.WaitGroup
	defer running.Wait()
	for {
		select {
		case <-ctx.Done():
			return nil // the reader ends with the program
		case line, ok := <-lines:
			if !ok {
				return errors.Join(errHungUp, read)
			}
			var r request
			if err := json.Unmarshal(line, &r); err != nil || r.ID == 0 {
				c.tell(message{Error: "not a request"})
				continue
			}
			running.Go(func() { c.tell(answer(ctx, r, do)) })
		}
	}
}

var errHungUp = errors.New("the service port is unplugged")

func answer(ctx context.Context, r request, do handler) message {
	result, err := do(ctx, r)
	if err != nil {
		return message{ID: r.ID, Error: err.Error()}
	}
	text, err := json.Marshal(result)
	if err != nil {
		return message{ID: r.ID, Error: err.Error()}
	}
	return message{ID: r.ID, Result: text}
}

// refusedError is what the device answered.
type refusedError struct{ why string }

func (e *refusedError) Error() string { return e.why }

var errGone = errors.New("the device does not answer any more")

// port is the other end of a console: what a person has plugged in.
type port struct {
	out  *json.Encoder
	told func(message) // messages that nobody asked for

	mu      sync.Mutex
	last    int
	waiting map[int]chan message
	gone    bool
}

func newPort(out io.Writer, told func(message)) *port {
	return &port{out: json.NewEncoder(out), told: told, waiting: map[int]chan message{}}
}

// listen reads what the device says until it is gone.
func (p *port) listen(in io.Reader) {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 4*maxRequest)
	for lines.Scan() {
		var m message
		if json.Unmarshal(lines.Bytes(), &m) != nil {
			continue
		}
		if m.ID == 0 {
			p.told(m)
			continue
		}
		p.mu.Lock()
		ch := p.waiting[m.ID]
		delete(p.waiting, m.ID)
		p.mu.Unlock()
		if ch != nil {
			ch <- m
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone = true
	for _, ch := range p.waiting {
		close(ch)
	}
}

// ask sends a request and waits for its answer, which it reads into result.
func (p *port) ask(r request, args, result any) error {
	var err error
	if r.Args, err = json.Marshal(args); err != nil {
		return err
	}
	ch, err := p.send(&r)
	if err != nil {
		return err
	}
	m, ok := <-ch
	switch {
	case !ok:
		return errGone
	case m.Error != "":
		return &refusedError{m.Error}
	case result == nil:
		return nil
	}
	return json.Unmarshal(m.Result, result)
}

func (p *port) send(r *request) (chan message, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return nil, errGone
	}
	p.last++
	r.ID = p.last
	ch := make(chan message, 1)
	p.waiting[r.ID] = ch
	if err := p.out.Encode(r); err != nil {
		delete(p.waiting, r.ID)
		return nil, errGone
	}
	return ch, nil
}
