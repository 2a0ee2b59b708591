package baseline_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/clause"
)

// drifted composes parts and a status page that the statement does not know.
func drifted(t *testing.T, parts baseline.Parts, j *journal) *baseline.Device {
	t.Helper()
	own := &part{name: "own", features: answerAll(t), journal: j}
	approved := baseline.Parts{Extra: []baseline.Part{own}}
	status := &part{name: "status", features: feature("vendor.new", clause.C5_2_8_1_A), journal: j}
	parts.Extra = []baseline.Part{own, listener{status, []baseline.State{baseline.Nonconforming}}}
	d, err := baseline.New(parts, derive(t, &approved), nil)
	require.NoError(t, err)
	return d
}

// hungStatus does not know whether it is on trial; hungRollback never ends.
type hungStatus struct{ updater }

func (hungStatus) Status(ctx context.Context) (string, bool, error) {
	<-ctx.Done()
	<-time.After(time.Minute) // nor does it end when it is told to
	return "1.1", true, nil
}

type hungRollback struct{ updater }

func (hungRollback) Rollback(ctx context.Context, _ string) error {
	<-ctx.Done()
	return ctx.Err()
}

// listed has a type whose values cannot be compared.
type listed struct {
	updater
	slots []string
}

// An updater that does not answer gives nothing up, and blocks nothing for ever.
func TestHungUpdaterDoesNotBlockTheStart(t *testing.T) {
	for name, make := range map[string]func(u updater) baseline.Updater{
		"status":   func(u updater) baseline.Updater { return hungStatus{u} },
		"rollback": func(u updater) baseline.Updater { return hungRollback{u} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := &journal{}
				d := drifted(t, baseline.Parts{Updater: make(updater{part: &part{name: "updater", journal: j}, trial: true})}, j)
				start(t, d)
				time.Sleep(time.Hour)
				assert.Contains(t, j.all(), "status serves")
				for _, line := range j.all() {
					assert.NotContains(t, line, "rolled back", "not certain that it is on trial")
				}
			})
		})
	}
}

func TestUpdaterOfATypeThatCannotBeCompared(t *testing.T) {
	j := &journal{}
	u := listed{updater{part: &part{name: "updater", journal: j}, trial: true}, nil}
	d := drifted(t, baseline.Parts{Updater: u}, j)
	require.ErrorIs(t, d.Run(t.Context()), baseline.ErrRolledBack)
}
