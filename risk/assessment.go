package risk

import "github.com/iot-device-baseline/baseline/clause"

// Format is the format number of an [Assessment] that this release reads.
const Format = 1

// Assessment is a device's risk assessment with its treatment (27402 5.1.1.1).
// Every id in it is unique in the whole document, so that a reference means one
// thing; see [Parse] for limits.
type Assessment struct {
	Format      int     `json:"format"`       // 1
	ID          string  `json:"id"`           // of the assessment
	Version     string  `json:"version"`      // of the assessment
	Method      string  `json:"method"`       // process and technique, such as a likelihood-consequence matrix
	PerformedBy []Party `json:"performed_by"` // at least one
	System      string  `json:"system"`       // the system that the device is part of (27402 5.1.1.1.1)

	Products         []string `json:"products"`                    // at least one (5.1.1.1.5 a)
	SharingRationale string   `json:"sharing_rationale,omitempty"` // why one assessment covers several

	Context    Context       `json:"context"`
	Criteria   Criteria      `json:"criteria"`
	Sources    []Source      `json:"sources,omitempty"`
	Assets     []Asset       `json:"assets"`
	Risks      []Risk        `json:"risks"`
	Controls   []Control     `json:"controls,omitempty"`
	Standards  []Standard    `json:"standards,omitempty"`
	Conditions []Declaration `json:"conditions,omitempty"`
	Exclusions []Exclusion   `json:"exclusions,omitempty"`
	Delegated  []Delegation  `json:"delegated,omitempty"`
	Evidence   []Evidence    `json:"evidence,omitempty"`
	Decisions  []Decision    `json:"decisions,omitempty"`
	Reviews    []Review      `json:"reviews,omitempty"`
}

// Party is a person or body: "manufacturer", "operator", "bystander".
type Party struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Role string `json:"role"`
}

// Context is what the device is for, whom it touches and what limits it
// (27402 5.1.1.1.2 to 5.1.1.1.4).
type Context struct {
	UseCases    []UseCase         `json:"use_cases"`
	Parties     []InterestedParty `json:"parties"`
	Constraints []Item            `json:"constraints,omitempty"` // power, memory, user interface, cost
	Environment []Item            `json:"environment,omitempty"` // what the place of use gives
	Assumptions []Item            `json:"assumptions,omitempty"`
}

// UseCase is an intended use, and the misuse that can be foreseen.
type UseCase struct {
	ID       string   `json:"id"`
	Intended string   `json:"intended"`
	Misuse   string   `json:"misuse"`
	Outcomes []string `json:"outcomes"` // what users want of it; at least one
}

// InterestedParty is a party with its needs and what could harm it.
type InterestedParty struct {
	Party
	Needs   []string `json:"needs"`
	Effects []string `json:"effects,omitempty"` // undesired, physical or logical
}

// Item is a statement that others refer to.
type Item struct {
	ID   string `json:"id"`
	Kind string `json:"kind"`
	Text string `json:"text"`
}

// Criteria say how risks are rated and which are accepted (Annex A.4). Ratings
// refer to scale ids, never to positions, so that a scale may grow.
type Criteria struct {
	Likelihood  []Scale           `json:"likelihood"`  // lowest first
	Consequence []Scale           `json:"consequence"` // lowest first
	Levels      []Scale           `json:"levels"`      // lowest first
	Matrix      []Cell            `json:"matrix"`      // every pair once
	Accept      map[string]string `json:"accept"`      // risk category -> highest level kept without treatment
}

// Scale is one step of a scale.
type Scale struct {
	ID      string `json:"id"`
	Meaning string `json:"meaning"`
}

// Cell gives the level of one pair.
type Cell struct {
	Likelihood  string `json:"likelihood"`
	Consequence string `json:"consequence"`
	Level       string `json:"level"`
}

// Source is where risk comes from (Annex A.2). One that does not apply says why.
type Source struct {
	ID         string `json:"id"`
	Kind       string `json:"kind"`
	Applicable bool   `json:"applicable"`
	Rationale  string `json:"rationale"`
}

// Asset is what is worth protecting: data class, function, interface, key, identity.
type Asset struct {
	ID   string `json:"id"`
	Kind string `json:"kind"`
	Name string `json:"name"`
}

// Control is a measure that treats risks (5.1.1.1.5 c, d).
type Control struct {
	ID       string      `json:"id"`
	Title    string      `json:"title"`
	Kind     ControlKind `json:"kind"`
	Clauses  []clause.ID `json:"clauses,omitempty"`  // what it needs of 5.2; device controls need one at least
	Features []string    `json:"features,omitempty"` // ids of features it needs beside
}

// ControlKind says who carries a control.
type ControlKind string

// The kinds of controls. Only a device control may name clauses and features.
const (
	ControlDevice      ControlKind = "device"
	ControlProcess     ControlKind = "process"
	ControlEnvironment ControlKind = "environment"
	ControlUser        ControlKind = "user"
)

// Standard is another standard, law or contract that the device follows
// (5.1.1.1.5 g). What it asks is needed as if a risk asked for it.
type Standard struct {
	ID           string        `json:"id"`
	Name         string        `json:"name"`
	Requirements []Requirement `json:"requirements"`
}

// Requirement is one provision of a [Standard].
type Requirement struct {
	Ref      string      `json:"ref"`
	Clauses  []clause.ID `json:"clauses,omitempty"`
	Features []string    `json:"features,omitempty"`
}
