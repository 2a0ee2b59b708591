package protect

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strconv"
	"sync/atomic"

	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/durable"
)

// The answers to the question of rollback.
const (
	// RollbackNone: the key store does not count.
	RollbackNone = "none: an older copy of an object, or of the disk within a generation, is not noticed"
	// RollbackAnchored: of values and streams; Report.Unanchored says how many changes
	// the last anchor does not cover. Logs are not in the index.
	RollbackAnchored = "anchored: older values, streams and disks are refused, but for changes since the last anchor; logs are not covered"
)

// Report says what is really protected, for the owner and for documents. It holds
// no secrets and names no subject.
type Report struct {
	KeyStore     Info   `json:"key_store"`
	Generation   uint64 `json:"generation"`          // 1 and up; without a Revoker counted by the vault alone
	Erasure      Method `json:"erasure"`             // what an erasure of data is worth
	Rollback     string `json:"rollback"`            // protection against it, in words
	Unanchored   int64  `json:"unanchored"`          // changes since the last anchor; of earlier starts too, once something was changed
	Accepted     uint32 `json:"accepted"`            // how often a state of unknown age was accepted; see Reanchor
	Compartments int    `json:"compartments"`        // in use
	Subjects     int    `json:"subjects"`            // of them, with user data
	Pending      int    `json:"pending"`             // erasures begun and not finished
	Moved        string `json:"moved,omitempty"`     // key stores it was moved from, with commas: images from before open by them
	Inherited    int    `json:"inherited,omitempty"` // values, streams and logs whose keys an earlier key store had; see Renew
	Escrowed     int    `json:"escrowed,omitempty"`  // compartments whose keys were ever sealed for a recovery
	Recovered    uint32 `json:"recovered,omitempty"` // how often it was recovered: freshness unknown; see Recover
}

// Report returns it. It is a typed read in process: who shows it to others asks for
// [access.ProtectReport] before.
func (v *Vault) Report(ctx context.Context) Report {
	v.mu.RLock()
	defer v.mu.RUnlock()
	r := Report{KeyStore: v.info, Erasure: v.method(), Rollback: RollbackNone}
	if v.count != nil {
		r.Rollback, r.Accepted = RollbackAnchored, v.live.accepted
		for _, c := range v.cells {
			r.Unanchored += c.index.unanchored()
		}
	}
	r.Generation, r.Compartments, r.Pending = v.live.gen, len(v.live.entries), v.live.pending()
	r.Moved, r.Recovered = v.hdr.From, v.hdr.Recovered
	for _, e := range v.live.entries {
		if e.class == ClassUserData {
			r.Subjects++
		}
		if e.old() {
			r.Inherited += v.countFiles(ctx, e)
		}
		if e.marks&markEscrowed != 0 {
			r.Escrowed++
		}
	}
	return r
}

// String returns the report as lines for people.
func (r Report) String() string {
	where := "software: whoever reads the disk has the keys"
	if r.KeyStore.Hardware {
		where = "hardware"
	}
	bound := r.KeyStore.BoundTo
	if bound == "" {
		bound = "the device alone"
	}
	text := fmt.Sprintf("key store: %s (%s)\nbound to: %s\ngeneration: %d\nerasure: %s\nrollback protection: %s; %d changes not anchored, %d states accepted\ncompartments: %d, %d of subjects, %d being erased\n",
		r.KeyStore.Name, where, bound, r.Generation, r.Erasure, r.Rollback, r.Unanchored, r.Accepted, r.Compartments, r.Subjects, r.Pending)
	if r.Moved != "" {
		text += fmt.Sprintf("moved from: %s, which opens older images; %d objects not encrypted anew\n", r.Moved, r.Inherited)
	}
	if r.Recovered > 0 {
		text += fmt.Sprintf("recovered %d times: how old it was then is not known\n", r.Recovered)
	}
	if r.Escrowed > 0 {
		text += fmt.Sprintf("escrowed: %d compartments\n", r.Escrowed)
	}
	return text
}

// Features returns what a vault over this key store does (27402 5.2.5.1). Whether
// the key store is hardware is a setting of the feature, so that a report shows it.
func (v *Vault) Features() []clause.Feature {
	return []clause.Feature{{
		ID: "protect.vault",
		Clauses: []clause.ID{clause.C5_2_5_1_1_A, clause.C5_2_5_1_2_A, clause.C5_2_5_1_2_B, clause.C5_2_5_1_2_C,
			clause.C5_2_5_1_2_E, clause.C5_2_5_1_4}, // event logs (D) are for who keeps them in a compartment to claim
		Package: "protect", Summary: "stored data is sealed with AES-256-GCM under random keys per class and subject, which the key store guards",
		Settings: []clause.Setting{
			{Name: "key-store", Value: v.info.Name},
			{Name: "hardware", Value: strconv.FormatBool(v.info.Hardware)},
			{Name: "erasure", Value: string(v.method())},
		},
	}}
}

// counters are what Stats shows.
type counters struct {
	gets, puts, deletes, refused  atomic.Int64
	erasures, advances, filesLeft atomic.Int64
	reservesMissing, anchors      atomic.Int64
}

// Stats counts what a vault did since it was opened.
type Stats struct {
	Gets, Puts, Deletes int64
	Refused             int64 // objects and records that were not what was written
	Erasures            int64 // compartments
	Advances            int64 // of the key store's generation
	Anchors             int64 // steps of its counter
	FilesLeft           int64 // erased compartments whose files are there, unreadable; the next erasure or Open removes them
	Unreadable          int64 // objects found damaged or foreign, until they are put anew or removed
}

// Stats returns the counters.
func (v *Vault) Stats() Stats {
	s := &v.stats
	return Stats{
		Gets: s.gets.Load(), Puts: s.puts.Load(), Deletes: s.deletes.Load(), Refused: s.refused.Load(),
		Erasures: s.erasures.Load(), Advances: s.advances.Load(), Anchors: s.anchors.Load(), FilesLeft: s.filesLeft.Load(), Unreadable: v.unreadable(),
	}
}

func (v *Vault) unreadable() (n int64) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	for _, c := range v.cells {
		n += c.known.unreadable()
	}
	return n
}

// Health says what the owner should know: a table that could not be settled,
// objects that were found unreadable, missing reserves, or what the directory says, but
// for a hold. It does not ask the key store, and reads nothing: an object counts from when
// Get or List came upon it.
func (v *Vault) Health(ctx context.Context) error {
	bad := v.unreadable()
	medium := v.dir.Health(ctx)
	v.mu.RLock()
	defer v.mu.RUnlock()
	switch {
	case v.closed:
		return vaultError("vault", "open it", fmt.Errorf("closed: %w", ErrUnavailable))
	case v.unsettled:
		return vaultError("key table", actRetry, fmt.Errorf("an interrupted change is not settled: %w", ErrUnavailable))
	case v.unkept != nil:
		return vaultError("counter", actRetry, fmt.Errorf("changes are not anchored: %w", v.unkept))
	case v.shutIndexes() > 0:
		return vaultError("index", actReanchor, fmt.Errorf("of %d compartments: %w", v.shutIndexes(), ErrTampered))
	case v.unescrowed != nil:
		return vaultError("recovery", actRetry, fmt.Errorf("there is none: %w", v.unescrowed))
	case bad > 0:
		return vaultError("objects", actRepair, fmt.Errorf("%d cannot be read: %w", bad, ErrTampered))
	case v.stats.reservesMissing.Load() > 0:
		return vaultError("reserve", actFree, durable.ErrFull)
	case errors.Is(medium, durable.ErrFull):
		return vaultError("directory", actFree, medium)
	case medium != nil && !errors.Is(medium, durable.ErrHeld): // who ordered that is told by others
		return vaultError("directory", actRetry, medium)
	}
	return nil
}

const actFree = "free some space and reopen"

// shutIndexes counts the compartments whose index cannot be read. Under v.mu.
func (v *Vault) shutIndexes() (n int) {
	for _, c := range v.cells {
		if c.index != nil && c.index.broken() != nil {
			n++
		}
	}
	return n
}

// CompartmentInfo tells of one compartment, for an inventory of user data.
type CompartmentInfo struct {
	Class   Class
	Subject string // person class; "" but for user data
	Prefix  string // of its records in the directory
}

// Compartments returns what there is, by class and subject: a typed read in
// process, which discloses subjects.
func (v *Vault) Compartments() []CompartmentInfo {
	v.mu.RLock()
	defer v.mu.RUnlock()
	var out []CompartmentInfo
	for _, e := range v.live.entries {
		out = append(out, CompartmentInfo{Class: e.class, Subject: e.subject, Prefix: e.id.path("")})
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].Class != out[j].Class {
			return out[i].Class < out[j].Class
		}
		return out[i].Subject < out[j].Subject
	})
	return out
}
