package publish_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/update/publish"
)

// TestKeys: a key comes back from its PEM, and nothing else does.
func TestKeys(t *testing.T) {
	ed, err := publish.GenerateKey()
	require.NoError(t, err)
	data, err := publish.EncodeKey(ed)
	require.NoError(t, err)
	back, err := publish.ParseKey(data)
	require.NoError(t, err)
	require.Equal(t, ed, back)

	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	ecData, err := publish.EncodeKey(ec)
	require.NoError(t, err)
	back, err = publish.ParseKey(ecData)
	require.NoError(t, err)
	require.True(t, ec.Equal(back))

	weak, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	rsaData, err := publish.EncodeKey(weak)
	require.NoError(t, err)
	for what, data := range map[string][]byte{
		"empty": nil, "no PEM": []byte("key"), "cut": data[:len(data)/2], "two": append(append([]byte{}, data...), data...), "RSA": rsaData,
		"another type": []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "no PKCS #8": []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
	} {
		_, err := publish.ParseKey(data)
		require.Error(t, err, what)
		require.NotContains(t, err.Error(), "AAAA")
	}
}

// FuzzKey: what is parsed is a key that may sign here.
func FuzzKey(f *testing.F) {
	data, err := publish.EncodeKey(key("fuzz"))
	require.NoError(f, err)
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := publish.ParseKey(data)
		if err != nil {
			return
		}
		again, err := publish.EncodeKey(s)
		require.NoError(t, err)
		back, err := publish.ParseKey(again)
		require.NoError(t, err)
		require.Equal(t, s.Public(), back.Public())
	})
}
