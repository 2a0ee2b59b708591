package baseline_test

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/risk"
)

// forgeries are bytes with a right checksum for a plain value: what other values
// hold, records that say what an attacker wants, and noise.
func forgeries(plain map[string][]byte) [][]byte {
	list := [][]byte{
		nil, []byte("1 {}"), []byte("1 null"), []byte("2"), []byte("reset"), []byte("9"),
		[]byte(`1 {"operations":["reset","erase.all"]}`),
		[]byte(`1 {"operations":["protect.migrate"]}`),
		[]byte(`1 {"operations":["config.change"]}`),
		[]byte(`1 {"phase":"erasing","scope":"factory","approved":true}`),
		[]byte(`1 {"provisioned":true,"initial":"","ownership":"eve","assignments":[{"id":"eve","kind":"person","roles":["owner"]}]}`),
	}
	list = append(list, slices.Collect(maps.Values(plain))...)
	random := rand.New(rand.NewPCG(1, 2))
	for _, value := range plain {
		for range 2 {
			v := slices.Clone(value)
			for i := range v {
				if random.IntN(16) == 0 {
					v[i] = byte(random.IntN(256))
				}
			}
			list = append(list, v, v[:random.IntN(len(v)+1)])
		}
	}
	return list
}

// Whoever writes to the medium may break the device, but by no bytes in a record
// that is readable without the vault does he erase, reset, approve, take over or
// raise a floor (PROTOCOLS 3).
func TestForgedJournal(t *testing.T) {
	ctx := t.Context()
	m := commissioned(t)
	l, err := openLab(ctx, t, m, false)
	require.NoError(t, err)
	before, err := l.describe(ctx)
	require.NoError(t, err)
	assert.Contains(t, before, "bob=555")
	names, err := l.dir.List(ctx, "")
	require.NoError(t, err)
	plain := map[string][]byte{}
	for _, name := range names {
		plain[name], err = l.dir.Get(ctx, name)
		require.NoError(t, err)
	}
	targets := append(names, "reset", "erase", "update", "mandates/1", "mandate", "guard", "access", "hold", "resume")
	w := &world{assessment: assessment(t), everything: &part{features: answerAll(t), journal: &journal{}}}
	forged, refused, harmless, effective := 0, 0, 0, 0
	for _, name := range targets {
		for _, value := range forgeries(plain) {
			c := m.Clone()
			d, err := durable.OpenFS(c.FS(), nil)
			require.NoError(t, err)
			if d.Put(ctx, name, value) != nil || d.Close() != nil {
				continue
			}
			forged++
			switch w.startForged(ctx, t, c, before, name, value) {
			case "refused":
				refused++
			case "harmless":
				harmless++
			default:
				effective++
			}
		}
	}
	t.Logf("forged=%d refused=%d harmless=%d effective=%d targets=%d", forged, refused, harmless, effective, len(targets))
	assert.Zero(t, effective)
	assert.Greater(t, refused, 0)
	assert.Greater(t, harmless, 0)
}

// world is what does not change from one forgery to the next.
type world struct {
	assessment *risk.Assessment
	everything *part // answers what the assessment needs
	derived    *risk.Statement
}

func (w *world) statement(parts *baseline.Parts) *risk.Statement {
	if w.derived == nil {
		w.derived = risk.Derive(w.assessment, parts.Features(), nil)
	}
	return w.derived
}

// startForged starts the device and reports what the forgery brought about: it was
// refused with a typed error, harmless (all is as before and nothing was destroyed),
// or effective.
func (w *world) startForged(ctx context.Context, t *testing.T, m *powercut.Machine, before, name string, value []byte) string {
	t.Helper()
	l, err := openLab(ctx, t, m, false)
	if err != nil {
		typed := []error{
			protect.ErrTampered, protect.ErrRollback, protect.ErrForeign, protect.ErrMissing, protect.ErrLost,
			protect.ErrPolicy, durable.ErrFormat, durable.ErrCorrupt, durable.ErrHeld,
		}
		assert.True(t, slices.ContainsFunc(typed, func(e error) bool { return errors.Is(err, e) }), "%s=%.40q: %v", name, value, err)
		return "refused"
	}
	j := &journal{}
	parts := baseline.Parts{
		Accessor: l.guard, Protector: l.vault, Configurer: l.settings,
		Eraser: watched{&part{name: "eraser", journal: j}}, Resetter: watched{&part{name: "resetter", journal: j}},
		Extra: []baseline.Part{endAtOnce{}},
	}
	parts.Extra = append(parts.Extra, w.everything)
	device, err := baseline.New(parts, w.statement(&parts), &baseline.Options{Interlock: l.interlock})
	require.NoError(t, err)
	assert.Empty(t, device.Drift())
	require.ErrorContains(t, device.Run(ctx), "stopped by itself")
	for _, line := range j.all() {
		if strings.HasSuffix(line, "erases") || strings.HasSuffix(line, "resets") {
			return "effective"
		}
	}
	after, err := l.describe(ctx)
	if err != nil { // damage to a sealed object is told when it is read
		shut := errors.Is(err, access.ErrDenied) && l.guard.Health(ctx) != nil // the guard's own record
		assert.True(t, shut || errors.Is(err, durable.ErrCorrupt) || errors.Is(err, durable.ErrFormat), "%s=%.40q: %v", name, value, err)
		return "refused"
	}
	if !assert.Equal(t, before, after, "%s=%.40q", name, value) {
		return "effective"
	}
	return "harmless"
}

// watched notes when it is told to destroy.
type watched struct{ *part }

func (w watched) Scopes() []string { return []string{"factory"} }

func (w watched) Erase(context.Context, string) (string, error) {
	w.journal.note(w.name + " erases")
	return "", nil
}

func (w watched) Reset(context.Context, string, string) error {
	w.journal.note(w.name + " resets")
	return nil
}

// endAtOnce ends the device as soon as everything runs.
type endAtOnce struct{}

func (endAtOnce) Features() []clause.Feature { return nil }

func (endAtOnce) Run(context.Context) error { return nil }
