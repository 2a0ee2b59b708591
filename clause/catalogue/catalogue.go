// Package catalogue describes the entries of package clause in our own words,
// with related provisions of other standards, and the test cases by which a
// whole device is checked.
//
// It is for tools on the bench: the import costs a program about 180 kB. Device
// code needs package clause alone, and nothing that runs on a device imports
// this one. It secures nothing, keeps no state and reads only what is embedded
// in it. Relations to other standards are our own judgement from public lists:
// "related", never "equivalent".
//
//	entries, err := catalogue.Entries()
//	if err != nil {
//		return err
//	}
//	for _, e := range entries {
//		fmt.Println(e.ID, e.Title, e.VerifiableBy.Means)
//	}
//
// Everything in it may be used concurrently.
package catalogue

import (
	_ "embed"
	"fmt"

	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/internal/strictjson"
)

//go:embed clauses.json
var clausesJSON []byte

//go:embed testcases.json
var casesJSON []byte

// Entry is one requirement, recommendation or item of information.
type Entry struct {
	ID           clause.ID   `json:"id"`
	Kind         clause.Kind `json:"kind"`
	Area         clause.Area `json:"area"`
	Title        string      `json:"title"`
	Summary      string      `json:"summary"`
	VerifiableBy Verifiable  `json:"verifiable_by"`
	// Condition says in words when the entry applies; "" is always.
	Condition string `json:"condition"`
	// AlternativeGroup joins entries of which any one is enough.
	AlternativeGroup clause.Group `json:"alternative_group"`
	// Suffix says who numbered the entry: "standard", or "sdk" for ours.
	Suffix   string   `json:"suffix_assigned_by"`
	Note     string   `json:"note"`
	Mappings Mappings `json:"mappings"`
}

// Verifiable says how an entry can be shown to be met.
type Verifiable struct {
	Means []string `json:"means"` // "code capability", "automated test", "generated document", "vendor attestation"
	How   string   `json:"how"`
}

// Mappings are related provisions elsewhere.
type Mappings struct {
	ETSI303645 []ETSI       `json:"etsi_en_303_645"`
	NIST8259A  []Capability `json:"nistir_8259a"`
	IEC62443   []Ref        `json:"iec_62443_4_2"`
	CRAAnnexI  []Ref        `json:"eu_cra_annex_I"`
	NIST8425   []Ref        `json:"nist_ir_8425"`
	IEC62443P1 []Ref        `json:"iec_62443_4_1"`
	CRAOther   []Ref        `json:"eu_cra_other"`
}

// Ref is a related provision. Confidence is "high", "medium" or "low".
type Ref struct {
	Ref        string `json:"ref"`
	Confidence string `json:"confidence"`
}

// ETSI is a related provision of EN 303 645 in two editions.
type ETSI struct {
	V2_1_1     string   `json:"v2_1_1"`
	V3_1_3     []string `json:"v3_1_3"`
	Confidence string   `json:"confidence"`
}

// Capability is a related element of a capability of NISTIR 8259A.
type Capability struct {
	Capability string `json:"capability"`
	Element    string `json:"element"`
	Confidence string `json:"confidence"`
}

// Case is a test of a whole device.
type Case struct {
	ID      string      `json:"id"`    // "UPD-05"
	Tier    int         `json:"tier"`  // 1: run by default; 2: on request
	Layer   string      `json:"layer"` // "sim" in process, "net" on loopback, "fleet" many devices, "build" static
	Title   string      `json:"title"`
	Action  string      `json:"action"`
	Pass    string      `json:"pass"` // what passes
	Clauses []clause.ID `json:"clauses"`
	TS      []string    `json:"ts_103_701"` // related test cases of ETSI TS 103 701
	Other   string      `json:"other"`
}

// Entries returns every entry in the order of the standard. An error means that
// the embedded catalogue is damaged. The caller may change the result.
func Entries() ([]Entry, error) {
	var out []Entry
	if err := strictjson.Decode(clausesJSON, &out, limits()); err != nil {
		return nil, fmt.Errorf("catalogue: clauses: %v", err)
	}
	return out, nil
}

// Cases returns every test case. An error means that the embedded list is
// damaged. The caller may change the result.
func Cases() ([]Case, error) {
	var out []Case
	if err := strictjson.Decode(casesJSON, &out, limits()); err != nil {
		return nil, fmt.Errorf("catalogue: cases: %v", err)
	}
	return out, nil
}

func limits() strictjson.Limits { return strictjson.Limits{Items: 100_000} }
