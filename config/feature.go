package config

import (
	"strconv"

	"github.com/iot-device-baseline/baseline/clause"
)

// Features returns what this package does for the security of the device. Which
// features there are does not depend on the settings.
func (s *Settings) Features() []clause.Feature {
	const pkg = "config"
	list := []clause.Feature{
		{
			ID: "config.authorised", Package: pkg, Clauses: []clause.ID{clause.C5_2_2_1_1},
			Summary: "each setting changes only by whom the authorizer allows to write it",
		},
		{
			ID: "config.validated", Package: pkg, Clauses: []clause.ID{clause.C5_2_2_2_a},
			Summary:  "settings are validated field by field before they are stored and at every start",
			Settings: []clause.Setting{{Name: "fields", Value: strconv.Itoa(len(s.schema.Fields()))}},
		},
		{
			ID: "config.confirmed", Package: pkg, Clauses: []clause.ID{clause.C5_2_2_2_d},
			Summary: "a change is answered with its revision when it is in force and kept, else everything is as before",
		},
		{
			ID: "config.secure-defaults", Package: pkg, Clauses: []clause.ID{clause.C5_2_5_2_1_D},
			Summary: "every setting has a default that is not graded insecure; the program does not start otherwise",
		},
		{
			ID: "config.insecure-choice", Package: pkg, Clauses: []clause.ID{clause.C5_2_5_2_1_E},
			Summary: "an insecure choice is refused, or accepted explicitly with event and notice",
		},
	}
	if s.opts.Bundles == nil {
		return list
	}
	return append(list, s.opts.Bundles.features(s)...)
}
