package baselinetest_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/baselinetest"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/risk"
)

// only runs one case with a changed harness.
func only(t *testing.T, id string, change func(h *baselinetest.Harness)) baselinetest.Result {
	t.Helper()
	h := newLab(t, "").harness()
	change(&h)
	r, err := baselinetest.Check(t.Context(), h, caseOf(t, id))
	require.NoError(t, err)
	res := r.Results[0]
	t.Logf("%s: %s", res.Outcome, res.Detail)
	return res
}

var errNever = errors.New("no")

// failing is an eraser that says it is busy instead of who may not.
type failing struct{ baseline.Eraser }

func (f failing) Erase(ctx context.Context, subject string) (string, error) {
	method, err := f.Eraser.Erase(ctx, subject)
	if errors.Is(err, access.ErrDenied) {
		err = errors.New("busy")
	}
	return method, err
}

// TestInconclusive: what could not be tried, or was refused for any reason, is not a
// pass, and is no evidence.
func TestInconclusive(t *testing.T) {
	ok := func(*baselinetest.Harness) {}
	for name, c := range map[string]struct {
		id     string
		change func(h *baselinetest.Harness)
		says   string
	}{
		"cannot be commissioned": {"ACC-02", func(h *baselinetest.Harness) {
			h.Commission = func(context.Context, *baselinetest.Device) error { return errNever }
		}, "commission the device: no"},
		"refuses its owner, too": {"ACC-02", func(h *baselinetest.Harness) {
			h.Operations[0].Do = func(context.Context, *baselinetest.Device) error { return errNever }
		}, "pump water by the owner, so that its refusal shows nothing"},
		"patch without effect": {"CFG-01", func(h *baselinetest.Harness) {
			h.Patch = func(int) []byte { return []byte(`{"litres":10}`) }
		}, "changes nothing"},
		"patch that nobody may": {"CFG-01", func(h *baselinetest.Harness) {
			h.Patch = func(int) []byte { return []byte(`{"litres":0}`) }
		}, "the owner's own change"},
		"viewer who is nobody": {"CFG-01", func(h *baselinetest.Harness) {
			as := h.As
			h.As = func(ctx context.Context, d *baselinetest.Device, a baselinetest.Actor) (context.Context, error) {
				if a == baselinetest.Viewer {
					return ctx, nil
				}
				return as(ctx, d, a)
			}
		}, "names no entity"},
		"takes no bundle": {"CFG-02", func(h *baselinetest.Harness) {
			h.Bundles.Send = func(context.Context, *baselinetest.Device, baselinetest.Bundle) error { return errNever }
		}, "a good bundle, number 1: no"},
		"installs nothing": {"UPD-01", func(h *baselinetest.Harness) {
			offer := h.Updates.Offer
			h.Updates.Offer = func(ctx context.Context, d *baselinetest.Device, r baselinetest.Release) (string, error) {
				if r == baselinetest.Newer {
					r = baselinetest.Unsigned
				}
				return offer(ctx, d, r)
			}
		}, "install a good release"},
		"a server that is gone": {"UPD-03", func(h *baselinetest.Harness) {
			offer := h.Updates.Offer
			h.Updates.Offer = func(ctx context.Context, d *baselinetest.Device, r baselinetest.Release) (string, error) {
				version, err := offer(ctx, d, r)
				if r == baselinetest.Older {
					err = errors.Join(err, os.RemoveAll(of(d).vendor.path))
				}
				return version, err
			}
		}, "failed, which is no refusal: update: install"},
		"a pump that is held": {"ACC-02", func(h *baselinetest.Harness) {
			do := h.Operations[0].Do
			h.Operations[0].Do = func(ctx context.Context, d *baselinetest.Device) error {
				if err := do(ctx, d); err != nil {
					return durable.ErrHeld
				}
				return nil
			}
		}, "failed, which is no refusal: held"},
		"a pump that is jammed": {"ACC-02", func(h *baselinetest.Harness) {
			do := h.Operations[0].Do
			h.Operations[0].Do = func(ctx context.Context, d *baselinetest.Device) error {
				if err := do(ctx, d); err != nil {
					return errors.New("jammed")
				}
				return nil
			}
		}, "failed, which is no refusal: jammed"},
		"nobody to ask": {"ERA-01", func(h *baselinetest.Harness) {
			open := h.Open
			h.Open = func(ctx context.Context) (*baselinetest.Device, error) {
				d, err := open(ctx)
				if err == nil {
					d.Parts.Eraser = failing{d.Parts.Eraser}
				}
				return d, err
			}
		}, "failed, which is no refusal: busy"},
		"no image": {"UPD-03", func(h *baselinetest.Harness) {
			h.Updates.Image = func(context.Context, *baselinetest.Device) (io.ReadCloser, error) { return nil, errNever }
		}, "open the image that starts"},
		"keeps nothing": {"ERA-01", func(h *baselinetest.Harness) {
			h.Users.Keep = func(context.Context, *baselinetest.Device, string, string) error { return nil }
		}, "changes nothing on the media"},
		"searches elsewhere": {"ERA-01", func(h *baselinetest.Harness) {
			h.Users.Media = func(*baselinetest.Device) []fs.FS { return nil }
		}, "are these all?"},
		"raises no floor": {"RST-03", func(h *baselinetest.Harness) {
			h.Resets.Floor = func(context.Context, *baselinetest.Device) ([]string, error) { return []string{"none"}, nil }
		}, "cannot lower it"},
		"no floor": {"RST-03", func(h *baselinetest.Harness) {
			h.Resets.Floor = func(context.Context, *baselinetest.Device) ([]string, error) { return nil, nil }
		}, "there is none"},
		"does not answer": {"CFG-02", func(h *baselinetest.Harness) {
			send, n := h.Bundles.Send, 0
			h.Bundles.Send = func(ctx context.Context, d *baselinetest.Device, b baselinetest.Bundle) error {
				if n++; n > 2 {
					return context.DeadlineExceeded
				}
				return send(ctx, d, b)
			}
		}, "no answer"},
	} {
		t.Run(name, func(t *testing.T) {
			res := only(t, c.id, c.change)
			assert.Equal(t, baselinetest.Inconclusive, res.Outcome)
			assert.Contains(t, res.Detail, c.says)
			assert.Nil(t, res.Shown)
		})
	}
	assert.Equal(t, baselinetest.Pass, only(t, "CFG-01", ok).Outcome)
}

// TestNotApplicable: only the statement can say so, and nothing may contradict it.
func TestNotApplicable(t *testing.T) {
	res := only(t, "CFG-02", func(h *baselinetest.Harness) { h.Bundles = nil })
	assert.Equal(t, baselinetest.Fail, res.Outcome)
	assert.Contains(t, res.Detail, "the harness does not reach it")

	// A device that takes no bundles, and whose assessment needs none.
	l := newLab(t, faultNoBundles)
	l.without(t, clause.C5_2_2_2_b, clause.C5_2_2_2_c)
	h := l.harness()
	r, err := baselinetest.Check(t.Context(), h, caseOf(t, "CFG-02"))
	require.NoError(t, err)
	assert.Equal(t, baselinetest.Fail, r.Results[0].Outcome)
	assert.Contains(t, r.Results[0].Detail, "does not apply, and the harness reaches it")
	h.Bundles = nil
	r, err = baselinetest.Check(t.Context(), h, caseOf(t, "CFG-02"))
	require.NoError(t, err)
	assert.Equal(t, baselinetest.NotApplicable, r.Results[0].Outcome)
	assert.Empty(t, r.Evidence())
}

// without takes entries out of what the assessment needs.
func (l *lab) without(t *testing.T, ids ...clause.ID) {
	t.Helper()
	for i := range l.assessment.Controls {
		c := &l.assessment.Controls[i]
		var kept []clause.ID
		for _, id := range c.Clauses {
			if id != ids[0] && id != ids[len(ids)-1] {
				kept = append(kept, id)
			}
		}
		c.Clauses = kept
	}
	require.NoError(t, l.assessment.Validate())
}

// TestUnansweredIsNoPass: an entry that the statement wants and no part answers.
func TestUnansweredIsNoPass(t *testing.T) {
	res := only(t, "UPD-01", func(h *baselinetest.Harness) {
		open := h.Open
		h.Open = func(ctx context.Context) (*baselinetest.Device, error) {
			d, err := open(ctx)
			if err == nil {
				d.Parts.Updater = nil
			}
			return d, err
		}
	})
	assert.Equal(t, baselinetest.Fail, res.Outcome)
	assert.Contains(t, res.Detail, "nothing is composed for it")
	assert.Equal(t, risk.Fail, res.Shown.Result)
}

func TestHarnessIsChecked(t *testing.T) {
	_, err := baselinetest.Check(t.Context(), baselinetest.Harness{Bundles: &baselinetest.Bundles{}, Updates: &baselinetest.Updates{},
		Users: &baselinetest.Users{}, Resets: &baselinetest.Resets{}})
	for _, field := range []string{"Assessment", "Open", "Reopen", "Close", "Commission", "As", "Patch", "Bundles.Make", "Updates.Offer", "Users.Keep", "Users.First", "Resets.Scope"} {
		require.ErrorContains(t, err, "the harness has no "+field)
	}
}

func TestHarnessOpensADevice(t *testing.T) {
	h := newLab(t, "").harness()
	h.Open = func(context.Context) (*baselinetest.Device, error) { return nil, nil }
	_, err := baselinetest.Check(t.Context(), h)
	require.ErrorContains(t, err, "no running device")
	h.Open = func(context.Context) (*baselinetest.Device, error) { return nil, errNever }
	_, err = baselinetest.Check(t.Context(), h)
	require.ErrorIs(t, err, errNever)
}

// TestCasesAreTheCatalogues: names, ids and clauses are those that the catalogue knows.
func TestCasesAreTheCatalogues(t *testing.T) {
	known := catalogueCases(t)
	for _, c := range baselinetest.Cases() {
		_, ok := known[c.ID]
		require.True(t, ok, c.ID)
		assert.NotEmpty(t, c.Sentence)
		for _, id := range c.Clauses {
			found := false
			for _, neighbour := range known {
				found = found || neighbour[id]
			}
			assert.True(t, found, "%s claims %s, which no case of the catalogue is about", c.ID, id)
		}
	}
}
