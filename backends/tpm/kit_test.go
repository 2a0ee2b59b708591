package tpm_test

import (
	"testing"

	"github.com/iot-device-baseline/baseline/backends/tpm"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/protecttest"
)

// TestKeyStore runs the kit on swtpm. The power fails before each command of the TPM.
func TestKeyStore(t *testing.T) {
	f := &fleet{opts: &tpm.Options{}, devices: map[protect.KeyStore]*device{}}
	protecttest.TestKeyStore(t, f.harness())
}

func (f *fleet) harness() protecttest.Harness {
	return protecttest.Harness{
		Open: f.make, Reopen: f.reopen, Other: f.make, Interrupt: f.interrupt,
		Abilities: protecttest.Abilities{SigningKeys: true, Counter: true, Revoker: true},
	}
}
