package tuf

import (
	"context"
	"errors"
	"sync"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/update"
)

// Client is an [update.Trust]: the client's workflow of TUF (The Update Framework
// 1.0, section 5) over an [update.Source]. It may be used concurrently; Refresh and
// Find run one after the other, and so wait for the Source; Status waits for nobody.
type Client struct {
	store  durable.Store
	source update.Source
	opts   Options

	mu        sync.Mutex // held over the network
	root      *root
	set       *set            // the newest that is whole and kept; nil: none
	left      map[string]bool // floors of keys that a verified root took back
	unfloored map[string]bool // roles whose floor found no room

	short  sync.Mutex // of the clock and of status; never held over I/O
	status Status
}

// Open returns a client of the repository behind source. It trusts root, which is
// the root.json that is built into this software, whatever store holds: what store
// keeps is verified from there. It reads store, writes nothing and does not use the
// network.
//
// store is the client's alone; see [durable.Sub]. Damaged values in it are fetched
// again. Errors: a root that does not verify or is below its floor
// ([update.ErrUntrusted]), and those of store and of [Options].Floors.
func Open(ctx context.Context, store durable.Store, source update.Source, root []byte, opts *Options) (*Client, error) {
	o, err := opts.orDefaults()
	if err != nil {
		return nil, err
	}
	if store == nil || source == nil {
		return nil, errors.New("tuf: open: no Store, or no Source")
	}
	c := &Client{store: store, source: source, opts: o, left: map[string]bool{}, unfloored: map[string]bool{}}
	if c.root, err = firstRoot(root); err != nil {
		return nil, untrusted("embedded root", err)
	}
	if err := c.rootsBefore(ctx, root); err != nil {
		return nil, err
	}
	if err := c.keptRoots(ctx); err != nil {
		return nil, err
	}
	c.set, err = c.keptSet(ctx)
	if err != nil {
		return nil, err
	}
	c.tell()
	return c, nil
}

// Refresh implements [update.Trust]: it fetches what is newer, verifies it and keeps
// it. A role that does not verify leaves the set that was kept before in force, until
// that expires; a new root takes force at once, and what no longer verifies under it
// is dropped.
//
// A role that has expired gives an [*ExpiredError].
func (c *Client) Refresh(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.tell()
	before, now := c.root, c.now()
	err := c.newRoots(ctx, now)
	if c.root != before {
		kept, keptErr := c.keptSet(ctx)
		c.set, err = kept, errors.Join(err, keptErr)
	}
	if err != nil {
		return err
	}
	return c.newSet(ctx, now)
}
