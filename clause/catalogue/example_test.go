package catalogue_test

import (
	"fmt"

	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/clause/catalogue"
)

func ExampleCases() {
	cases, err := catalogue.Cases()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range cases {
		if c.ID == "UPD-05" {
			fmt.Println(c.Title, "shows", c.Clauses)
		}
	}
	// Output:
	// Interrupted update shows [5.2.7.1.3]
}

func ExampleEntries() {
	entries, err := catalogue.Entries()
	if err != nil {
		fmt.Println(err)
		return
	}
	e := entries[clause.C5_2_7_1_3-1]
	fmt.Println(e.ID, e.Kind, "when", e.Condition)
	// Output:
	// 5.2.7.1.3 requirement when device supports software updates
}
