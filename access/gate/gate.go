package gate

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/clause"
)

// Gate opens what is on its list. Make it with [New]. It may be used concurrently.
type Gate struct {
	list List
	log  *slog.Logger

	mu      sync.Mutex
	entries map[string]*entry
	closed  bool
}

// entry is what is open of an interface or a flow.
type entry struct {
	name     string
	max      int
	disabled bool
	opening  bool // a Listen is under way
	listener *listener
	conns    map[*conn]bool
	refused  int
	fold     fold
}

// Options are the options of [New].
type Options struct {
	// Log takes what is opened, shut and refused; nil discards it.
	Log *slog.Logger
	// Disabled are shut from the beginning.
	Disabled []string
}

// New returns the gate of a list, which must be well formed. It opens nothing.
func New(list List, opts *Options) (*Gate, error) {
	if opts == nil {
		opts = &Options{}
	}
	if err := list.check(); err != nil {
		return nil, fmt.Errorf("gate: new: %w", err)
	}
	g := &Gate{list: list.clone(), log: opts.Log, entries: map[string]*entry{}}
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	for _, i := range list.Interfaces {
		g.add(i.Name, i.MaxConns)
	}
	for _, f := range list.Flows {
		g.add(f.Name, f.MaxConns)
	}
	return g, g.Configure(context.Background(), Settings{Disabled: opts.Disabled})
}

func (l List) clone() List {
	c := List{Interfaces: slices.Clone(l.Interfaces), Flows: slices.Clone(l.Flows)}
	for i := range c.Flows {
		c.Flows[i].Hosts = slices.Clone(c.Flows[i].Hosts)
	}
	return c
}

func (g *Gate) add(name string, conns int) {
	if conns == 0 {
		conns = DefaultConns
	}
	g.entries[name] = &entry{name: name, max: conns, conns: map[*conn]bool{}}
}

// Configure shuts the entries that s names and opens the others. Listeners and
// connections of what is shut are closed when it returns. A name that is not on the
// list gives an error that is [ErrUnknown], and changes nothing.
func (g *Gate) Configure(ctx context.Context, s Settings) error {
	changed, err := g.configure(s)
	for _, c := range changed {
		g.log.LogAttrs(ctx, access.LevelAudit, EventConfigured,
			slog.String(access.KeyInterface, c.name), slog.String(access.KeyState, stateOf(c.disabled)))
	}
	return err
}

type change struct {
	name     string
	disabled bool
}

// configure returns what changed, by name. It logs nothing: it holds the lock.
func (g *Gate) configure(s Settings) (changed []change, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, name := range s.Disabled {
		if g.entries[name] == nil {
			return nil, fmt.Errorf("gate: configure: %q: %w", name, ErrUnknown)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(g.entries)) {
		e := g.entries[name]
		was := e.disabled
		if e.disabled = slices.Contains(s.Disabled, name); e.disabled {
			e.shut()
		}
		if was != e.disabled {
			changed = append(changed, change{name, e.disabled})
		}
	}
	return changed, nil
}

// The events of this package.
const (
	EventConfigured = "gate.configured" // an entry was enabled or disabled
	EventRefused    = "gate.refused"    // connections beyond the limit, or that came too late
)

func stateOf(disabled bool) string {
	if disabled {
		return "disabled"
	}
	return "enabled"
}

// shut closes what is open of e; the caller holds the gate's lock.
func (e *entry) shut() {
	if e.listener != nil {
		_ = e.listener.Listener.Close() // there is nobody who could do more about it
		e.listener = nil
	}
	for c := range e.conns {
		_ = c.Conn.Close()
		delete(e.conns, c)
	}
}

// Close shuts every entry for good. A second Close does nothing.
func (g *Gate) Close() error {
	for _, r := range g.shutAll() {
		g.logRefused(r)
	}
	return nil
}

// shutAll returns the refusals that were not logged yet.
func (g *Gate) shutAll() (rest []refusal) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for _, name := range slices.Sorted(maps.Keys(g.entries)) {
		e := g.entries[name]
		e.shut()
		rest = append(rest, e.fold.rest(name)...)
	}
	return rest
}

// List returns the list.
func (g *Gate) List() List { return g.list.clone() }

// Stats counts what is open and what was refused.
type Stats struct {
	Open    map[string]int // connections, by entry
	Refused map[string]int // connections beyond the limit, since the start
}

// Stats returns the counters.
func (g *Gate) Stats() Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := Stats{Open: map[string]int{}, Refused: map[string]int{}}
	for name, e := range g.entries {
		s.Open[name], s.Refused[name] = len(e.conns), e.refused
	}
	return s
}

// Features returns that every interface is on a list and can be shut. The list and
// what is shut are settings of it.
func (g *Gate) Features() []clause.Feature {
	g.mu.Lock()
	defer g.mu.Unlock()
	var shut []string
	for name, e := range g.entries {
		if e.disabled {
			shut = append(shut, name)
		}
	}
	slices.Sort(shut)
	return []clause.Feature{{
		ID: "access.gate", Clauses: []clause.ID{clause.C5_2_6_1_1}, Package: "access/gate",
		Summary:  "interfaces and outgoing flows are on a list with their reasons, and each can be shut",
		Settings: []clause.Setting{{Name: "disabled", Value: strings.Join(shut, " ")}},
	}}
}

// open returns the entry called name if it may be used; the caller holds the lock.
func (g *Gate) open(name string) (*entry, error) {
	e := g.entries[name]
	switch {
	case e == nil:
		return nil, ErrUnknown
	case g.closed:
		return nil, net.ErrClosed
	case e.disabled:
		return nil, ErrDisabled
	}
	return e, nil
}
