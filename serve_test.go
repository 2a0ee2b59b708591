package baseline_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/iot-device-baseline/baseline"
)

// countOf counts a line of the journal.
func countOf(j *journal, line string) (n int) {
	for _, l := range j.all() {
		if l == line {
			n++
		}
	}
	return n
}

// A server that comes up later serves, though the state stays as it was; one that
// serves already is left alone until the state changes.
func TestServerThatComesUpLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		vault := &part{name: "vault", journal: j, recover: errors.New("unplugged")}
		status := &part{name: "status", journal: j, recover: errors.New("port busy")}
		out := []baseline.State{baseline.Degraded, baseline.Nonconforming}
		d := compose(t, baseline.Parts{Protector: protector{vault}, Extra: []baseline.Part{
			listener{status, out}, listener{&part{name: "alerts", journal: j}, append(out, baseline.Operational)},
		}}, nil)
		start(t, d)
		synctest.Wait()
		assert.NotContains(t, j.all(), "status serves")
		status.setRecover(nil)
		time.Sleep(time.Hour)
		state, reason := d.State()
		assert.Equal(t, baseline.Degraded, state, reason)
		assert.Equal(t, 1, countOf(j, "status serves"))
		assert.Equal(t, 1, countOf(j, "alerts serves"))
		vault.setRecover(nil)
		time.Sleep(time.Hour)
		assert.Equal(t, 1, countOf(j, "status ends"))
		assert.Equal(t, 1, countOf(j, "status serves"), "not in operational")
		assert.Equal(t, 2, countOf(j, "alerts serves"))
	})
}
