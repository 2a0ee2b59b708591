package baseline_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline"
)

// deaf recovers when it is let, whatever its context says.
type deaf struct {
	*part
	let chan struct{}
}

func (d deaf) Recover(context.Context) error {
	d.journal.note(d.name + " begins")
	<-d.let
	d.journal.note(d.name + " answers")
	return nil
}

// running runs a device of a vault, a deaf part and one more, until ctx ends after a
// minute, and returns what Run said.
func running(t *testing.T, j *journal, let chan struct{}) (*baseline.Device, error) {
	t.Helper()
	d := compose(t, baseline.Parts{
		Protector: protector{&part{name: "vault", journal: j}},
		Extra:     []baseline.Part{deaf{&part{name: "deaf", journal: j}, let}, &part{name: "last", journal: j}},
	}, nil)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return d, d.Run(ctx)
}

// Run ends once what it asked has answered, so that nothing is closed under it.
func TestRunWaitsForTheLateAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, let := &journal{}, make(chan struct{})
		time.AfterFunc(time.Minute+20*time.Second, func() { close(let) })
		d, err := running(t, j, let)
		require.NoError(t, err)
		require.NoError(t, d.Close())
		lines := j.all()
		assert.Equal(t, []string{"deaf answers", "last closes", "deaf closes", "vault closes"}, lines[len(lines)-4:])
	})
}

// What never answers stays open with what is under it.
func TestNothingIsClosedUnderWhatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, let := &journal{}, make(chan struct{})
		d, err := running(t, j, let)
		require.ErrorContains(t, err, "Extra[0]: stop: no answer in time")
		require.ErrorContains(t, d.Close(), "close: Extra[0]: no answer in time: left open")
		lines := j.all()
		assert.Equal(t, "last closes", lines[len(lines)-1])
		assert.NotContains(t, lines, "vault closes")
		close(let)
	})
}
