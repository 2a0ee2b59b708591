// Package config keeps the settings of a device: declared once as a Go struct,
// changed only by whom the policy allows, validated before they count, graded for
// security, and old or new after a power cut, never mixed (27402 5.2.2).
//
// # What it secures
//
// Each setting is authorised for itself; nothing is authorised by default. A
// document or patch is strict JSON within limits: unknown, repeated and
// wrongly-cased names, values out of range, numbers that would lose digits and
// text outside an allow-list are refused with all their paths, and nothing
// changes. An insecure choice is refused unless it is accepted by name, and leaves
// an event and a notice. Secrets are written and never read back. Defaults are
// secure: a schema whose default is graded insecure does not compile (27402
// 5.2.5.2.1). No reset leaves the next owner an insecure choice: of the floor comes
// back what is not graded insecure.
//
// A signed settings bundle ([NewBundles], [Settings.ApplyBundle]) counts when an enrolled
// signer has signed it for this device, once and in order whichever of his keys and
// signatures it comes with, within his scope and his roles; its sender gets a signed receipt. It is not secret: secrets in it are read by
// whoever carries it.
//
// It does not secure the records: whoever can write a plain *durable.Dir can
// change settings behind its back, and reads the secrets. Give it a
// protect.Compartment where that matters. In-process code that holds a [View] is
// trusted, and so are the appliers.
//
// Threats: a client that may change one setting and tries another; a document made
// to exhaust or confuse a parser; a guess at settings that may not be read; an
// owner talked into an insecure choice; a bundle forged, sent again, sent to another
// device, or kept for the next owner; an update that no longer takes a stored
// value; a medium that loses bits.
//
// # Power cuts
//
// What [Settings.Change] acknowledged is kept: one record replaces another in one
// step. A bundle is taken with that same step, and so never twice, and never refused
// as taken when its settings were not in force. Appliers are not journalled: [Open]
// applies the stored settings again. A record that is damaged is replaced by that of
// the last good start, and else by the defaults and the floor.
//
//	type Device struct {
//		Interval time.Duration `json:"interval" setting:"doc=Time between readings; default=10s; min=1s; max=1h"`
//		Telnet   bool          `json:"telnet" setting:"doc=Old console; default=false; insecure=true: passwords cross the network in clear"`
//	}
//	schema, err := config.For[Device](nil)
//	settings, err := config.Open(ctx, store, schema, guard, nil)
//	revision, err := settings.Apply(ctx, []byte(`{"interval":"30s"}`), "", nil)
//	view, err := config.NewView[Device](settings)
//	every := view.Load().Interval
//
// # The settings type
//
// A struct of exported fields, each with a json name of [a-zA-Z][a-zA-Z0-9_-]*,
// at most 32 bytes, and a setting tag. Kinds: bool, ints, floats, string, [Secret],
// [time.Duration] (in JSON a string like "10s"), structs, and slices and maps
// (with string keys) of plain values or structs. A field with the json name "-"
// and no setting tag is not a setting. The names of this package's own tag:
//
//	tag   = [ entry *( ";" entry ) ]
//	entry = flag / key "=" value
//	value = bare / "'" *( any but "'" / "''" ) "'"    ; '' is one quote
//	bare  = *( any but ";" ), not beginning with "'"  ; outer spaces do not count
//
//	doc=TEXT            what it is for; required
//	default=VALUE       required, except in a secret, list or map; JSON for lists and maps
//	min=V max=V         range, inclusive; required for numbers and durations without enum
//	minlen=N maxlen=N   characters of a string; default 0 and 256, at most 65536
//	charset=NAME        allow-list: digits, hex, lower, id, host, base64, ascii, text, lines
//	pattern=NAME        allow-list: an entry of SchemaOptions.Patterns; see [Pattern]
//	enum=A|B|C          of a string or whole number
//	minitems=N maxitems=N  entries of a list or map; maxitems is required
//	keys=NAME           charset of the names in a map: digits, hex, lower, id; required
//	unit=TEXT           at most 16 characters
//	insecure=C: REASON  values that are insecure: C is V, =V, !V (any other), <V or >V;
//	warn=C: REASON      for strings < and > compare the length; both may be repeated
//	class=NAME          public, device (default), person or secret; inherited
//	write=RESOURCE      resource of access.ConfigWrite in place of the path; what is
//	                    below it adds its name; that of access.ConfigRead stays the path
//	needs=PERMISSIONS   further permissions, separated by spaces, to be held on ""
//	restart, floor      takes effect with a restart; survives a reset unless its value
//	                    is insecure; inherited
//	required            in an element of a list or map: has no default
//
// A string states charset, pattern or enum. On a list or map of plain values the
// keys from min to enum, unit, insecure and warn are about each value. A list is
// one setting, which is written as a whole; the entries of a map are settings of
// their own.
//
// Only what differs from its default is stored: the others follow the release.
package config
