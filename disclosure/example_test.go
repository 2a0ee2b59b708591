package disclosure_test

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/disclosure"
	"github.com/iot-device-baseline/baseline/risk"
)

func ExampleNewPage() {
	file, err := os.ReadFile("../risk/testdata/temperature-sensor.json")
	if err != nil {
		fmt.Println(err)
		return
	}
	a, err := risk.Parse(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	all := part{{ID: "vendor.everything", Package: "example.com/sensor", Summary: "what the assessment asks for"}}
	for _, need := range a.Needs() {
		all[0].Clauses = append(all[0].Clauses, need.Clause)
	}
	parts := baseline.Parts{Extra: []baseline.Part{all}}
	statement := risk.Derive(a, parts.Features(), []risk.Evidence{{
		ID: "SUITE", Clauses: all[0].Clauses, Result: risk.Pass, By: "bench", At: "2026-06-01", Composition: clause.Digest(all),
	}})
	device, err := baseline.New(parts, statement, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	page, err := disclosure.NewPage(context.Background(), device, &parts, statement, &disclosure.Vendor{
		Product: "Cold-store sensor", Model: "TS-200", Name: "Example Ltd",
		Contact: "mailto:security@example.com", Support: disclosure.Support{Until: "2031-12-31"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, l := range page.Left[:2] {
		fmt.Println(l.Clause, l.Status)
	}
	var b strings.Builder
	if err := page.WriteMarkdown(&b); err != nil {
		fmt.Println(err)
		return
	}
	title, _, _ := strings.Cut(b.String(), "\n")
	fmt.Println(title)
	// Output:
	// 5.2.2.1.2 not applicable
	// 5.2.3.1.1 not applicable
	// # Security of Cold-store sensor TS-200
}

func ExampleSBOM() {
	sbom, err := disclosure.SBOM(&debug.BuildInfo{
		GoVersion: "go1.26.8", Main: debug.Module{Path: "example.com/sensor", Version: "v1.3.0"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.Count(string(sbom), `"purl"`), strings.Contains(string(sbom), "pkg:golang/example.com/sensor@v1.3.0"))
	// Output:
	// 2 true
}
