package disclosure

import (
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/config"
)

func (p *Page) choices() []block {
	rows := [][]string{{"Setting", "What it is", "Default", "Less secure", "Why"}}
	for _, c := range p.Choices {
		for _, g := range c.Grades {
			what := c.Doc
			if c.Floor {
				what += " (kept by a reset)"
			}
			rows = append(rows, []string{c.Path, what, c.Default, condition(g), g.Reason})
		}
	}
	out := []block{{heading: "Settings that can make it less secure"}}
	if len(rows) == 1 {
		return append(out, block{para: plain("There are none: the defaults are the secure choice, and no setting is graded.")})
	}
	return append(out, block{para: plain("The defaults are the secure choice. The device asks before it takes an insecure one, and tells its owner.")}, block{table: rows})
}

// condition tells a grade in words.
func condition(g config.Grade) string {
	if g.Condition == "" {
		return g.Severity.String()
	}
	words := map[byte]string{'=': "is ", '!': "is other than ", '<': "below ", '>': "above "}[g.Condition[0]]
	return g.Severity.String() + ": " + words + g.Condition[1:]
}

// updates tell how updates happen, or why they do not.
func (p *Page) updates() []block {
	return append([]block{{heading: "How updates happen"}}, p.told(clause.AreaUpdate, "The device cannot be updated.")...)
}

// erasing tells how to erase and reset.
func (p *Page) erasing() []block {
	out := append([]block{{heading: "How to erase a person's data"}}, p.told(clause.AreaErase, "The device erases no data.")...)
	if p.Vendor.Erase != "" {
		out = append(out, block{para: plain("How it is done: " + p.Vendor.Erase)})
	}
	out = append(append(out, block{heading: "How to reset it"}), p.told(clause.AreaReset, "The device cannot be reset.")...)
	if len(p.Scopes) > 0 {
		var list []line
		for _, s := range p.Scopes {
			list = append(list, plain("Scope: "+s))
		}
		out = append(out, block{list: list})
	}
	if p.Vendor.Reset != "" {
		out = append(out, block{para: plain("How it is done: " + p.Vendor.Reset)})
	}
	return out
}

// told lists what the composition does in an area. Without a feature it says so, with
// the reasons of the statement.
func (p *Page) told(area clause.Area, none string) []block {
	var list []line
	for _, a := range p.Protections {
		for _, f := range a.Features {
			if a.Area == area {
				list = append(list, plain("The device: "+f.Summary+with(f.Settings)))
			}
		}
	}
	if len(list) > 0 {
		return []block{{list: list}}
	}
	out := []block{{para: plain(none)}}
	told := ""
	for _, l := range p.Left {
		if l.Clause.Area() == area && l.Reason != told {
			told = l.Reason
			list = append(list, plain("The reason: "+l.Reason))
		}
	}
	if len(list) == 0 {
		return out
	}
	return append(out, block{list: list})
}

func with(all []clause.Setting) string {
	if len(all) == 0 {
		return ""
	}
	return " (" + settings(all) + ")"
}

func (p *Page) leftOut() []block {
	out := []block{{heading: "What the standard requires and the device itself does not do, or has not shown"}}
	switch {
	case len(p.Left) == 0 && len(p.Warnings) == 0:
		return append(out, block{para: plain("Nothing: its statement of applicability has evidence for every requirement of 27402 5.2.")})
	case len(p.Left) == 0:
		return append(out, block{para: plain("Nothing that its statement of applicability names; but see the warnings above.")})
	}
	rows := [][]string{{"27402", "Requirement", "In the statement", "Answered by", "Why"}}
	for _, l := range p.Left {
		by := string(l.Responsibility)
		if by == "" {
			by = "nobody"
		}
		rows = append(rows, []string{l.Clause.String(), l.Title, string(l.Status), by, l.Reason})
	}
	return append(out, block{table: rows})
}
