package integrity_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/protect/integrity"
)

var (
	whole  = &integrity.Report{Checked: true}
	failed = &integrity.Report{Checked: true, Total: 1, Findings: []integrity.Finding{{Kind: integrity.Missing, Path: "a"}}}
)

// TestDecide holds Decide to the rows of its documentation, for every combination of
// what it depends on.
func TestDecide(t *testing.T) {
	const either = "yes no"
	rows := []struct {
		report, trial, after, other, reinstall string
		recovery                               integrity.Action
	}{
		{"whole", either, either, either, either, integrity.Continue},
		{"failed", "yes", "no", either, either, integrity.RollBack},
		{"failed", "no", "no", "yes", either, integrity.OtherSlot},
		{"failed", either, either, either, "yes", integrity.Reinstall},
		{"failed", either, either, either, either, ""},
	}
	declared := map[integrity.Response]integrity.Action{
		integrity.Notify: integrity.Tell, integrity.Inoperable: integrity.Stop, integrity.FailSafe: integrity.Protect,
		integrity.Recover: integrity.Protect, "": integrity.Protect, "else": integrity.Protect,
	}
	fits := func(cell string, v bool) bool {
		return cell == either || cell == map[bool]string{true: "yes", false: "no"}[v]
	}
	reports := map[string][]*integrity.Report{
		"whole":  {whole},
		"failed": {nil, {}, failed, {Total: 1, Findings: []integrity.Finding{{Kind: integrity.Unsigned}}}, {Checked: true, Total: 1}},
	}
	cases, used := 0, map[int]int{}
	for state, list := range reports {
		for _, report := range list {
			for response, fallback := range declared {
				for bits := range 32 {
					s := integrity.Situation{Busy: bits&1 > 0, Trial: bits&2 > 0, AfterRollback: bits&4 > 0, OtherVerifies: bits&8 > 0, CanReinstall: bits&16 > 0}
					var want integrity.Decision
					for i, row := range rows {
						if row.report != state || !fits(row.trial, s.Trial) || !fits(row.after, s.AfterRollback) ||
							!fits(row.other, s.OtherVerifies) || !fits(row.reinstall, s.CanReinstall) {
							continue
						}
						used[i]++
						switch {
						case row.recovery == integrity.Continue, row.recovery != "" && !s.Busy:
							want = integrity.Decision{Now: row.recovery}
						case row.recovery != "":
							want = integrity.Decision{Now: fallback, Then: row.recovery}
						default:
							want = integrity.Decision{Now: fallback}
						}
						break
					}
					got := integrity.Policy{Response: response}.Decide(report, s)
					require.Equal(t, want, got, "%s %q %+v", state, response, s)
					cases++
				}
			}
		}
	}
	require.Len(t, used, len(rows), "a row is of no use")
	t.Logf("combinations=%d", cases)
	require.Equal(t, 6*6*32, cases)
}

// TestDecideSafely says what must hold of any table.
func TestDecideSafely(t *testing.T) {
	for _, response := range []integrity.Response{integrity.Notify, integrity.Inoperable, integrity.FailSafe, integrity.Recover, ""} {
		for bits := range 32 {
			s := integrity.Situation{Busy: bits&1 > 0, Trial: bits&2 > 0, AfterRollback: bits&4 > 0, OtherVerifies: bits&8 > 0, CanReinstall: bits&16 > 0}
			name := fmt.Sprintf("%s %+v", response, s)
			d := integrity.Policy{Response: response}.Decide(failed, s)
			both := []integrity.Action{d.Now, d.Then}
			assert.NotContains(t, both, integrity.Continue, name)
			if s.AfterRollback {
				assert.NotContains(t, both, integrity.RollBack, name)
				assert.NotContains(t, both, integrity.OtherSlot, name)
			}
			if !s.OtherVerifies {
				assert.NotContains(t, both, integrity.OtherSlot, name)
			}
			if s.Busy {
				assert.NotContains(t, []integrity.Action{integrity.RollBack, integrity.OtherSlot, integrity.Reinstall}, d.Now, name)
			}
			if response != integrity.Notify {
				assert.NotEqual(t, integrity.Tell, d.Now, name)
			}
		}
	}
	assert.Equal(t, "protect, then roll-back", integrity.Policy{}.Decide(nil, integrity.Situation{Trial: true, Busy: true}).String())
	assert.Equal(t, "continue", integrity.Policy{}.Decide(whole, integrity.Situation{}).String())
}
