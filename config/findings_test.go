package config_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

type Many struct {
	Items map[string]int `json:"items" setting:"doc=x; keys=id; maxitems=400; min=0; max=9; warn=1: old"`
	Limit int            `json:"limit" setting:"doc=y; default=9; min=0; max=9; insecure=4: weak"`
}

// More warnings than a report holds hide neither what is invalid nor what is insecure.
func TestWarningsHideNothing(t *testing.T) {
	rule := config.NewRule("r", func(m *Many) string {
		if m.Limit == 3 {
			return "not 3"
		}
		return ""
	}, "/limit")
	schema, err := config.For[Many](&config.SchemaOptions{Rules: []config.Rule{rule}})
	require.NoError(t, err)
	dir, err := durable.OpenFS(powercut.New().FS(), nil)
	require.NoError(t, err)
	s, err := config.Open(context.Background(), dir, schema, allowAdmin, nil)
	require.NoError(t, err)
	text := func(limit int) []byte {
		items := map[string]int{}
		for i := range 300 {
			items[fmt.Sprintf("i%d", i)] = 1
		}
		doc, err := json.Marshal(map[string]any{"items": items, "limit": limit})
		require.NoError(t, err)
		return doc
	}

	broken := config.Report{{Path: "/limit", Rule: "r: not 3", Severity: config.Invalid}}
	var refused *config.ReportError
	_, err = s.Change(asAdmin(), config.Change{Patch: text(3)})
	require.ErrorIs(t, err, config.ErrInvalid)
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, broken, refused.Report)
	report, err := schema.Validate(text(3))
	require.ErrorIs(t, err, config.ErrInvalid)
	assert.Len(t, report, config.MaxFindings)
	assert.Equal(t, broken, report.Only(config.Invalid))

	weak := config.Report{{Path: "/limit", Rule: "weak", Severity: config.Insecure}}
	report, err = schema.Validate(text(4))
	require.NoError(t, err)
	assert.Equal(t, weak, report.Only(config.Insecure))
	assert.Len(t, report, config.MaxFindings)
	_, err = s.Change(asAdmin(), config.Change{Patch: text(4)})
	require.ErrorIs(t, err, config.ErrInsecure)
	res, err := s.Change(asAdmin(), config.Change{Patch: text(4), AcceptInsecure: []string{"/limit"}})
	require.NoError(t, err)
	assert.Equal(t, weak, res.Report.Only(config.Insecure))
	assert.Len(t, res.Report, config.MaxFindings)
}

// The error counts findings that the report has no room for.
func TestReportErrorCounts(t *testing.T) {
	schema, err := config.For[Many](nil)
	require.NoError(t, err)
	items := map[string]int{}
	for i := range 300 {
		items[fmt.Sprintf("i%d", i)] = 99
	}
	doc, err := json.Marshal(map[string]any{"items": items})
	require.NoError(t, err)
	report, err := schema.Validate(doc)
	require.ErrorIs(t, err, config.ErrInvalid)
	assert.Len(t, report, config.MaxFindings)
	assert.ErrorContains(t, err, "; and 295 more")
	require.ErrorIs(t, &config.ReportError{Report: report}, config.ErrInvalid)
	require.ErrorIs(t, &config.ReportError{}, config.ErrInsecure)
}
