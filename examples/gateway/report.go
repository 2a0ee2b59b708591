package main

import (
	"bytes"
	"context"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/iot-device-baseline/baseline/disclosure"
)

// report is what the device says of itself, for users, reviewers and laboratories.
type report struct {
	Summary   string `json:"summary"`
	Statement string `json:"statement"`
	Markdown  string `json:"markdown"`
	HTML      string `json:"html"`
	SBOM      string `json:"sbom"`
}

// facts are what only the manufacturer knows.
func (g *gateway) facts() *disclosure.Vendor {
	v := &disclosure.Vendor{
		Product: "Gateway", Model: "GW-1", Name: "Example Manufacturing", Contact: "mailto:security@example.com",
		Support: disclosure.Support{From: "2026-01-01", Until: "2032-12-31", Text: "Security updates until the end date."},
		Duties:  []string{"Choose a long password.", "Erase a person who moves out, and reset the gateway before you give it away."},
		Erase:   "At the service port: erase, with the name of the person.",
		Reset:   "At the service port: reset, with the scope factory.",
		Interfaces: []disclosure.Interface{{
			Name: servicePort, Where: "a plug on the gateway", Who: "whoever knows a password, or holds the label", Purpose: "everything",
		}},
	}
	for _, i := range g.gate.List().Interfaces {
		v.Interfaces = append(v.Interfaces, disclosure.Interface{Name: i.Name, Where: i.Network + " " + i.Address, Who: i.Authentication, Purpose: i.Reason})
	}
	for _, f := range g.gate.List().Flows {
		v.Interfaces = append(v.Interfaces, disclosure.Interface{Name: f.Name, Where: "out, to " + strings.Join(f.Hosts, " "), Who: "the gateway", Purpose: f.Reason})
	}
	return v
}

// opReport makes the documents of the device that runs, and of nothing else.
func (g *gateway) opReport(ctx context.Context, _ request) (any, error) {
	page, err := disclosure.NewPage(ctx, g.running, &g.composed, g.statement, g.facts())
	if err != nil {
		return nil, err
	}
	var statement, markdown, html bytes.Buffer
	if err := g.statement.WriteText(&statement); err != nil {
		return nil, err
	}
	if err := page.WriteMarkdown(&markdown); err != nil {
		return nil, err
	}
	if err := page.WriteHTML(&html); err != nil {
		return nil, err
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil, fmt.Errorf("the program has no build information")
	}
	sbom, err := disclosure.SBOM(info)
	return report{
		Summary: g.summary(), Statement: statement.String(), Markdown: markdown.String(), HTML: html.String(), SBOM: string(sbom),
	}, err
}

// summary counts the rows of the statement by their status.
func (g *gateway) summary() string {
	count := map[string]int{}
	var order []string
	for _, row := range g.statement.Rows {
		status := string(row.Status)
		if count[status]++; count[status] == 1 {
			order = append(order, status)
		}
	}
	var out strings.Builder
	for _, status := range order {
		fmt.Fprintf(&out, "%-24s %d\n", status, count[status])
	}
	return out.String()
}
