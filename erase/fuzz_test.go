package erase_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/erase"
	"github.com/iot-device-baseline/baseline/receipt"
)

// aReceipt is the predicate of a good one.
const aReceipt = `{"job":"00112233445566778899aabbccddeeff","device":"gateway-7","scope":"subject","reason":"moved out",` +
	`"ordered":"2026-05-04T03:02:01Z","finished":"2026-05-04T03:02:02Z","result":"done",` +
	`"stores":[{"store":"vault","method":"clear: live copies only","verified":true}],` +
	`"retained":[{"what":"actor in the event log","until":"90 days","reason":"who did what must stay known"}]}`

func envelope(t testing.TB, predicate []byte) ([]byte, error) {
	t.Helper()
	return receipt.Sign(&receipt.Statement{
		Subject:       []receipt.Subject{{Name: "subject", Digest: map[string]string{"sha256": strings.Repeat("ab", 32)}}},
		PredicateType: erase.PredicateType, Predicate: predicate,
	}, key)
}

// FuzzReceipt: whatever a device signs, a reader neither panics nor takes for a
// receipt what breaks a rule of one; what it accepts it accepts again.
func FuzzReceipt(f *testing.F) {
	f.Add([]byte(aReceipt))
	seeds, err := os.ReadDir("testdata/fuzz/FuzzReceipt")
	require.NoError(f, err)
	require.NotEmpty(f, seeds)
	f.Fuzz(func(t *testing.T, predicate []byte) {
		env, err := envelope(t, predicate)
		if err != nil {
			return // no statement at all
		}
		r, err := erase.VerifyReceipt(env, key.Public())
		if err != nil {
			require.Nil(t, r)
			return
		}
		require.Contains(t, []string{erase.ScopeSubject, erase.ScopeAll}, r.Scope)
		require.NotEmpty(t, r.Stores)
		for _, p := range r.Stores {
			require.LessOrEqual(t, len(p.Method), erase.MaxMethod)
			if r.Result == erase.ResultDone {
				require.True(t, p.Verified && p.Method != "", "done, and a store did not erase")
			}
		}
		text, err := json.Marshal(r)
		require.NoError(t, err)
		env, err = envelope(t, text)
		require.NoError(t, err)
		again, err := erase.VerifyReceipt(env, key.Public())
		require.NoError(t, err)
		more, err := json.Marshal(again)
		require.NoError(t, err)
		require.Equal(t, string(text), string(more))
	})
}

// TestReceiptsRefused: each rule of a receipt, broken.
func TestReceiptsRefused(t *testing.T) {
	env, err := envelope(t, []byte(aReceipt))
	require.NoError(t, err)
	_, err = erase.VerifyReceipt(env, key.Public())
	require.NoError(t, err, "the control")
	for name, swap := range map[string][2]string{
		"job":            {`"00112233445566778899aabbccddeeff"`, `"17"`},
		"device":         {`gateway-7`, strings.Repeat("x", 65)},
		"scope":          {`"scope":"subject"`, `"scope":"class"`},
		"reason":         {`"reason":"moved out"`, `"reason":""`},
		"result":         {`"result":"done"`, `"result":"purged"`},
		"no store":       {`[{"store":"vault","method":"clear: live copies only","verified":true}]`, `[]`},
		"not verified":   {`"verified":true`, `"verified":false`},
		"no method":      {`"method":"clear: live copies only"`, `"method":""`},
		"name of store":  {`"store":"vault"`, `"store":"The Vault"`},
		"retained":       {`"what":"actor in the event log"`, `"what":""`},
		"unknown member": {`"job"`, `"destroyed":true,"job"`},
		"no time":        {`"2026-05-04T03:02:01Z"`, `"yesterday"`},
		"twice":          {`"job"`, `"scope":"subject","job"`},
	} {
		require.Contains(t, aReceipt, swap[0])
		env, err := envelope(t, []byte(strings.Replace(aReceipt, swap[0], swap[1], 1)))
		if err != nil {
			continue // refused as a statement already
		}
		_, err = erase.VerifyReceipt(env, key.Public())
		var bad *receipt.FieldError
		require.ErrorAs(t, err, &bad, name)
		require.Contains(t, bad.Path, "/predicate", name)
	}
	other, err := receipt.Sign(&receipt.Statement{
		Subject:       []receipt.Subject{{Digest: map[string]string{"sha256": strings.Repeat("ab", 32)}}},
		PredicateType: "https://example.com/other", Predicate: []byte(aReceipt),
	}, key)
	require.NoError(t, err)
	_, err = erase.VerifyReceipt(other, key.Public())
	require.ErrorContains(t, err, "/predicateType")
}
