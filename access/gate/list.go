package gate

import (
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/iot-device-baseline/baseline/access"
)

// Limits of a list.
const (
	MaxEntries = 64 // interfaces and flows each
	MaxHosts   = 64 // of one flow
)

// DefaultConns is how many connections an interface or a flow has at the most
// unless it says otherwise.
const DefaultConns = 64

// List is everything by which traffic comes in or goes out.
type List struct {
	Interfaces []Interface `json:"interfaces"`
	Flows      []Flow      `json:"flows"`
}

// Interface is a way in.
type Interface struct {
	Name           string            `json:"name"`    // as access.Facts.Interface; [a-z0-9-], 1 to 64 bytes
	Network        string            `json:"network"` // "tcp"
	Address        string            `json:"address"`
	Authentication string            `json:"authentication"` // in words
	Permission     access.Permission `json:"permission,omitempty"`
	Reason         string            `json:"reason"` // why the device has it
	// MaxConns bounds the connections at one time; 0 means DefaultConns. A further
	// one is closed at once.
	MaxConns int `json:"max_conns,omitempty"`
}

// Flow is a way out.
type Flow struct {
	Name  string   `json:"name"`
	Hosts []string `json:"hosts"` // "host:port" as dialled; nothing else is reached
	// Address, when it is not "", is dialled in place of a host of the list. It is for
	// a vendor's name that a resolver of the device's own has looked up.
	Address  string `json:"address,omitempty"`
	Reason   string `json:"reason"`
	MaxConns int    `json:"max_conns,omitempty"`
}

// Settings says which entries are shut. It is a member of the device's settings.
type Settings struct {
	Disabled []string `json:"disabled"` // names of interfaces and flows
}

// ErrDisabled is wrapped by errors about an entry that is shut; [ErrUnknown] about
// one that is not on the list, [ErrHost] about a host that a flow does not name, and
// [ErrListening] about an interface that has its listener already.
var (
	ErrDisabled  = errors.New("disabled")
	ErrUnknown   = errors.New("not on the list")
	ErrHost      = errors.New("host is not named by the flow")
	ErrListening = errors.New("a listener is open")
)

func (l *List) check() error {
	if len(l.Interfaces) > MaxEntries || len(l.Flows) > MaxEntries {
		return fmt.Errorf("more than %d entries", MaxEntries)
	}
	names := map[string]bool{}
	for _, i := range l.Interfaces {
		if err := checkEntry(names, i.Name, i.Reason, i.MaxConns); err != nil {
			return err
		}
		if i.Network != "tcp" || i.Address == "" {
			return fmt.Errorf("interface %s: network is tcp, with an address", i.Name)
		}
	}
	for _, f := range l.Flows {
		if err := checkEntry(names, f.Name, f.Reason, f.MaxConns); err != nil {
			return err
		}
		if err := checkHosts(f); err != nil {
			return err
		}
	}
	return nil
}

func checkEntry(names map[string]bool, name, reason string, conns int) error {
	switch {
	case !validName(name):
		return fmt.Errorf("name %q: is 1 to 64 bytes of [a-z0-9-]", name)
	case names[name]:
		return fmt.Errorf("name %s: is given twice", name)
	case reason == "":
		return fmt.Errorf("%s: has no reason", name)
	case conns < 0 || conns > 1<<16:
		return fmt.Errorf("%s: has 1 to 65536 connections", name)
	}
	names[name] = true
	return nil
}

func checkHosts(f Flow) error {
	if len(f.Hosts) == 0 || len(f.Hosts) > MaxHosts {
		return fmt.Errorf("flow %s: has 1 to %d hosts", f.Name, MaxHosts)
	}
	for _, h := range append(slices.Clone(f.Hosts), f.Address) {
		if h == "" {
			continue // no Address
		}
		if host, port, err := net.SplitHostPort(h); err != nil || host == "" || port == "" {
			return fmt.Errorf("flow %s: %q is not host:port", f.Name, h)
		}
	}
	return nil
}

func validName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= 64
}
