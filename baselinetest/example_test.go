package baselinetest_test

import (
	"fmt"
	"strings"

	"github.com/iot-device-baseline/baseline/baselinetest"
)

func ExampleCases() {
	for _, c := range baselinetest.Cases() {
		fmt.Println(c.ID, c.Name, c.Clauses)
	}
	// Output:
	// ACC-02 default secret [5.2.6.1.4]
	// CFG-01 unauthorised change [5.2.2.1.1]
	// CFG-02 bundle replay [5.2.2.2(b) 5.2.2.2(c)]
	// UPD-03 downgrade [5.2.7.1.1]
	// UPD-01 tampered image [5.2.7.1.1 5.2.7.2(a) 5.2.7.2.D]
	// ERA-01 erased subject [5.2.4.1.1 5.2.4.1.2]
	// RST-03 reset floor [5.2.3.1.1 5.2.3.1.2 5.2.3.2.A]
	// DOC-01 refuses on gap [5.1.1.1.5(e) 5.1.1.1.6.A]
}

// The vendor's gate reads the log of a run, and derives the statement with it.
func ExampleReadLog() {
	log := `{"result":{"case":"CFG-01","name":"unauthorised change","outcome":"fail","detail":"a change by a viewer: the settings have changed",` +
		`"clauses":["5.2.2.1.1"],"evidence":{"id":"CFG-01","clauses":["5.2.2.1.1"],"result":"fail","by":"bench","at":"2026-06-01",` +
		`"composition":"6da43b944e494e885e69af021f93c6d9331c78aa228084711429160a5bbd15b5"}}}`
	evidence, err := baselinetest.ReadLog(strings.NewReader(log))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(evidence[0].ID, evidence[0].Result, evidence[0].Clauses)
	// Output:
	// CFG-01 fail [5.2.2.1.1]
}
