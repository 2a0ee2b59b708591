package main

import (
	"context"

	"github.com/iot-device-baseline/baseline/erase"
	"github.com/iot-device-baseline/baseline/protect"
)

// openErasure lists every place on the gateway. What is not on the list keeps it from
// starting: see erase.ErrUnclaimed.
func (g *gateway) openErasure(ctx context.Context) (err error) {
	g.eraser, err = erase.Open(ctx, erase.Inventory{
		Root: g.dir, Compartments: g.compartments,
		Places: []erase.Place{ // keys first
			{Store: g.breakErasure(g.vault.Subjects()), Entries: []string{"vault"}, Compartments: []string{"userdata"}},
			{Store: g.users.Subjects(), Compartments: []string{"security"}},
			{Store: g.notices, Compartments: []string{"settings/notices"}},
			{Store: g.guard, Compartments: []string{"floor"}, Retained: []erase.Retained{{
				What: "names in the event log", Until: "the log is full, or the gateway is reset",
				Reason: "who did what must be found after an incident; exports name nobody",
			}}},
		},
		Free: []erase.Free{
			{Entries: []string{g.keys.place()}, Reason: "keys of the vault"},
			{Entries: []string{"composition"}, Reason: "what the gateway is made of"},
			{Entries: []string{"clock"}, Reason: "the newest time that was proved"},
			{Entries: []string{"tuf"}, Reason: "metadata of releases"},
			{Entries: []string{"update"}, Reason: "journal and document of a release"},
			{Compartments: []string{"identity"}, Reason: "keys and certificate of the device"},
			{Compartments: []string{"settings/settings"}, Reason: "how the gateway works; rooms are named after places"},
			{Compartments: []string{"application"}, Reason: "nothing is kept there"},
			{Compartments: []string{"logs"}, Reason: "events; see what is retained"},
		},
	}, compartment(ctx, g.vault, protect.ClassFloor), g.guard, &erase.Options{
		Signer: g.deviceKey, Device: device, Interlock: g.interlock, Log: g.log, Notice: g.eraseNotice, Sync: g.syncLog,
	})
	return err
}

// compartments are those of the vault, and what lies in the one that parts share.
func (g *gateway) compartments(ctx context.Context) ([]string, error) {
	var names []string
	for _, c := range g.vault.Compartments() {
		if c.Class != protect.ClassSettings {
			names = append(names, c.Class.String())
		}
	}
	within, err := erase.Within(ctx, "settings", compartment(ctx, g.vault, protect.ClassSettings))
	return append(names, within...), err
}
