package disclosure_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/disclosure"
	"github.com/iot-device-baseline/baseline/risk"
)

var update = flag.Bool("update", false, "write testdata/page.*")

// TestPage: the page of a real composition, in all its forms. What a reader of the
// golden files approves is what users get.
func TestPage(t *testing.T) {
	device, parts, statement := compose(t)
	page, err := disclosure.NewPage(t.Context(), device, parts, statement, vendor())
	require.NoError(t, err)
	require.Empty(t, page.Warnings)
	var markdown, html bytes.Buffer
	require.NoError(t, page.WriteMarkdown(&markdown))
	require.NoError(t, page.WriteHTML(&html))
	data, err := json.MarshalIndent(page, "", "  ")
	require.NoError(t, err)
	golden(t, "testdata/page.md", markdown.Bytes())
	golden(t, "testdata/page.html", html.Bytes())
	golden(t, "testdata/page.json", append(data, '\n'))

	// Every feature, every setting of one and every exclusion stands on it.
	for _, f := range device.Features() {
		assert.Contains(t, html.String(), htmlText(f.Summary), f.ID)
	}
	for _, row := range statement.Rows {
		if row.Kind == clause.Requirement && (row.Status == risk.Excluded || row.Status == risk.NotApplicable || row.Status == risk.DelegatedShown) {
			assert.Contains(t, html.String(), "<tr><td>"+row.Clause.String()+"</td>")
		}
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(name, got, 0o600))
	}
	want, err := os.ReadFile(name)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got), name+": run with -update after reading the difference")
}

func htmlText(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "'", "&#39;", `"`, "&#34;").Replace(s)
}

// TestPageIsDeterministic: two devices of one composition have one page.
func TestPageIsDeterministic(t *testing.T) {
	var pages []string
	for range 2 {
		device, parts, statement := compose(t)
		page, err := disclosure.NewPage(t.Context(), device, parts, statement, vendor())
		require.NoError(t, err)
		var b bytes.Buffer
		require.NoError(t, errors.Join(page.WriteMarkdown(&b), page.WriteHTML(&b)))
		pages = append(pages, b.String())
	}
	assert.Equal(t, pages[0], pages[1])
}

// TestPageTellsTheTruth: what is not as the statement says, or not shown, is a warning.
func TestPageTellsTheTruth(t *testing.T) {
	device, parts, _ := compose(t)
	a := assessment(t)
	unproven := risk.Derive(a, device.Features(), nil)
	page, err := disclosure.NewPage(t.Context(), device, parts, unproven, vendor())
	require.NoError(t, err)
	require.Len(t, page.Warnings, 1)
	assert.Contains(t, page.Warnings[0], "not shown")
	var text bytes.Buffer
	require.NoError(t, page.WriteMarkdown(&text))
	assert.Contains(t, text.String(), string(risk.IncludedUnproven), "what nobody has shown stands among what is left")
	page.Left = nil
	text.Reset()
	require.NoError(t, page.WriteMarkdown(&text))
	assert.NotContains(t, text.String(), "has evidence for every requirement")
	page.Warnings = nil
	text.Reset()
	require.NoError(t, page.WriteMarkdown(&text))
	assert.Contains(t, text.String(), "has evidence for every requirement")
	page, err = disclosure.NewPage(t.Context(), device, parts, unproven, vendor())
	require.NoError(t, err)
	for _, area := range page.Protections {
		if area.Area == clause.AreaErase {
			assert.False(t, area.Features[0].Shown)
		}
	}

	// A device whose composition is not the statement's.
	other := *parts
	other.Extra = append(slices.Clip(other.Extra), part{{ID: "vendor.more", Clauses: []clause.ID{clause.C5_2_8_1_A}, Package: "x"}})
	drifted, err := baseline.New(other, unproven, nil)
	require.NoError(t, err)
	page, err = disclosure.NewPage(t.Context(), drifted, &other, unproven, vendor())
	require.NoError(t, err)
	assert.Contains(t, strings.Join(page.Warnings, "\n"), "vendor.more is composed and not in the statement")
	assert.Contains(t, strings.Join(page.Warnings, "\n"), "nonconforming")
}

// silent parts cannot be asked.
type silent struct{ part }

func (silent) Describe(context.Context) ([]clause.Setting, error) {
	return nil, errors.New("no TPM, secret hunter2")
}
func (silent) Status(context.Context) (string, bool, error) { return "", false, errors.New("no slot") }
func (silent) Install(context.Context, string) error        { return nil }
func (silent) Confirm(context.Context) error                { return nil }
func (silent) Rollback(context.Context, string) error       { return nil }
func (silent) Scopes() []string                             { return []string{"factory", "settings"} }
func (silent) Reset(context.Context, string, string) error  { return nil }

// TestPageOfSilentParts: a part that does not answer is a warning, without its error.
func TestPageOfSilentParts(t *testing.T) {
	s := silent{part{{ID: "vendor.all", Clauses: []clause.ID{clause.C5_2_7_1_1}, Package: "example.com/x", Summary: "updates by the service"}}}
	parts := &baseline.Parts{Protector: &s, Updater: &s, Resetter: &s}
	statement := risk.Derive(assessment(t), nil, nil)
	statement.Rows, statement.Missing = nil, nil
	device, err := baseline.New(*parts, statement, nil)
	require.NoError(t, err)
	page, err := disclosure.NewPage(t.Context(), device, parts, statement, vendor())
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, page.WriteMarkdown(&b))
	assert.Contains(t, b.String(), "Warning: The running version cannot be told now")
	assert.Contains(t, b.String(), "How stored data is protected cannot be told now")
	assert.NotContains(t, b.String(), "hunter2")
	assert.Contains(t, b.String(), "- The device: updates by the service\n")
	assert.Contains(t, b.String(), "- Scope: factory\n- Scope: settings\n")
}

func TestVendorIsChecked(t *testing.T) {
	for want, change := range map[string]func(v *disclosure.Vendor){
		"Product is required":         func(v *disclosure.Vendor) { v.Product = "\u200b " },
		"Model is required":           func(v *disclosure.Vendor) { v.Model = "" },
		"Name is required":            func(v *disclosure.Vendor) { v.Name = "" },
		"Contact is required":         func(v *disclosure.Vendor) { v.Contact = "" },
		"Support.Until is required":   func(v *disclosure.Vendor) { v.Support.Until = "" },
		"Support.Until is no day":     func(v *disclosure.Vendor) { v.Support.Until = "in five years" },
		"Support.From is no day":      func(v *disclosure.Vendor) { v.Support.From = "2032-01-01" },
		"Contact is no mailto":        func(v *disclosure.Vendor) { v.Contact = "javascript:alert(1)" },
		"Policy is no https":          func(v *disclosure.Vendor) { v.Policy = "http://example.com" },
		"Encryption is no https":      func(v *disclosure.Vendor) { v.Encryption = "https://example.com/\"><script>" },
		"SBOM is no https":            func(v *disclosure.Vendor) { v.SBOM = "https://user:pw@example.com" },
		"Support.Changes is no https": func(v *disclosure.Vendor) { v.Support.Changes = "https:///x" },
	} {
		v := vendor()
		change(v)
		_, err := disclosure.NewPage(t.Context(), &baseline.Device{}, &baseline.Parts{}, &risk.Statement{}, v)
		require.ErrorIs(t, err, disclosure.ErrVendor, want)
		require.ErrorContains(t, err, want)
	}
	_, err := disclosure.NewPage(t.Context(), nil, nil, nil, vendor())
	require.ErrorContains(t, err, "missing")
}
