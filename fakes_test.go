package baseline_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/notify"
	"github.com/iot-device-baseline/baseline/risk"
)

// journal notes in which order things happen.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) note(s string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, s)
}

func (j *journal) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]string(nil), j.lines...)
}

// part is a vendor's part with every ability of the life cycle.
type part struct {
	name     string
	features []clause.Feature
	journal  *journal

	mu      sync.Mutex
	recover error // what Recover answers
	health  error
	stops   bool // Run returns by itself
}

func (p *part) Features() []clause.Feature { return p.features }

func (p *part) setRecover(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.recover = err
}

func (p *part) Recover(context.Context) error {
	p.journal.note(p.name + " recovers")
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.recover
}

func (p *part) Run(ctx context.Context) error {
	p.journal.note(p.name + " runs")
	if p.stops {
		return nil
	}
	<-ctx.Done()
	p.journal.note(p.name + " stops")
	return ctx.Err()
}

func (p *part) Health(context.Context) error { return p.health }

func (p *part) Close() error {
	p.journal.note(p.name + " closes")
	return nil
}

// listener is a part that accepts from outside.
type listener struct {
	*part
	in []baseline.State
}

func (l listener) Serve(ctx context.Context) error {
	l.journal.note(l.name + " serves")
	<-ctx.Done()
	l.journal.note(l.name + " ends")
	return nil
}

func (l listener) ServesIn(state string) bool { return slices.Contains(l.in, baseline.State(state)) }

// protector, eraser and updater make capabilities out of a part.
type protector struct{ *part }

func (protector) Describe(context.Context) ([]clause.Setting, error) { return nil, nil }

type eraser struct{ *part }

func (eraser) Erase(context.Context, string) (string, error) { return "removed", nil }

func (e eraser) Resume(context.Context) error { e.journal.note(e.name + " resumes"); return nil }

type updater struct {
	*part
	trial    bool
	rollback error
}

func (u updater) Status(context.Context) (string, bool, error) { return "1.1", u.trial, nil }
func (u updater) Install(context.Context, string) error        { return errors.New("not now") }
func (u updater) Confirm(context.Context) error                { return nil }
func (u updater) Rollback(_ context.Context, reason string) error {
	u.journal.note("rolled back: " + reason)
	return u.rollback
}

type notifier struct {
	*part
	notices chan notify.Notice
}

func (n notifier) Raise(ctx context.Context, x notify.Notice) (string, error) {
	if e := access.FromContext(ctx); e == nil || e.ID() != baseline.ServiceName {
		return "", errors.New("nobody asks")
	}
	n.notices <- x
	return "1", nil
}

func (notifier) Since(context.Context, uint64, notify.Filter) ([]notify.Notice, error) {
	return nil, nil
}

func feature(id string, clauses ...clause.ID) []clause.Feature {
	return []clause.Feature{{ID: id, Clauses: clauses, Package: "example.com/vendor", Summary: "a vendor's own"}}
}

// assessment reads the worked one of package risk.
func assessment(t *testing.T) *risk.Assessment {
	t.Helper()
	return parseAssessment(t, "risk/testdata/temperature-sensor.json")
}

// statementOf derives the statement of a composition that answers whatever the
// assessment asks for, together with extra features.
func answerAll(t *testing.T) []clause.Feature {
	t.Helper()
	var all []clause.ID
	for _, need := range assessment(t).Needs() {
		if need.Clause != 0 {
			all = append(all, need.Clause)
		}
	}
	return feature("vendor.everything", all...)
}

func guard(t *testing.T) *access.Guard {
	t.Helper()
	policy, err := access.NewPolicy(access.PolicySpec{
		Roles:  []access.Role{{Name: "owner"}},
		Grants: []access.Grant{{Role: "owner", Permission: "config.*", Resources: []string{"**"}}},
	}, nil)
	require.NoError(t, err)
	g, err := access.OpenGuard(t.Context(), memory(t), policy, nil)
	require.NoError(t, err)
	return g
}

func memory(t *testing.T) *durable.Dir {
	t.Helper()
	d, err := durable.OpenFS(powercut.New().FS(), nil)
	require.NoError(t, err)
	return d
}
