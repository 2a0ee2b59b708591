package risk_test

import (
	"fmt"
	"os"

	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/risk"
)

func Example() {
	file, err := os.ReadFile("testdata/with-updates.json")
	if err != nil {
		fmt.Println(err)
		return
	}
	a, err := risk.Parse(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	features := whole() // what the parts of the device say of themselves
	for _, need := range a.Missing(features) {
		fmt.Println(need)
	}
	st := risk.Derive(a, features, nil)
	row, _ := st.Row(clause.C5_2_7_1_3)
	fmt.Println(row.Clause, row.Status, st.OK())
	// Output:
	// update: 5.2.7.1.1 Updates use a secure procedure: risk R-unpatched; control C-update
	// update: 5.2.7.1.2 Only authorised entities start updates: risk R-unpatched; control C-update
	// update: 5.2.7.1.3 Interrupted update leaves safe state: risk R-unpatched; control C-update
	// 5.2.7.1.3 gap false
}

func ExampleParse() {
	_, err := risk.Parse([]byte(`{"format":1,"controls":[{"clauses":["5.2.9.9"]}]}`))
	fmt.Println(err)
	// Output:
	// risk: /controls/0/clauses/0: not an entry of the standard: "5.2.9.9"
}

func ExampleFacts_Decide() {
	fmt.Println(risk.Facts{Kind: clause.Requirement, Condition: risk.Holds}.Decide())
	fmt.Println(risk.Facts{Kind: clause.Requirement, Condition: risk.Holds, Composed: true}.Decide())
	fmt.Println(risk.Facts{Kind: clause.Requirement, Condition: risk.Holds, Composed: true, Evidence: risk.Pass}.Decide())
	// Output:
	// unjustified exclusion false
	// included, unproven false
	// included, proven true
}

func ExampleStatement_WriteText() {
	file, err := os.ReadFile("testdata/temperature-sensor.json")
	if err != nil {
		fmt.Println(err)
		return
	}
	a, err := risk.Parse(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	features := whole()
	if err := risk.Derive(a, features, []risk.Evidence{passing(features)}).WriteText(os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// statement of applicability, ISO/IEC 27402:2023 5.2
	// assessment   temperature-sensor 1.3, state 3095d037657c51ce
	// products     ts-200
	// composition  16c4c6aca7a231f8, 6 features
	//
	//   5.2.2.1.1      requirement    included, proven         config.settings              R-limits R-power
	//   5.2.2.1.2      requirement    not applicable
	//                  The unit does not configure other devices
	//   5.2.2.2(a)     recommendation included, proven         config.settings              R-limits R-power
	//   5.2.3.1.1      requirement    not applicable
	//                  The unit has no reset function. To pass it on, erase its data and return it for commissioning
	//   5.2.3.1.2      requirement    not applicable
	//   5.2.4.1.1      requirement    included, proven         erase.subject                R-leftover
	//   5.2.4.1.2      requirement    included, proven         erase.subject                R-leftover
	//   5.2.5.1.1.A    requirement    included, proven         protect.vault                R-storage R-leftover R-power
	//   5.2.5.1.1.B    requirement    excluded
	//                  Measurements leave the unit in clear on a wired line. Keep the line and the unit in a locked cabinet
	//   5.2.5.1.2.A    requirement    included, proven         protect.vault                R-storage R-leftover R-power
	//   5.2.5.1.2.B    requirement    included, proven         protect.vault                R-storage R-leftover R-power
	//   5.2.5.1.2.C    requirement    included, proven         protect.vault                R-storage R-leftover R-power
	//   5.2.5.1.2.D    requirement    excluded
	//                  The unit keeps no event log; changes are told by notices
	//   5.2.5.1.2.E    requirement    included, proven         protect.vault                R-storage R-leftover R-power
	//   5.2.5.1.3      requirement    delegated                platform
	//                  The image is in flash whose write-protect pin is tied; there is no way to write it in the field
	//   5.2.5.1.4      requirement    included, proven         protect.vault                R-storage R-leftover R-power
	//   5.2.5.2.1.D    recommendation included, proven         config.settings              R-limits R-power
	//   5.2.5.2.1.E    recommendation included, proven         config.settings              R-limits R-power
	//   5.2.6.1.1      requirement    included, proven         access.guard                 R-limits R-common-secret
	//   5.2.6.1.2.A    requirement    included, proven         access.password              R-limits R-common-secret
	//   5.2.6.1.2.B    requirement    included, proven         access.guard                 R-limits R-common-secret
	//   5.2.6.1.3      requirement    delegated                vendor-process
	//                  The serial number on the label is the only identifier; its making and use are assessed in note ID-7
	//   5.2.6.1.4      requirement    included, proven         access.guard                 R-limits R-common-secret
	//   5.2.7.1.1      requirement    not applicable
	//                  The program of this unit cannot be updated. Within the support period, units with a known security fault are exchanged
	//   5.2.7.1.2      requirement    not applicable
	//   5.2.7.1.3      requirement    not applicable
	//   5.2.8.1.A      information    included, proven         notify.center                R-limits R-unnoticed
	//   5.2.8.1.B      information    included, proven         notify.center                R-limits R-unnoticed
	//
	// not adopted or not applicable: 49 recommendations, 33 items of information
	// gate: passes
}
