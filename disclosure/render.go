package disclosure

import (
	"fmt"
	"io"
	"strings"

	"github.com/iot-device-baseline/baseline/clause"
)

// WriteMarkdown writes the page as CommonMark with tables.
func (p *Page) WriteMarkdown(w io.Writer) error {
	_, err := io.WriteString(w, markdownOf(p.title(), p.blocks()))
	return err
}

// WriteHTML writes the page as one HTML document: no script, no style, nothing from
// elsewhere.
func (p *Page) WriteHTML(w io.Writer) error {
	_, err := io.WriteString(w, htmlOf(p.title(), p.blocks()))
	return err
}

func (p *Page) title() string { return "Security of " + p.Vendor.Product + " " + p.Vendor.Model }

// blocks are the page, in the order in which a reader needs it.
func (p *Page) blocks() []block {
	var out []block
	for _, section := range [][]block{
		p.about(), p.support(), p.report(), p.duties(), p.protections(), p.interfaces(), p.choices(), p.updates(), p.erasing(), p.leftOut(),
	} {
		out = append(out, section...)
	}
	return out
}

func (p *Page) about() []block {
	out := []block{{para: plain(fmt.Sprintf("The vendor is %s. This page is made from the parts of the device and from its statement of applicability for ISO/IEC 27402:2023.", p.Vendor.Name))}}
	if len(p.Warnings) > 0 {
		var list []line
		for _, w := range p.Warnings {
			list = append(list, plain("Warning: "+w))
		}
		out = append(out, block{list: list})
	}
	rows := [][]string{{"Fact", "Value"}}
	if p.Version != "" {
		version := p.Version
		if p.Trial {
			version += ", on trial"
		}
		rows = append(rows, []string{"Running version", version})
	}
	return append(out, block{table: append(rows, []string{"Risk assessment", p.Assessment}, []string{"Composition", p.Composition})})
}

func (p *Page) support() []block {
	s := p.Vendor.Support
	text := "Security updates come until " + s.Until + "."
	if s.From != "" {
		text = "Security updates come from " + s.From + " until " + s.Until + "."
	}
	out := []block{{heading: "How long it is supported"}, {para: plain(text + " " + s.Text)}}
	if s.Changes != "" {
		out = append(out, block{para: line{{value: "Changes of these dates are told at "}, {s.Changes, true}}})
	}
	return out
}

func (p *Page) report() []block {
	list := []line{{{value: "Anybody can report a vulnerability to "}, {p.Vendor.Contact, true}}}
	for _, l := range []struct{ what, url string }{
		{"How reports are dealt with: ", p.Vendor.Policy}, {"A key for reports: ", p.Vendor.Encryption}, {"Software components: ", p.Vendor.SBOM},
	} {
		if l.url != "" {
			list = append(list, line{{value: l.what}, {l.url, true}})
		}
	}
	return []block{{heading: "How to report a vulnerability"}, {list: list}}
}

func (p *Page) duties() []block {
	if len(p.Vendor.Duties) == 0 {
		return nil
	}
	var list []line
	for _, d := range p.Vendor.Duties {
		list = append(list, plain("You: "+d))
	}
	return []block{{heading: "What you must do"}, {list: list}}
}

// headings of areas, for people.
func heading(a clause.Area) string {
	switch a {
	case clause.AreaConfig:
		return "settings"
	case clause.AreaReset:
		return "resetting"
	case clause.AreaErase:
		return "erasing"
	case clause.AreaProtect:
		return "protecting data"
	case clause.AreaAccess:
		return "access"
	case clause.AreaUpdate:
		return "updating"
	case clause.AreaNotify:
		return "notices"
	}
	return string(a)
}

func (p *Page) protections() []block {
	rows := [][]string{{"Area", "What it does", "As it is set", "27402", "Shown by test"}}
	for _, a := range p.Protections {
		for _, f := range a.Features {
			rows = append(rows, []string{heading(a.Area), f.Summary, settings(f.Settings), numbers(f.Clauses), yes(f.Shown)})
		}
	}
	out := []block{{heading: "What is protected, and how far"}, {table: rows}}
	if len(p.Storage) == 0 {
		return out
	}
	rows = [][]string{{"Stored data", "How far"}}
	for _, s := range p.Storage {
		rows = append(rows, []string{s.Name, s.Value})
	}
	return append(out, block{table: rows})
}

func settings(all []clause.Setting) string {
	parts := make([]string, len(all))
	for i, s := range all {
		parts[i] = s.Name + ": " + s.Value
	}
	return strings.Join(parts, "; ")
}

func numbers(ids []clause.ID) string {
	parts := make([]string, len(ids))
	for i, id := range ids {
		parts[i] = id.String()
	}
	return strings.Join(parts, " ")
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "not yet"
}

func (p *Page) interfaces() []block {
	rows := [][]string{{"Interface", "Where", "Who", "What for"}}
	for _, i := range p.Vendor.Interfaces {
		rows = append(rows, []string{i.Name, i.Where, i.Who, i.Purpose})
	}
	out := []block{{heading: "Interfaces"}}
	if len(rows) == 1 {
		return append(out, block{para: plain("The vendor has listed none.")})
	}
	return append(out, block{table: rows})
}
