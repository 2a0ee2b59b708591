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
		Root: g.dir,
		Places: []erase.Place{ // keys first
			{Store: g.breakErasure(g.vault.Subjects()), Entries: []string{"vault"}},
			{Store: g.users.Subjects()},
			{Store: g.notices},
			{Store: g.guard, Retained: []erase.Retained{
				{What: "actor in the event log", Reason: "who did what must be found after an incident"},
			}},
		},
		Free: []erase.Free{
			{Entries: []string{"softkeys"}, Reason: "keys of the vault"},
			{Entries: []string{"clock", "interlock"}, Reason: "time and what is pending"},
			{Entries: []string{"tuf", "update"}, Reason: "metadata and journal of releases"},
		},
	}, compartment(ctx, g.vault, protect.ClassFloor), g.guard, &erase.Options{
		Signer: g.deviceKey, Device: device, Interlock: g.interlock, Log: g.log, Notice: g.eraseNotice,
	})
	return err
}
