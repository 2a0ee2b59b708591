package notify

import (
	"context"
	"slices"
	"strconv"
)

// Routing is what the owner may set about the channels. The vendor's settings
// type embeds it, and an applier of config calls [Center.Configure]; the Center
// does not keep it. The zero Routing sends every notice to every channel that
// matches it.
type Routing struct {
	Routes []Route `json:"routes,omitempty"` // at most one for each channel
}

// Route narrows one channel. It never widens what the channel's Match allows.
type Route struct {
	Channel   string     `json:"channel"`             // name of a channel of this device
	Off       bool       `json:"off,omitempty"`       // nothing goes this way
	Severity  Severity   `json:"severity,omitempty"`  // the least; 0 = all
	Audiences []Audience `json:"audiences,omitempty"` // only these; none = all
}

// Configure applies r to what is sent from now on; what is queued stays queued.
// Whoever may call it is trusted: it asks nobody, because the settings that it
// carries were authorised where they are kept. A routing that breaks a rule, or
// names a channel that this device does not have, is an [*InputError] and
// changes nothing.
//
// Routing cannot hide a notice: [Center.List] answers whatever it says.
func (c *Center) Configure(_ context.Context, r Routing) error {
	compiled, err := c.compile(r)
	if err != nil {
		return err
	}
	c.routing.Store(&compiled)
	return nil
}

// routes are the routes by name of the channel.
type routes map[string]Route

func (c *Center) compile(r Routing) (routes, error) {
	out := routes{}
	for i, route := range r.Routes {
		at := "/routes/" + strconv.Itoa(i)
		if !slices.ContainsFunc(c.channels, func(ch *channel) bool { return ch.Name == route.Channel }) {
			return nil, &InputError{at + "/channel", "names a channel of this device"}
		}
		if _, twice := out[route.Channel]; twice {
			return nil, &InputError{at + "/channel", "is given twice"}
		}
		if route.Severity > Critical {
			return nil, &InputError{at + "/severity", ruleSeverity}
		}
		if len(route.Audiences) > maxAudiences {
			return nil, &InputError{at + "/audiences", "has at most 16 entries"}
		}
		for j, a := range route.Audiences {
			if !validAudience(a) {
				return nil, &InputError{at + "/audiences/" + strconv.Itoa(j), ruleAudience}
			}
		}
		route.Audiences = slices.Clone(route.Audiences)
		out[route.Channel] = route
	}
	return out, nil
}

const maxAudiences = 16

// allows reports whether n may go through the channel called name.
func (r routes) allows(name string, n *Notice) bool {
	route, ok := r[name]
	return !ok || !route.Off && n.Severity >= route.Severity &&
		(len(route.Audiences) == 0 || slices.Contains(route.Audiences, n.Audience))
}
