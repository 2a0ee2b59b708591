package baselinetest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/baselinetest"
	"github.com/iot-device-baseline/baseline/risk"
)

// broken are compositions that only a test of the whole device finds: each of their
// packages keeps its own rules.
var broken = []struct{ id, fault, says string }{
	{"ACC-02", faultUngated, "pump water by nobody: accepted"},
	{"ACC-02", faultSetup, "change the settings by the program: accepted"},
	{"CFG-01", faultAnybody, "the settings have changed"},
	{"CFG-02", faultReplay, "an older bundle: the settings have changed"},
	{"UPD-03", faultDowngrade, "the image that starts is another"},
	{"UPD-01", faultUnsigned, "a stranger signed: the image that starts is another"},
	{"ERA-01", faultCopy, "the erased data is on the media: cache/bob"},
	{"RST-03", faultFloor, "the floor was"},
	{"RST-03", faultOldOwner, "the device is in service after the reset"},
	{"DOC-01", faultClaims, "without its Updater the device is accepted: feature pump.agent"},
}

// TestCatches: every case fails on a device that is broken in what the case is about.
func TestCatches(t *testing.T) {
	caught := map[string]bool{}
	for _, b := range broken {
		t.Run(b.id+" "+b.fault, func(t *testing.T) {
			l := newLab(t, b.fault)
			r, err := baselinetest.Check(t.Context(), l.harness(), caseOf(t, b.id))
			require.NoError(t, err)
			res := r.Results[0]
			t.Logf("%s: %s", res.Outcome, res.Detail)
			if assert.Equal(t, baselinetest.Fail, res.Outcome, res.Detail) && assert.Contains(t, res.Detail, b.says) {
				caught[b.id] = true
			}
			for _, e := range r.Evidence() {
				assert.Equal(t, risk.Fail, e.Result)
				row, _ := r.Statement.Row(e.Clauses[0])
				assert.Equal(t, risk.ClaimedButFails, row.Status)
			}
		})
	}
	t.Logf("cases=%d caught=%d", len(baselinetest.Cases()), len(caught))
	assert.Len(t, caught, len(baselinetest.Cases()))
}

func caseOf(t testing.TB, id string) baselinetest.Case {
	t.Helper()
	for _, c := range baselinetest.Cases() {
		if c.ID == id {
			return c
		}
	}
	require.Fail(t, "no case "+id)
	return baselinetest.Case{}
}
