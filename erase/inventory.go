package erase

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/iot-device-baseline/baseline/durable"
)

// Inventory is every place on a device in which something is kept.
type Inventory struct {
	// Root is the device's directory. What [durable.Entries] shows at its top is to be
	// claimed, and so is what comes later.
	Root durable.Store
	// Compartments tells what else is to be claimed: the compartments of a vault, or
	// parts of them ("settings/notices", see [Within]). Nil means none.
	Compartments func(ctx context.Context) ([]string, error)
	// Places are asked in this order: keys first.
	Places []Place
	// Free is what holds no user data.
	Free []Free
}

// Place is a Store and what it answers for.
type Place struct {
	Store Store
	// Entries are the entries of the Root, and Compartments the compartments or parts
	// of them, in which Store keeps what it erases. A claim is of what lies below too.
	Entries, Compartments []string
	// Retained is what of a subject stays all the same, for the receipt.
	Retained []Retained
}

// Free declares what holds no user data.
type Free struct {
	Entries, Compartments []string
	Reason                string // for reviewers; not empty
}

// Retained is something about a subject that an erasure leaves, and why.
type Retained struct {
	What   string `json:"what"`            // "actor in the event log"; 1 to 64 bytes of printable ASCII
	Until  string `json:"until,omitempty"` // when it goes: "90 days", a date; at most 64 bytes
	Reason string `json:"reason"`          // 1 to 200 bytes
}

// Within returns the entries of a compartment as an inventory names them:
// "settings/notices", "settings/settings". For [Inventory].Compartments, when several
// parts of a device share one.
func Within(ctx context.Context, compartment string, s durable.Store) ([]string, error) {
	entries, err := durable.Entries(ctx, s, "")
	for i, e := range entries {
		entries[i] = compartment + "/" + e
	}
	if err != nil {
		return nil, fmt.Errorf("erase: entries of %s: %w", compartment, err)
	}
	return entries, nil
}

// check says which rule the inventory breaks by itself.
func (inv *Inventory) check() error {
	if inv.Root == nil || len(inv.Places) == 0 || len(inv.Places) > MaxPlaces {
		return fmt.Errorf("an inventory has a root and 1 to %d places: %w", MaxPlaces, fs.ErrInvalid)
	}
	names, retained := map[string]bool{}, 0
	for i, p := range inv.Places {
		if p.Store == nil || !validName(p.Store.Name()) || names[p.Store.Name()] {
			return fmt.Errorf("place %d: a store has a name of its own, 1 to %d bytes of [a-z0-9-]: %w", i, maxName, fs.ErrInvalid)
		}
		names[p.Store.Name()] = true
		for _, r := range p.Retained {
			if retained++; retained > MaxRetained || r.check() != nil {
				return fmt.Errorf("place %s: retained: at most %d in all, each says what and why: %w", p.Store.Name(), MaxRetained, fs.ErrInvalid)
			}
		}
	}
	for i, f := range inv.Free {
		if strings.TrimSpace(f.Reason) == "" {
			return fmt.Errorf("free %d: say why it holds no user data: %w", i, fs.ErrInvalid)
		}
	}
	return nil
}

func (r Retained) check() error {
	if r.What == "" || r.Reason == "" || !printable(r.What, maxWhat) || !printable(r.Until, maxWhat) || !printable(r.Reason, maxReason) {
		return fs.ErrInvalid
	}
	return nil
}

// account says what is there and claimed by nobody, or more than once.
func (inv *Inventory) account(ctx context.Context) error {
	entries, err := durable.Entries(ctx, inv.Root, "")
	if err != nil {
		return fmt.Errorf("inventory: %w", err)
	}
	if err := claimed("entry", entries, inv.claims(func(e, _ []string) []string { return e })); err != nil {
		return err
	}
	if inv.Compartments == nil {
		return nil
	}
	compartments, err := inv.Compartments(ctx)
	if err != nil {
		return fmt.Errorf("inventory: %w", err)
	}
	return claimed("compartment", compartments, inv.claims(func(_, c []string) []string { return c }))
}

func (inv *Inventory) claims(of func(entries, compartments []string) []string) (all []string) {
	for _, p := range inv.Places {
		all = append(all, of(p.Entries, p.Compartments)...)
	}
	for _, f := range inv.Free {
		all = append(all, of(f.Entries, f.Compartments)...)
	}
	return all
}

// claimed checks that each thing has one claim, on itself or on what it lies in.
func claimed(kind string, things, claims []string) error {
	for _, thing := range slices.Sorted(slices.Values(things)) {
		n := 0
		for _, claim := range claims {
			if thing == claim || strings.HasPrefix(thing, claim+"/") {
				n++
			}
		}
		if n != 1 {
			return fmt.Errorf("%s %q has %d claims, want 1: %w", kind, thing, n, ErrUnclaimed)
		}
	}
	return nil
}
