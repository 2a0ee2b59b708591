package reset_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/reset"
)

type here struct{}

func (here) Prove(context.Context, []byte) error { return nil }

// TestForgedJournal: whatever is written to the medium with a right checksum, nothing
// is reset; the worst is a device that waits.
func TestForgedJournal(t *testing.T) {
	ctx := t.Context()
	m, d := onMachine(t)
	text := held(t, d)

	// A journal in plain, as a release without vault might read it.
	journal := `1 {"pending":{"mandate":{"acts":[{"permission":"reset.request","resource":"factory"}]},"done":[]}}`
	for _, name := range []string{"reset", "floor/reset", "mandates/00112233445566778899aabbccddeeff"} {
		require.NoError(t, d.dir.Put(ctx, name, []byte(journal)))
	}
	d = start(t, m)
	require.Equal(t, text, held(t, d))

	// The mark of a hold: the device waits, and a person who may orders a reset.
	_, err := d.dir.Hold(ctx, "reset factory")
	require.NoError(t, err)
	d, err = open(ctx, fsDir(t, m))
	require.ErrorIs(t, err, reset.ErrOrphan)
	require.ErrorIs(t, d.resetter.Health(ctx), reset.ErrOrphan)
	require.NoError(t, d.dir.Held().Release(ctx))
	d = start(t, m)
	require.Equal(t, text, held(t, d), "nothing was reset")

	// Every file of the vault exchanged for one with the right checksum.
	names, err := d.dir.List(ctx, "vault/")
	require.NoError(t, err)
	image := m.Image()
	for _, name := range names {
		m.Restore(image)
		dir := fsDir(t, m)
		require.NoError(t, dir.Put(ctx, name, []byte(journal)))
		d, err := open(ctx, dir)
		if err != nil {
			continue // refused
		}
		got, err := d.holds(ctx)
		if err == nil {
			require.Contains(t, got, "subjects 1")
			require.NotContains(t, got, "last")
		}
	}
}

// journal is the record as somebody else writes it.
type journal struct {
	Pending *order `json:"pending"`
}

type order struct {
	Mandate access.Mandate `json:"mandate"`
	Done    []struct{}     `json:"done"`
}

// TestJournalWithoutOrder: also in the floor compartment a journal is obeyed only with
// a mandate that the guard made under this ownership, for this plan.
func TestJournalWithoutOrder(t *testing.T) {
	ctx := t.Context()
	m, d := onMachine(t)
	mandate, err := d.guard.NewMandate(d.as(ctx, "ann"), access.MandateRequest{
		Acts: []access.Act{{Permission: access.ResetRequest, Resource: reset.Factory}, reset.Disown()}, Reason: "x", Plan: []byte("another plan"),
	})
	require.NoError(t, err)
	require.NoError(t, d.floor.Put(ctx, "reset", []byte(`1 {"pending":{"mandate":{"acts":[{"permission":"reset.request","resource":"factory"}]},"done":[]}}`)))
	_, err = open(ctx, fsDir(t, m))
	require.ErrorIs(t, err, durable.ErrCorrupt)
	forged := durable.NewValue[journal](d.floor, "reset", nil)
	foreign := mandate
	foreign.Ownership = strings.Repeat("0", 32)
	erasing := mandate
	erasing.Acts = []access.Act{{Permission: access.EraseAll}}
	for name, mandate := range map[string]access.Mandate{"another plan": mandate, "another ownership": foreign, "no reset": erasing} {
		require.NoError(t, forged.Store(ctx, journal{&order{mandate, []struct{}{}}}))
		d, err := open(ctx, fsDir(t, m))
		require.Error(t, err, name)
		require.Equal(t, 1, d.vault.Report(ctx).Subjects, name)
		require.NotEmpty(t, d.guard.Ownership(), name)
	}
}

// TestOrphanByPresence: who stands at the device heals it.
func TestOrphanByPresence(t *testing.T) {
	ctx := t.Context()
	m, d := onMachine(t)
	_, err := d.dir.Hold(ctx, "reset factory")
	require.NoError(t, err)
	d, err = open(ctx, fsDir(t, m))
	require.ErrorIs(t, err, reset.ErrOrphan)
	e, err := d.guard.ProvePresence(ctx, here{})
	require.NoError(t, err)
	require.NoError(t, d.resetter.Reset(access.WithEntity(ctx, e), reset.Factory, "stuck"))
	d = start(t, m)
	assert.True(t, strings.HasPrefix(held(t, d), factory), held(t, d))
}

// TestOldOrderIsDropped: what one owner ordered and nothing came of, another does not
// suffer.
func TestOldOrderIsDropped(t *testing.T) {
	ctx := t.Context()
	m, _ := onMachine(t)
	for n := 0; ; n++ {
		c := m.Clone()
		d := start(t, c)
		c.Cut(n)
		require.Error(t, d.resetter.Reset(d.as(ctx, "ann"), reset.Factory, "sold"), "cut")
		c.Drop()
		d, err := early(ctx, fsDir(t, c), protect.Open)
		require.NoError(t, err)
		if errors.Is(d.resetter.Health(ctx), reset.ErrInterrupted) { // ordered, not begun
			m = c
			break
		}
	}
	d, err := early(ctx, fsDir(t, m), protect.Open)
	require.NoError(t, err)
	require.Nil(t, d.dir.Held(), "nothing was destroyed")
	require.NoError(t, d.late(ctx))
	require.NoError(t, d.guard.EndOwnership(d.as(ctx, "ann")))
	require.NoError(t, d.commission(ctx))
	d = start(t, m)
	assert.Contains(t, held(t, d), "subjects 1; cache 1")
	require.NoError(t, d.resetter.Health(ctx))
}
