package erase

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
)

const (
	recordName = "erase"
	// maxRecord bounds the record, whose space is reserved: maxJobs jobs of one subject
	// and one of all, of at most 7 KiB each, and the last receipt fit. Older receipts go
	// to make room.
	maxRecord   = 48 << 10
	maxJobs     = 4
	maxReceipts = 8
)

// record is what is kept: one value, so that the end of a job and its receipt are
// there together or not at all.
type record struct {
	Jobs     []job             `json:"jobs"`
	Receipts []json.RawMessage `json:"receipts"` // envelopes, the oldest first
}

// job is an erasure that was ordered and is not finished.
type job struct {
	Mandate access.Mandate `json:"mandate"`
	Digest  string         `json:"digest"` // of the subject, salted; the salt is nowhere on the device
	Done    []Part         `json:"done"`   // what stores answered so far
}

func openRecord(s durable.Store) *durable.Value[record] {
	return durable.NewValue(s, recordName, &durable.ValueOptions[record]{Check: checkRecord, MaxBytes: 2 * maxRecord})
}

func checkRecord(r record) error {
	if r.subjects() > maxJobs || len(r.Jobs) > maxJobs+1 || len(r.Receipts) > maxReceipts {
		return fmt.Errorf("at most %d jobs, one more of all, and %d receipts", maxJobs, maxReceipts)
	}
	for _, j := range r.Jobs {
		if err := j.check(); err != nil {
			return err
		}
	}
	return nil
}

// check says why a job is none, wherever it comes from. The mandate itself is judged
// by the guard.
func (j *job) check() error {
	if _, _, err := j.scope(); err != nil {
		return err
	}
	if len(j.Done) > MaxPlaces || !isDigest(j.Digest) || !j.Mandate.Covers(plan(j.Mandate.Acts[0], j.Digest)) {
		return fmt.Errorf("job %.32q is not the one that was ordered", j.Mandate.ID)
	}
	return nil
}

// did keeps what a store answered.
func (j *job) did(p Part) {
	if i := slices.IndexFunc(j.Done, func(d Part) bool { return d.Store == p.Store }); i >= 0 {
		j.Done[i] = p
		return
	}
	j.Done = append(j.Done, p)
}

// scope returns what the mandate orders.
func (j *job) scope() (scope, subject string, err error) {
	if len(j.Mandate.Acts) != 1 || j.Mandate.Standing {
		return "", "", fmt.Errorf("a job is one act, once")
	}
	switch act := j.Mandate.Acts[0]; {
	case act.Permission == access.EraseSubject && ValidSubject(act.Resource):
		return ScopeSubject, act.Resource, nil
	case act.Permission == access.EraseAll && act.Resource == "":
		return ScopeAll, "", nil
	}
	return "", "", fmt.Errorf("a job is an erasure")
}

// plan is what a mandate is given for.
func plan(act access.Act, digest string) []byte {
	return fmt.Appendf(nil, "erase %s %q %s", act.Permission, act.Resource, digest)
}

// order keeps a new job. In the place of one for the same act it takes over what
// stores answered that one: they have nothing any more to tell it of.
func (r *record) order(j *job) error {
	same := func(o job) bool { return o.Mandate.Acts[0] == j.Mandate.Acts[0] }
	if i := slices.IndexFunc(r.Jobs, same); i >= 0 {
		j.Done = r.Jobs[i].Done
		r.Jobs[i] = *j
		return nil
	}
	return r.put(*j)
}

// put keeps the job in the place of its former state.
func (r *record) put(j job) error {
	same := func(o job) bool { return o.Mandate.ID == j.Mandate.ID }
	if i := slices.IndexFunc(r.Jobs, same); i >= 0 {
		r.Jobs[i] = j
		return nil
	}
	if j.Mandate.Acts[0].Permission == access.EraseSubject && r.subjects() >= maxJobs {
		return fmt.Errorf("%d: %w", maxJobs, ErrBusy)
	}
	r.Jobs = append(r.Jobs, j)
	return nil
}

// subjects counts the jobs of one subject. That of all has its own place, so that they
// do not keep it out.
func (r *record) subjects() (n int) {
	for _, j := range r.Jobs {
		if scope, _, err := j.scope(); err == nil && scope == ScopeSubject {
			n++
		}
	}
	return n
}

func (r *record) drop(id string) {
	r.Jobs = slices.DeleteFunc(r.Jobs, func(j job) bool { return j.Mandate.ID == id })
}

// add keeps a receipt; the oldest go to make room.
func (r *record) add(envelope []byte) {
	r.Receipts = append(r.Receipts, envelope)
	for len(r.Receipts) > 1 && (len(r.Receipts) > maxReceipts || r.size() > maxRecord) {
		r.Receipts = r.Receipts[1:]
	}
}

func (r *record) size() int {
	text, err := json.Marshal(r)
	if err != nil {
		return maxRecord + 1
	}
	return len(text)
}

// change loads the record, alters it and keeps it. Under c.working.
func (c *Coordinator) change(ctx context.Context, alter func(*record) error) error {
	r, err := c.record.LoadOr(ctx, record{})
	if err == nil {
		err = alter(&r)
	}
	if err == nil && r.size() > maxRecord {
		err = fmt.Errorf("record of more than %d bytes: %w", maxRecord, fs.ErrInvalid)
	}
	if err == nil {
		err = c.record.Store(ctx, r)
	}
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}
