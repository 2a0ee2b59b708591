package openpgp_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/openpgp"
)

// The keys of the fuzz targets are made anew; the seeds hold signatures by others.

// FuzzVerify: whatever the signature, the answer is a sentinel, or the one signer
// over the one document.
func FuzzVerify(f *testing.F) {
	s := newSigner(f, nil)
	v := verifier(f, s, nil)
	sig, err := s.Sign(f.Context(), document)
	require.NoError(f, err)
	f.Add(sig)
	f.Add(bytes.Repeat(sig, 2))
	f.Add([]byte("-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\n"))
	f.Add([]byte{0xc2, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{0x88, 0x02, 0x04, 0x00})
	f.Fuzz(func(t *testing.T, data []byte) {
		signer, err := v.Verify(t.Context(), document, data)
		if err == nil {
			require.Equal(t, s.Fingerprint(), signer)
			_, err = v.Verify(t.Context(), append(bytes.Clone(document), 0), data)
		}
		require.True(t, errors.Is(err, openpgp.ErrSignature) || errors.Is(err, openpgp.ErrSigner) || errors.Is(err, openpgp.ErrKey), "%v", err)
	})
}

// FuzzKeyring: a keyring is refused, or all its keys have an id and can be asked.
func FuzzKeyring(f *testing.F) {
	s := newSigner(f, nil)
	public, err := s.PublicKey()
	require.NoError(f, err)
	f.Add(public)
	f.Add([]byte{0x99, 0x01, 0x0d, 0x04})
	f.Add([]byte{0xc6, 0x02, 0x06, 0x00})
	sig, err := s.Sign(f.Context(), document)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := openpgp.New(data, nil)
		if err != nil {
			require.ErrorIs(t, err, openpgp.ErrKeyring)
			return
		}
		require.NotEmpty(t, v.Signers())
		signer, err := v.Verify(t.Context(), document, sig)
		if err == nil {
			require.Contains(t, v.Signers(), signer)
		}
	})
}
