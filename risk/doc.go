// Package risk holds a vendor's risk assessment and derives from it, from the
// composed features and from evidence the statement of applicability: what of
// 27402 5.2 the device needs, has, leaves out and why (27402 5.1.1.1.5 and
// 5.1.1.1.6).
//
// It secures that the statement is true to its inputs: a requirement is never
// left out in silence, a feature that a risk needs is never missing without
// failure, failing evidence is never accepted. It does not judge whether the
// assessment is right: likelihoods, consequences and reasons are the vendor's,
// and so are the signatures under them.
//
// Threats: a claim without proof (an unproven requirement fails); a composition
// changed after its statement (evidence counts only for the composition digest
// it was made for); a condition denied while the matching capability is linked
// (a contradiction fails); an exclusion without reason, or whose reason refers
// to nothing; an approval of another state of the assessment ([Assessment.Due]);
// a hostile or damaged file, which is refused whole with the place and the rule.
//
// It keeps no state, reads no clock and does no input or output; nothing can be
// lost in a power cut. Assessments and statements are plain values: reading them
// concurrently is safe as long as nobody changes them.
//
//	a, err := risk.Parse(file)
//	if err != nil {
//		return err // names each field and its rule
//	}
//	for _, need := range a.Missing(features) {
//		fmt.Println(need)
//	}
//	st := risk.Derive(a, features, evidence)
//	err = st.WriteText(os.Stdout)
package risk
