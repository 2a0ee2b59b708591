package disclosure

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/risk"
)

// Page is the security page for users: data first, so that a vendor may lay it out as
// he likes. Equal devices give equal pages.
type Page struct {
	Vendor      Vendor   `json:"vendor"`
	Version     string   `json:"version,omitempty"` // of the running software; "" without an Updater
	Trial       bool     `json:"trial,omitempty"`   // it runs for the first time and is not confirmed
	Assessment  string   `json:"assessment"`        // id and version of the risk assessment
	Composition string   `json:"composition"`       // clause.Digest of the features
	Warnings    []string `json:"warnings,omitempty"`
	// Protections are the features by area, in the order of the standard.
	Protections []Area           `json:"protections"`
	Storage     []clause.Setting `json:"storage,omitempty"` // what the Protector says of itself
	// Choices are the settings that can be set to something less secure.
	Choices []Choice `json:"choices,omitempty"`
	Scopes  []string `json:"scopes,omitempty"` // of a reset
	Left    []Left   `json:"left,omitempty"`   // requirements that the device itself does not meet, or that nobody has shown
}

// Area is what a device does in one area.
type Area struct {
	Area     clause.Area `json:"area"`
	Features []Feature   `json:"features"`
}

// Feature is a feature for users.
type Feature struct {
	ID       string           `json:"id"`
	Summary  string           `json:"summary"`
	Clauses  []clause.ID      `json:"clauses"`
	Settings []clause.Setting `json:"settings,omitempty"`
	// Shown says that the statement has evidence for each required entry.
	Shown bool `json:"shown"`
}

// Choice is a setting with choices that are less secure than its default.
type Choice struct {
	Path    string         `json:"path"`
	Doc     string         `json:"doc"`
	Default string         `json:"default"`
	Grades  []config.Grade `json:"grades"`          // insecure, or worth a warning
	Floor   bool           `json:"floor,omitempty"` // it survives a reset
}

// Left is a requirement that the device itself does not meet, or of which nobody has
// shown that it does, and why.
type Left struct {
	Clause         clause.ID           `json:"clause"`
	Title          string              `json:"title"`
	Status         risk.Status         `json:"status"`
	Responsibility risk.Responsibility `json:"responsibility,omitempty"`
	Reason         string              `json:"reason"`
}

// NewPage makes the page of a running device. parts are those that device was made of,
// statement the one that it was checked against. It asks parts for what they tell
// without permission, and changes nothing.
//
// A part that cannot be asked now is a warning on the page. Errors are [ErrVendor], and
// that of a missing device or statement.
func NewPage(ctx context.Context, device *baseline.Device, parts *baseline.Parts, statement *risk.Statement, vendor *Vendor) (*Page, error) {
	if device == nil || parts == nil || statement == nil || vendor == nil {
		return nil, errors.New("disclosure: page: device, parts, statement or vendor is missing")
	}
	if err := vendor.check(); err != nil {
		return nil, err
	}
	features := device.Features()
	p := &Page{
		Vendor: *vendor, Assessment: statement.Assessment + " " + statement.Version, Composition: clause.Digest(features),
		Protections: areas(features, statement), Left: left(statement), Warnings: warnings(device, statement),
	}
	p.ask(ctx, parts)
	return p, nil
}

// warnings are what makes the page less than a promise.
func warnings(device *baseline.Device, statement *risk.Statement) []string {
	var out []string
	if state, reason := device.State(); state != baseline.Operational {
		out = append(out, fmt.Sprintf("The device is %s: %s", state, reason))
	}
	for _, drift := range device.Drift() {
		out = append(out, "The device is not as its statement of applicability says: "+drift)
	}
	if n := len(statement.Failures()); n > 0 {
		out = append(out, fmt.Sprintf("The statement of applicability has %d entries that are missing, fail or are not shown", n))
	}
	return out
}

// ask asks the parts.
func (p *Page) ask(ctx context.Context, parts *baseline.Parts) {
	if parts.Updater != nil {
		version, trial, err := parts.Updater.Status(ctx)
		if err != nil {
			p.Warnings = append(p.Warnings, "The running version cannot be told now")
		}
		p.Version, p.Trial = version, trial
	}
	if parts.Protector != nil {
		facts, err := parts.Protector.Describe(ctx)
		if err != nil {
			p.Warnings = append(p.Warnings, "How stored data is protected cannot be told now")
		}
		p.Storage = facts
	}
	if parts.Resetter != nil {
		p.Scopes = slices.Clone(parts.Resetter.Scopes())
	}
	if c, ok := parts.Configurer.(interface{ Schema() *config.Schema }); ok {
		p.Choices = choices(c.Schema().Fields())
	}
}

// choices are the graded settings. Nobody's value is told: only what can be chosen.
func choices(fields []config.Field) []Choice {
	var out []Choice
	for _, f := range fields {
		if len(f.Grades) > 0 {
			out = append(out, Choice{Path: f.Path, Doc: f.Doc, Default: f.Default, Grades: slices.Clone(f.Grades), Floor: f.Floor})
		}
	}
	return out
}

// order is that of the standard.
var order = [...]clause.Area{
	clause.AreaConfig, clause.AreaReset, clause.AreaErase, clause.AreaProtect, clause.AreaAccess, clause.AreaUpdate, clause.AreaNotify,
}

// areas sorts features by the area of their first clause of 5.2; each stands once.
func areas(features []clause.Feature, st *risk.Statement) []Area {
	var out []Area
	for _, area := range order {
		a := Area{Area: area}
		for _, f := range features {
			if areaOf(f) == area {
				a.Features = append(a.Features, Feature{f.ID, f.Summary, f.Clauses, f.Settings, shown(f, st)})
			}
		}
		if len(a.Features) > 0 {
			out = append(out, a)
		}
	}
	return out
}

func areaOf(f clause.Feature) clause.Area {
	for _, id := range f.Clauses {
		if id.Capability() {
			return id.Area()
		}
	}
	return ""
}

// shown reports whether an entry of the feature has evidence, and none that must have
// some is without.
func shown(f clause.Feature, st *risk.Statement) bool {
	some := false
	for _, id := range f.Clauses {
		row, ok := st.Row(id)
		if ok && !row.OK {
			return false
		}
		some = some || ok && (row.Status == risk.IncludedProven || row.Status == risk.IncludedAttested)
	}
	return some
}

// left are the requirements that the statement leaves out, or to others, or fails, or
// for which it has no evidence.
func left(st *risk.Statement) []Left {
	var out []Left
	for _, row := range st.Rows {
		met := row.Status == risk.IncludedProven || row.Status == risk.IncludedAttested || row.Status == risk.Additional ||
			row.Status == risk.Alternative
		if row.Kind != clause.Requirement || met {
			continue
		}
		out = append(out, Left{row.Clause, row.Clause.Title(), row.Status, row.Responsibility, row.Justification})
	}
	return out
}
