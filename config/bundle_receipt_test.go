package config_test

import (
	"crypto"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/config/bundle"
	"github.com/iot-device-baseline/baseline/receipt"
)

// dead is a key of a device that cannot be reached.
type dead struct{ public crypto.PublicKey }

func (d dead) Public() crypto.PublicKey { return d.public }

func (d dead) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("the TPM does not answer")
}

// TestBundleWithoutKey: the bundle is in force when the device cannot sign; the
// receipt says so, and comes signed when it can.
func TestBundleWithoutKey(t *testing.T) {
	for _, how := range []string{"sent again", "started again", "sent again after a start"} {
		t.Run(how, func(t *testing.T) {
			d := newBundled(t)
			d.opts.Bundles.Receipts = bundle.NewReceipts(dead{deviceID.Public()})
			require.NoError(t, d.open())
			r := d.mustSend(operator, patch(1, `{"name":"a"}`))
			_, err := bundle.VerifyReceipt(r.Receipt, deviceID.Public())
			require.ErrorIs(t, err, receipt.ErrUnsigned)
			assert.NotContains(t, payload(t, r.Receipt)+string(r.Receipt), "TPM")
			require.NoError(t, d.settings.Health(t.Context()))
			if how != "sent again" {
				require.NoError(t, d.open())
				require.Empty(t, d.last(operator).Receipt)
			}
			d.opts.Bundles.Receipts = bundle.NewReceipts(deviceID) // the options share it
			if how == "started again" {
				require.NoError(t, d.open())
			} else {
				r, err = d.send(operator, patch(1, `{"name":"a"}`))
				require.ErrorIs(t, err, config.ErrReplay)
				assert.Equal(t, d.last(operator).Receipt, r.Receipt)
			}
			got, err := bundle.VerifyReceipt(d.last(operator).Receipt, deviceID.Public())
			require.NoError(t, err)
			assert.Equal(t, uint64(1), got.Sequence)
		})
	}
}
