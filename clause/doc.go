// Package clause names every requirement, recommendation and information item
// of ISO/IEC 27402:2023 that this module works with, and the features by which
// the parts of a device answer them.
//
// It secures nothing by itself. It is what keeps claims honest: a part lists in
// its [Feature] values which clauses it answers, a clause that does not exist
// does not compile, and [Digest] identifies a composition, so that evidence
// made for one composition is not used for another. It does not hold the
// standard's text: titles are our own words, and package clause/catalogue holds
// longer descriptions for tools that do not run on a device.
//
// The threat it answers is a claim that nobody can check: a misspelt clause, a
// feature renamed after its test, a statement kept while the device changed.
//
// It keeps no state, does no input or output, and so has nothing to lose in a
// power cut. Everything in it may be used concurrently.
//
//	feature := clause.Feature{
//		ID:      "config.authorised",
//		Clauses: []clause.ID{clause.C5_2_2_1_1},
//		Package: "config",
//		Summary: "settings change only by permission",
//	}
//	fmt.Println(feature.Clauses[0], feature.Clauses[0].Area())
//	digest := clause.Digest([]clause.Feature{feature})
//
// The constants are generated from catalogue/clauses.json by internal/gen.
package clause

//go:generate sh -c "go run ./internal/gen <catalogue/clauses.json >table.go.new && mv table.go.new table.go"
