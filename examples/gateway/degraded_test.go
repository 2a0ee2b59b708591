package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/uboot"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/protect"
)

// alive is a gateway that runs, and who is at its service port.
type alive struct {
	*port
	t    *testing.T
	stop func()
	over chan error
}

func switchOn(t *testing.T, how start, img *image) *alive {
	t.Helper()
	g, err := open(t.Context(), how, img)
	require.NoError(t, err)
	in, questions := io.Pipe()
	answers, out := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	a := &alive{newPort(questions, func(message) {}), t, cancel, make(chan error, 1)}
	go a.listen(answers)
	go func() {
		a.over <- g.live(ctx, newConsole(in, out))
		_, _ = in.Close(), out.Close()
	}()
	return a
}

// becomes waits for a state, and returns what the service port says then.
func (a *alive) becomes(state string) (s status) {
	a.t.Helper()
	require.Eventually(a.t, func() bool {
		return a.ask(request{Op: "status"}, nil, &s) == nil && s.State == state
	}, time.Minute, 5*time.Millisecond)
	return s
}

func (a *alive) off() {
	a.stop()
	<-a.over
}

// TestUnplugged: a gateway starts without its TPM, with another one, or told to go on
// without: it is degraded, says why, lets nobody in, and makes nothing anew; when the TPM
// is there again, so is the gateway.
func TestUnplugged(t *testing.T) {
	chip := emulate(t)
	how, img := delivered(t, chip.sock)
	a := switchOn(t, how, img)
	a.becomes("operational")
	a.off()

	other, without := how, how
	other.chip, without.chip = emulate(t).sock, ""
	chip.off()
	for reason, how := range map[string]start{"key store unavailable": how, "the TPM was cleared or replaced": other, "the keys of this gateway are in a TPM": without} {
		a := switchOn(t, how, img)
		s := a.becomes("degraded")
		assert.Contains(t, s.Reason, reason)
		assert.True(t, s.Shut)
		assert.Equal(t, "1.0", s.Version)
		for _, r := range []request{{Op: "settings"}, {Op: "install"}, {Op: "commission", User: "label", Secret: "x"}} {
			require.ErrorContains(t, a.ask(r, nil, nil), "denied: the gateway is degraded")
		}
		a.off()
	}
	_, err := os.Stat(filepath.Join(how.dir, stateDir, "softkeys"))
	require.ErrorIs(t, err, fs.ErrNotExist)

	a = switchOn(t, how, img)
	a.becomes("degraded")
	chip.on()
	require.ErrorIs(t, <-a.over, errRestart)
	a = switchOn(t, how, img)
	a.becomes("operational")
	a.off()
}

// A release on trial that cannot open the vault is given up, without anybody's doing.
func TestUnpluggedInTrial(t *testing.T) {
	chip := emulate(t)
	how, img := delivered(t, chip.sock)
	a := switchOn(t, how, img)
	a.becomes("operational")
	a.off()
	chip.off()

	slots := filepath.Join(how.dir, slotsDir)
	image, err := os.ReadFile(filepath.Join(slots, "a"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(slots, "b"), image, 0o700))
	raw, err := durable.OpenRaw(filepath.Join(how.dir, bootDir), nil)
	require.NoError(t, err)
	env, err := uboot.New(raw, environment(), "a")
	require.NoError(t, err)
	require.NoError(t, env.Try(t.Context(), "b", 3))
	require.NoError(t, raw.Close())

	how.booted = "b"
	a = switchOn(t, how, img)
	require.ErrorIs(t, <-a.over, errRestart)
	raw, err = durable.OpenRaw(filepath.Join(how.dir, bootDir), nil)
	require.NoError(t, err)
	next, err := uboot.Choose(t.Context(), raw, environment())
	require.NoError(t, errors.Join(err, raw.Close()))
	require.Equal(t, "a", next)
}

// What was never whole does not start without its vault: nobody knows what it is.
func TestUnpluggedFromTheFactory(t *testing.T) {
	chip := emulate(t)
	how, img := delivered(t, chip.sock)
	chip.off()
	a := switchOn(t, how, img)
	require.ErrorIs(t, <-a.over, protect.ErrUnavailable)
}
