package signing_test

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
)

// FuzzOpenKey: whatever was sealed, it is refused with a sentinel, or it is a key
// that has the same public key the next time and signs.
func FuzzOpenKey(f *testing.F) {
	for _, text := range []string{
		"", "01", "029d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
		"010000000000000000000000000000000000000000000000000000000000000001",
		"01ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
	} {
		secret, err := hex.DecodeString(text)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(secret)
	}
	f.Fuzz(func(t *testing.T, secret []byte) {
		ctx := t.Context()
		keys := openOn(t, powercut.New())
		blob, err := keys.SealLasting(ctx, secret)
		if err != nil {
			require.ErrorIs(t, err, fs.ErrInvalid)
			return
		}
		signer, err := keys.OpenKey(ctx, blob)
		if err != nil {
			require.True(t, errors.Is(err, protect.ErrTampered) || errors.Is(err, errors.ErrUnsupported), "%v", err)
			return
		}
		again, err := keys.OpenKey(ctx, blob)
		require.NoError(t, err)
		require.Equal(t, signer.Public(), again.Public())
		signs(t, signer)
	})
}
