// Package update replaces a device's software (27402 5.2.7): whatever happens in
// between, one confirmed, verified image starts.
//
// It holds the interfaces that backends implement ([Trust], [Source], [Installer],
// [Bootloader], [Floors]), the release document, and the engine that drives them.
package update
