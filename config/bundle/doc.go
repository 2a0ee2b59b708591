// Package bundle makes and verifies the receipts that a device gives for a signed
// settings bundle: in-toto statements in DSSE envelopes (27402 5.2.2.2(d)).
//
// What it secures: that the device whose key signed has this bundle in force and kept
// at the time that it names. What it does not: that it still has; and a device that is
// not trusted may say anything.
//
// Threats: a receipt forged, changed, or given for another bundle or device.
//
// It stands apart from package config, so that a device which takes no bundles links
// no signatures: 390 KiB of a small device. Nothing is written; what survives a power
// cut says [config.Settings.ApplyBundle], which keeps the receipt.
//
//	settings, err := config.Open(ctx, store, schema, guard, &config.Options{
//		Bundles: config.NewBundles(config.BundleOptions{Receipts: bundle.NewReceipts(key), …}),
//	})
//	result, err := settings.ApplyBundle(ctx, document, signature)
//	// at the sender:
//	said, err := bundle.VerifyReceipt(result.Receipt, publicKey)
//	if said.Device != device || said.Digest != bundle.Digest(document) { … }
package bundle
