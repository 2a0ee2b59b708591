package config

import (
	"strconv"

	"github.com/iot-device-baseline/baseline/clause"
)

// bundleFeatures are what a device with [Bundles] does besides.
func (s *Settings) bundleFeatures() []clause.Feature {
	const pkg = "config"
	return []clause.Feature{
		{
			ID: "config.bundles", Package: pkg, Clauses: []clause.ID{clause.C5_2_2_2_b, clause.C5_2_2_2_c},
			Summary:  "settings sent as a bundle count only when an enrolled signer has signed them for this device, once, within his scope",
			Settings: []clause.Setting{{Name: "signers", Value: strconv.Itoa(len(s.opts.Bundles.Signers))}},
		},
		{
			ID: "config.bundle-receipt", Package: pkg, Clauses: []clause.ID{clause.C5_2_2_2_d},
			Summary: "the sender of a bundle gets a receipt, signed by the device, when it is in force and kept",
		},
	}
}
