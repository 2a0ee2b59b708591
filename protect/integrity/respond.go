package integrity

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/clause"
)

// maxFound bounds what somebody can have logged by putting files on the medium.
const maxFound = 16

// respond keeps a report, and decides, tells and has carried out what is new in it.
func (m *Monitor) respond(ctx context.Context, r *Report) error {
	var s Situation
	if m.opts.Situation != nil && !r.Whole() {
		s = m.opts.Situation(ctx)
	}
	d := m.opts.Policy.Decide(r, s)
	mark := r.mark(d)
	m.mu.Lock()
	m.report = r
	again, known, first := m.failed != nil, m.told == mark, m.told == ""
	m.mu.Unlock()
	if !known {
		m.log(ctx, r, d)
	}
	var err error
	if m.opts.Respond != nil && (!known || again) && !(first && d.Now == Continue) {
		if err = m.opts.Respond(ctx, d, r.clone()); err != nil {
			err = fmt.Errorf("integrity: respond: %s: %w", d, err)
			if !known || !again {
				m.opts.Log.LogAttrs(ctx, slog.LevelError, access.EventUnanswered, slog.String(access.KeyState, d.String()), slog.Any(access.KeyError, err))
			}
		}
	}
	m.told = mark
	m.mu.Lock()
	m.failed = err
	m.mu.Unlock()
	if err != nil || d.Now == Continue || d.Now == Tell && d.Then == "" {
		return err
	}
	return r.Err()
}

// log writes what is new. At LevelAudit it is on the medium before anything is done
// about it: that may be a restart.
func (m *Monitor) log(ctx context.Context, r *Report, d Decision) {
	log := m.opts.Log
	common := []slog.Attr{
		slog.String(access.KeyVersion, r.Release.Version), slog.String(access.KeyDigest, r.Digest), slog.Int(access.KeyTotal, r.Entries),
	}
	if r.Whole() {
		log.LogAttrs(ctx, slog.LevelInfo, access.EventSoftwareWhole, common...)
		return
	}
	for i := range r.Findings[:min(len(r.Findings), maxFound)] {
		log.LogAttrs(ctx, slog.LevelWarn, access.EventFound, slog.String(access.KeyReason, string(r.Findings[i].Kind)), r.Findings[i].where())
	}
	log.LogAttrs(ctx, access.LevelAudit, access.EventSoftwareAltered, append(common,
		slog.Int(access.KeyCount, r.Total), slog.String(access.KeyState, d.String()))...)
}

// where is the attribute of a finding that says where. What the vendor's manifest names
// may be told to the vendor. The name of any other file may be a person's, and what is
// wrong with a manifest may quote anything: these stay on the device.
func (f *Finding) where() slog.Attr {
	switch {
	case f.Path == "":
		return slog.String(access.KeyError, f.Got)
	case f.Kind == Missing || f.Kind == Changed:
		return slog.String(access.KeyPath, f.Path)
	}
	return slog.String(access.KeyResource, f.Path)
}

// mark identifies what was found and decided.
func (r *Report) mark(d Decision) string {
	data, err := json.Marshal(struct {
		Checked  bool
		Digest   string
		Findings []Finding
		Total    int
		Decision Decision
	}{r.Checked, r.Digest, r.Findings, r.Total, d})
	if err != nil {
		return "" // of strings and numbers: does not happen
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Features returns what a Monitor answers of 27402 5.2.5: the software is verified at
// the start (5.2.5.2.1.A) and a change of it is found (5.2.5.1.3). That nobody changes
// or reads it in the first place is up to the file system, and the summary says so. The
// response to a failed check (5.2.5.2.1.C1 to C4) is claimed if it is the declared one,
// and something carries it out. Secure boot (5.2.7.2.J) is not claimed: a program cannot
// verify itself.
func (m *Monitor) Features() []clause.Feature {
	trust := "keys"
	switch {
	case len(m.expect.Keys) == 0:
		trust = "verify"
	case m.expect.Verify != nil:
		trust = "keys and verify"
	}
	features := []clause.Feature{{
		ID: "integrity.start", Clauses: []clause.ID{clause.C5_2_5_2_1_A}, Package: "protect/integrity",
		Summary:  "every file of the software is compared with a signed manifest at the start; the verifier itself is verified by secure boot or by nobody",
		Settings: []clause.Setting{{Name: "trust", Value: trust}, {Name: "floor", Value: strconv.FormatUint(m.expect.MinNumber, 10)}},
	}, {
		ID: "integrity.running", Clauses: []clause.ID{clause.C5_2_5_1_3}, Package: "protect/integrity",
		Summary: "a changed, removed or added file of the software is found within the interval; it is not prevented, nor is reading",
		Settings: []clause.Setting{
			{Name: "interval", Value: m.opts.Interval.String()}, {Name: "steps", Value: strconv.Itoa(m.opts.Steps)},
		},
	}}
	if m.opts.Respond == nil {
		return features
	}
	return append(features, clause.Feature{
		ID: "integrity.response." + string(m.opts.Policy.Response), Clauses: []clause.ID{m.opts.Policy.Response.clause()}, Package: "protect/integrity",
		Summary:  "a failed check has the declared response, after a rollback, the other slot or a new installation where these are possible",
		Settings: []clause.Setting{{Name: "situation", Value: strconv.FormatBool(m.opts.Situation != nil)}},
	})
}

func (r Response) clause() clause.ID {
	switch r {
	case Notify:
		return clause.C5_2_5_2_1_C1
	case Inoperable:
		return clause.C5_2_5_2_1_C2
	case Recover:
		return clause.C5_2_5_2_1_C4
	}
	return clause.C5_2_5_2_1_C3
}
