// Package disclosure makes from a running composition what its users are told: the
// security page (27402 5.1.2, 5.1.3) and the list of what is linked (5.1.2.2).
//
//	page, err := disclosure.NewPage(ctx, device, parts, statement, &disclosure.Vendor{
//		Product: "Gateway", Model: "GW-2", Name: "Example Ltd",
//		Contact: "mailto:security@example.com",
//		Support: disclosure.Support{Until: "2031-12-31"},
//	})
//	if err != nil {
//		return err // which of the vendor's facts is missing
//	}
//	err = page.WriteHTML(w) // or WriteMarkdown, or JSON by encoding/json
//
// # What it secures
//
// That the page is true of the device: what it protects, its settings, how it is
// updated, erased and reset come from the parts that are composed, and what it leaves
// out, with the reasons, from the statement of applicability. A device that is not as
// its statement says, and a requirement that nothing has shown, stand on the page.
// [SBOM] lists what the linker put into the program.
//
// Text of parts, settings and vendors is escaped for Markdown and HTML, cleared of
// control and direction characters, and cut; no such text becomes markup or a link.
//
// # What it does not
//
// It cannot know what only the vendor knows; [Vendor] is believed. It tells nothing
// about what the owner stored, but how features are set stands on the page: a vendor
// who publishes it makes it of a device with factory settings. Some viewers of
// Markdown turn a bare e-mail address into a link; text of parts may hold one.
// An SBOM from build information has no graph of dependencies, and nothing that is not
// Go: it says so.
//
// # Threats
//
// A claim without a part; a setting or a part's summary that holds markup; a list of
// components that is kept by hand and is of another program.
//
// It keeps no state, so that a power cut loses nothing.
package disclosure
