package clause

import "fmt"

// String returns "requirement", "recommendation", "information" or "invalid".
func (k Kind) String() string {
	switch k {
	case Requirement:
		return "requirement"
	case Recommendation:
		return "recommendation"
	case Information:
		return "information"
	default:
		return "invalid"
	}
}

// MarshalText gives the text of the kind. The error, for no kind, is [ErrUnknown].
func (k Kind) MarshalText() ([]byte, error) {
	if k < Requirement || k > Information {
		return nil, fmt.Errorf("clause: marshal: %w kind number %d", ErrUnknown, uint8(k))
	}
	return []byte(k.String()), nil
}

// UnmarshalText reads what [Kind.MarshalText] gives. An error is [ErrUnknown].
func (k *Kind) UnmarshalText(text []byte) error {
	for v := Requirement; v <= Information; v++ {
		if v.String() == string(text) {
			*k = v
			return nil
		}
	}
	return fmt.Errorf("clause: unmarshal: %w kind %q", ErrUnknown, clip(string(text)))
}

// Condition is a fact about a device that makes some entries apply.
type Condition string

// The conditions. Each is known from the composition when a feature answers an
// entry that depends on it; otherwise the assessment declares it.
const (
	CondSettings             Condition = "settings"              // settings can be changed
	CondConfiguresOthers     Condition = "configures-others"     // changes settings of other devices
	CondSettingsProcedure    Condition = "settings-procedure"    // has a procedure for changing settings
	CondReset                Condition = "reset"                 // can be reset
	CondUserData             Condition = "user-data"             // stores user data
	CondCompartments         Condition = "compartments"          // is able to separate software into compartments
	CondLogging              Condition = "logging"               // is able to log events
	CondRemoteAdministration Condition = "remote-administration" // can be administered from afar
	CondUnsafeLanguage       Condition = "unsafe-language"       // cannot be written in a type-safe language
	CondUpdates              Condition = "updates"               // its software can be updated
	CondRemoteUpdates        Condition = "remote-updates"        // its software can be updated from afar
)

// Conditions returns every condition, in the order of the standard.
func Conditions() []Condition {
	return []Condition{
		CondSettings, CondConfiguresOthers, CondSettingsProcedure, CondReset, CondUserData, CondCompartments,
		CondLogging, CondRemoteAdministration, CondUnsafeLanguage, CondUpdates, CondRemoteUpdates,
	}
}
