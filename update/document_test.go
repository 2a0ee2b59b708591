package update_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/update"
)

// A release that was given up for its document alone, which calls the program by another
// name, is tried again with one that is right; with the wrong one it is not.
func TestWrongDocument(t *testing.T) {
	wrong := func(r *update.Release) { r.Version = "1.2-rc" }
	for name, tt := range map[string]struct{ installed, later func(r *update.Release) }{
		"the one that was installed": {installed: wrong, later: wrong},
		"one that came later":        {later: wrong},
	} {
		t.Run(name, func(t *testing.T) {
			guard() // not of the bubble
			synctest.Test(t, func(t *testing.T) {
				operator := as(t.Context(), "operator")
				v := newVendor()
				m := lab(t, v, 1)
				v.publish(2, 2, tt.installed)
				require.NoError(t, booted(t, m, v, nil).Install(operator, ""))
				v.publish(2, 2, tt.later)
				tried(t, booted(t, m, v, nil), time.Hour)
				d := booted(t, m, v, nil)
				require.Equal(t, "1.1 trial=false floor=0 failed=1", d.state(t))
				require.ErrorIs(t, d.Install(operator, ""), update.ErrBlocked, "the same document")
				v.publish(2, 2, nil)
				require.NoError(t, d.Install(operator, ""))
				d = booted(t, m, v, nil)
				tried(t, d, 70*time.Second)
				assert.Equal(t, "1.2 trial=false floor=2 failed=1", d.state(t))
			})
		})
	}
}

func tried(t *testing.T, d *device, long time.Duration) {
	ctx, cancel := context.WithTimeout(as(t.Context(), "confirmer"), long)
	defer cancel()
	assert.ErrorIs(t, d.Run(ctx), context.DeadlineExceeded)
}

// TestJournalOfTheReleaseBefore: a journal that was written before "images" was in it
// keeps what failed, by its document.
func TestJournalOfTheReleaseBefore(t *testing.T) {
	ctx := as(t.Context(), "operator")
	v := newVendor()
	m := lab(t, v, 1)
	v.publish(2, 2, nil)
	require.NoError(t, booted(t, m, v, nil).Install(ctx, ""))
	d := booted(t, m, v, nil)
	unlisted(t, d, "images", "refused", "by")
	require.NoError(t, booted(t, m, v, nil).Rollback(ctx, "it hums"))
	d = booted(t, m, v, nil)
	require.Equal(t, "1.1 trial=false floor=0 failed=1", d.state(t))
	require.ErrorIs(t, d.Install(ctx, ""), update.ErrBlocked)
	unlisted(t, d, "images", "refused", "by")
	d = booted(t, m, v, nil)
	require.Equal(t, "1.1 trial=false floor=0 failed=1", d.state(t))
	require.ErrorIs(t, d.Install(ctx, ""), update.ErrBlocked)
}

// unlisted takes members out of the journal.
func unlisted(t *testing.T, d *device, names ...string) {
	raw, err := d.dir.Get(t.Context(), "update/journal")
	require.NoError(t, err)
	head, text, ok := strings.Cut(string(raw), " ")
	require.True(t, ok)
	var members map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &members))
	for _, name := range names {
		delete(members, name)
	}
	out, err := json.Marshal(members)
	require.NoError(t, err)
	require.NoError(t, d.dir.Put(t.Context(), "update/journal", append([]byte(head+" "), out...)))
}

// The order in which a document names components does not make other images of them.
func TestFailedInAnyOrder(t *testing.T) {
	ctx := as(t.Context(), "operator")
	v := newVendor("fpga", "mcu", "system")
	m := lab(t, v, 1)
	v.publish(2, 2, nil)
	require.NoError(t, booted(t, m, v, nil).Install(ctx, ""))
	require.NoError(t, booted(t, m, v, nil).Rollback(ctx, "it hums"))
	d := booted(t, m, v, nil)
	v.publish(2, 2, func(r *update.Release) {
		r.Components[0], r.Components[1] = r.Components[1], r.Components[0]
	})
	require.ErrorIs(t, d.Install(ctx, ""), update.ErrBlocked)
}

// A newer release of the same version, which comes while a good one is on trial, is another
// release: the trial goes on, and the newer one is installed after it.
func TestRebuildDuringATrial(t *testing.T) {
	guard() // not of the bubble
	synctest.Test(t, func(t *testing.T) {
		operator := as(t.Context(), "operator")
		v := newVendor()
		m := lab(t, v, 1)
		v.publish(2, 2, nil)
		require.NoError(t, booted(t, m, v, nil).Install(operator, ""))
		rebuilt := func(r *update.Release) { r.Version = "1.2" }
		v.publish(3, 3, rebuilt)
		d := booted(t, m, v, nil)
		tried(t, d, 70*time.Second)
		require.Equal(t, "1.2 trial=false floor=0 failed=0", d.state(t), "its own floor is not offered any more")
		require.NoError(t, d.Install(operator, ""))
	})
}

// Images whose program goes by another name than the document says are not tried again
// with every document that is signed anew.
func TestWrongProgramIsTriedOnce(t *testing.T) {
	guard() // not of the bubble
	synctest.Test(t, func(t *testing.T) {
		operator := as(t.Context(), "operator")
		v := newVendor()
		m := lab(t, v, 1)
		wrong := func(notes string) func(*update.Release) {
			return func(r *update.Release) { r.Version, r.Notes = "1.2-rc", notes }
		}
		v.publish(2, 2, wrong("first"))
		require.NoError(t, booted(t, m, v, nil).Install(operator, ""))
		d := booted(t, m, v, nil)
		tried(t, d, 70*time.Second)
		require.Equal(t, "rolling back", d.State(), "at once")
		d = booted(t, m, v, nil)
		require.NotContains(t, d.log.String(), "not confirmed in time")
		v.publish(2, 2, wrong("second"))
		require.ErrorIs(t, d.Install(operator, ""), update.ErrBlocked)
	})
}
