package bundle_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/config/bundle"
	"github.com/iot-device-baseline/baseline/receipt"
)

var _ config.BundleReceipts = (*bundle.Receipts)(nil)

var (
	key    = ed25519.NewKeyFromSeed(make([]byte, 32))
	digest = bundle.Digest([]byte("{}"))
	said   = config.BundleReceipt{
		Device: "meter-7", Ownership: "0a", Signer: "AB", Entity: "operator", Sequence: 7, Result: config.BundleApplied,
		Revision: "3-ab", Changed: []string{"/name"}, Count: 1, Insecure: []string{}, Restart: []string{},
		Time: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC), Clock: "set",
	}
)

func predicate(t testing.TB) []byte {
	raw, err := json.Marshal(said)
	require.NoError(t, err)
	return raw
}

func TestReceipt(t *testing.T) {
	env, err := bundle.NewReceipts(key).Sign(digest, predicate(t))
	require.NoError(t, err)
	got, err := bundle.VerifyReceipt(env, key.Public())
	require.NoError(t, err)
	want := said
	want.Digest = digest
	assert.Equal(t, &want, got)
	other := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))
	_, err = bundle.VerifyReceipt(env, other.Public())
	require.ErrorIs(t, err, receipt.ErrSignature)
	env, err = bundle.NewReceipts(key).Unsigned(digest, predicate(t), "the TPM is away")
	require.NoError(t, err)
	_, err = bundle.VerifyReceipt(env, key.Public())
	require.ErrorIs(t, err, receipt.ErrUnsigned)
}

// TestOtherStatementsRefused: what the same device signs about something else is no
// receipt for a bundle.
func TestOtherStatementsRefused(t *testing.T) {
	good := predicate(t)
	for name, change := range map[string]func(*receipt.Statement){
		"type":       func(st *receipt.Statement) { st.PredicateType = "https://example.com/x" },
		"unknown":    func(st *receipt.Statement) { st.Predicate = json.RawMessage(`{"result":"applied","x":1}`) },
		"wrong type": func(st *receipt.Statement) { st.Predicate = json.RawMessage(`{"result":7}`) },
		"result": func(st *receipt.Statement) {
			st.Predicate = bytes.Replace(good, []byte("applied"), []byte("refused"), 1)
		},
		"subject": func(st *receipt.Statement) { st.Subject[0].Name = "other" },
		"digest": func(st *receipt.Statement) {
			st.Subject[0].Digest = map[string]string{"sha1": strings.Repeat("ab", 20)}
		},
		"two": func(st *receipt.Statement) { st.Subject = append(st.Subject, st.Subject[0]) },
	} {
		st := &receipt.Statement{
			Subject:       []receipt.Subject{{Name: "settings-bundle", Digest: map[string]string{"sha256": digest}}},
			PredicateType: bundle.PredicateType, Predicate: good,
		}
		change(st)
		env, err := receipt.Sign(st, key)
		require.NoError(t, err)
		_, err = bundle.VerifyReceipt(env, key.Public())
		var field *receipt.FieldError
		require.ErrorAs(t, err, &field, name)
	}
}

// FuzzReceipt: whatever the device signs, it is read whole or refused, and what is read
// is read again from what is written of it.
func FuzzReceipt(f *testing.F) {
	f.Add(predicate(f))
	f.Add([]byte(`{"device":"a","signer":"b","entity":"c","sequence":1,"result":"applied","revision":"","changed":null,"count":0,"insecure":[],"restart":[],"time":"2026-01-01T00:00:00Z","clock":""}`))
	f.Add([]byte(`{"result":"applied","result":"refused"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		env, err := bundle.NewReceipts(key).Sign(digest, raw)
		if err != nil {
			return // no statement at all
		}
		got, err := bundle.VerifyReceipt(env, key.Public())
		if err != nil {
			var field *receipt.FieldError
			require.True(t, errors.As(err, &field), "%v", err)
			return
		}
		require.Equal(t, config.BundleApplied, got.Result)
		again, err := json.Marshal(got)
		require.NoError(t, err)
		env, err = bundle.NewReceipts(key).Sign(digest, again)
		require.NoError(t, err)
		same, err := bundle.VerifyReceipt(env, key.Public())
		require.NoError(t, err)
		require.True(t, got.Time.Equal(same.Time))
		same.Time = got.Time
		require.Equal(t, got, same)
	})
}
