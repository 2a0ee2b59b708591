package clause_test

import (
	"fmt"

	"github.com/iot-device-baseline/baseline/clause"
)

func ExampleID() {
	id := clause.C5_2_7_2_b_3
	fmt.Println(id, id.Kind(), id.Area(), id.Condition())
	fmt.Println(id.Title())
	// Output:
	// 5.2.7.2(b)(3) recommendation update remote-updates
	// Option: schedule downloads and installs
}

func ExampleParse() {
	_, err := clause.Parse("5.2.9.9")
	fmt.Println(err)
	// Output:
	// clause: parse: unknown clause "5.2.9.9"
}

func ExampleDigest() {
	feature := clause.Feature{
		ID:      "config.authorised",
		Clauses: []clause.ID{clause.C5_2_2_1_1},
		Package: "config",
		Summary: "settings change only by permission",
	}
	before := clause.Digest([]clause.Feature{feature})
	feature.Settings = []clause.Setting{{Name: "remote", Value: "off"}}
	fmt.Println(before == clause.Digest([]clause.Feature{feature}))
	feature.Clauses = append(feature.Clauses, clause.C5_2_2_2_d)
	fmt.Println(before == clause.Digest([]clause.Feature{feature}))
	// Output:
	// true
	// false
}
