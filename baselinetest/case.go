package baselinetest

import (
	"context"
	"slices"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/risk"
)

// Case is a test of a whole device.
type Case struct {
	ID   string // of clause/catalogue
	Name string
	// Clauses are those of the catalogue's case, and of its neighbours, that this one
	// really shows.
	Clauses []clause.ID
	// Sentence says what must hold.
	Sentence string

	try  func(ctx context.Context, x *trial) error
	part func(p *baseline.Parts) bool // the capability is composed
	hook func(h *Harness) bool        // the harness reaches it; nil: it needs no hook
}

// Cases returns the cases, in the order in which they run.
func Cases() []Case {
	return []Case{
		{
			"ACC-02", "default secret", []clause.ID{clause.C5_2_6_1_4},
			"Nothing that the device is for works while its initial secret serves, also after a loss of power, and all of it once the owner has set his own.",
			defaultSecret, func(p *baseline.Parts) bool { return p.Accessor != nil }, nil,
		},
		{
			"CFG-01", "unauthorised change", []clause.ID{clause.C5_2_2_1_1},
			"Who may not change settings is refused, and nothing has changed.",
			unauthorisedChange, func(p *baseline.Parts) bool { return p.Configurer != nil }, nil,
		},
		{
			"CFG-02", "bundle replay", []clause.ID{clause.C5_2_2_2_b, clause.C5_2_2_2_c},
			"A bundle that was sent before, is damaged, is signed by a stranger or is another device's is refused, and nothing has changed.",
			bundleReplay, func(p *baseline.Parts) bool { return p.Configurer != nil }, func(h *Harness) bool { return h.Bundles != nil },
		},
		{
			"UPD-03", "downgrade", []clause.ID{clause.C5_2_7_1_1},
			"A release that is older than the confirmed one is refused, however well it is signed, also after a loss of power.",
			downgrade, func(p *baseline.Parts) bool { return p.Updater != nil }, func(h *Harness) bool { return h.Updates != nil },
		},
		{
			"UPD-01", "tampered image", []clause.ID{clause.C5_2_7_1_1, clause.C5_2_7_2_a, clause.C5_2_7_2_D},
			"A release that was changed after signing, or is signed by nobody who may, is refused and does not start.",
			tamperedImage, func(p *baseline.Parts) bool { return p.Updater != nil }, func(h *Harness) bool { return h.Updates != nil },
		},
		{
			"ERA-01", "erased subject", []clause.ID{clause.C5_2_4_1_1, clause.C5_2_4_1_2},
			"A person's data is gone from every medium once who may has erased it; another person's is intact.",
			erasedSubject, func(p *baseline.Parts) bool { return p.Eraser != nil }, func(h *Harness) bool { return h.Users != nil },
		},
		{
			"RST-03", "reset floor", []clause.ID{clause.C5_2_3_1_1, clause.C5_2_3_1_2, clause.C5_2_3_2_A},
			"A reset by who may leaves the security floor in force, no earlier credential alive and the device to be commissioned.",
			resetFloor, func(p *baseline.Parts) bool { return p.Resetter != nil }, func(h *Harness) bool { return h.Resets != nil },
		},
		{
			"DOC-01", "refuses on gap", []clause.ID{clause.C5_1_1_1_5_e, clause.C5_1_1_1_6_A},
			"A part that the assessment needs and nobody composed is named by baseline.New.",
			refusesOnGap, nil, nil,
		},
	}
}

// applies reports whether the statement wants the case to be tried: unless it says of
// every clause of 5.2 that it is left out.
func (c *Case) applies(st *risk.Statement) bool {
	of := capabilities(c.Clauses)
	return len(of) == 0 || len(included(st, of)) > 0
}

// included are the clauses that the statement does not leave out.
func included(st *risk.Statement, ids []clause.ID) []clause.ID {
	return slices.DeleteFunc(slices.Clone(ids), func(id clause.ID) bool {
		row, ok := st.Row(id)
		return ok && (row.Status == risk.NotApplicable || row.Status == risk.Excluded || row.Status == risk.NotAdopted)
	})
}

// capabilities are the clauses of 5.2: those of which there can be evidence.
func capabilities(ids []clause.ID) []clause.ID {
	return slices.DeleteFunc(slices.Clone(ids), func(id clause.ID) bool { return !id.Capability() })
}
