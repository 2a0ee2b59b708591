package receipt_test

import (
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/receipt"
)

func smallModulus() *big.Int { return new(big.Int).SetBit(big.NewInt(1), 1023, 1) }

func TestStatementsRefused(t *testing.T) {
	many := make([]receipt.Subject, receipt.MaxSubjects+1)
	for path, change := range map[string]func(*receipt.Statement){
		"/subject":                 func(st *receipt.Statement) { st.Subject = nil },
		"/subject ":                func(st *receipt.Statement) { st.Subject = many },
		"/subject/0/name":          func(st *receipt.Statement) { st.Subject[0].Name = "a\x00b" },
		"/subject/0/uri":           func(st *receipt.Statement) { st.Subject[0].URI = strings.Repeat("x", receipt.MaxText+1) },
		"/subject/0/digest":        func(st *receipt.Statement) { st.Subject[0].Digest = nil },
		"/subject/0/digest ":       func(st *receipt.Statement) { st.Subject[0].Digest["SHA256"] = strings.Repeat("ab", 32) },
		"/subject/0/digest/sha256": func(st *receipt.Statement) { st.Subject[0].Digest["sha256"] = "ABCD" },
		"/predicateType":           func(st *receipt.Statement) { st.PredicateType = "erasure" },
		"/predicateType ":          func(st *receipt.Statement) { st.PredicateType = "https://example.com/\n" },
		"/predicate":               func(st *receipt.Statement) { st.Predicate = json.RawMessage(`[]`) },
		"/predicate ":              func(st *receipt.Statement) { st.Predicate = nil },
		"/predicate  ":             func(st *receipt.Statement) { st.Predicate = json.RawMessage(`{"a":`) },
		"/predicate/a":             func(st *receipt.Statement) { st.Predicate = json.RawMessage(`{"a":1,"a":2}`) },
	} {
		st := statement()
		change(st)
		var fe *receipt.FieldError
		_, err := receipt.Sign(st, keys()["ed25519"])
		require.ErrorAs(t, err, &fe, path)
		assert.Equal(t, strings.TrimSpace(path), fe.Path)
		_, err = receipt.Unsigned(st, "closed")
		assert.ErrorAs(t, err, &fe, path)
	}
	st := statement()
	st.Predicate = json.RawMessage(`{"a":"` + strings.Repeat("x", receipt.MaxPayload) + `"}`)
	_, err := receipt.Sign(st, keys()["ed25519"])
	assert.ErrorContains(t, err, "at most 131072")
	st.Predicate = json.RawMessage(`{"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`)
	_, err = receipt.Sign(st, keys()["ed25519"])
	assert.ErrorContains(t, err, "nested deeper")
}

// signed makes a right signature over payload bytes that Sign would not make.
func signed(t *testing.T, payload string) []byte {
	t.Helper()
	sig, err := keys()["ed25519"].Sign(nil, receipt.PAE(receipt.PayloadType, []byte(payload)), cryptoHash0)
	require.NoError(t, err)
	env, err := json.Marshal(map[string]any{
		"payloadType": receipt.PayloadType, "payload": []byte(payload),
		"signatures": []map[string]any{{"keyid": "", "sig": sig}},
	})
	require.NoError(t, err)
	return env
}

func TestSignedPayloadsRefused(t *testing.T) {
	good := `{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"` + strings.Repeat("00", 32) +
		`"}}],"predicateType":"https://example.com/x","predicate":{}}`
	_, err := receipt.Verify(signed(t, good), keys()["ed25519"].Public())
	require.NoError(t, err, "keyid may be empty")
	for in, want := range map[string]string{
		strings.Replace(good, "Statement/v1", "Statement/v0.1", 1):                  "/_type: want",
		strings.Replace(good, `{"_type"`, `{"_Type"`, 1):                            "/_Type: unknown field",
		strings.Replace(good, `"predicate":{}`, `"predicate":{},"predicate":{}`, 1): "/predicate: given twice",
		strings.Replace(good, `"predicate":{}`, `"predicate":null`, 1):              "/predicate",
		strings.Replace(good, `{"digest"`, `{"content":"x","digest"`, 1):            "/subject/0/content: unknown field",
		good + "{}": "after the end",
		"":          "ends too early",
	} {
		st, err := receipt.Verify(signed(t, in), keys()["ed25519"].Public())
		assert.ErrorContains(t, err, want)
		assert.Nil(t, st)
	}
}

func TestEnvelopesRefused(t *testing.T) {
	key := keys()["ed25519"]
	env, err := receipt.Sign(statement(), key)
	require.NoError(t, err)
	sig := func(m map[string]any) map[string]any { return m["signatures"].([]any)[0].(map[string]any) }
	for want, change := range map[string]func(map[string]any){
		"/payloadType: want":        func(m map[string]any) { m["payloadType"] = "application/json" },
		"/extra: unknown field":     func(m map[string]any) { m["extra"] = 1 },
		"/signatures: none":         func(m map[string]any) { m["signatures"] = []any{} },
		"/signatures: none, and":    func(m map[string]any) { delete(m, "signatures") },
		"/signatures: 9":            func(m map[string]any) { m["signatures"] = many(sig(m), 9) },
		"/signature: none, beside":  func(m map[string]any) { m["signature"], m["reason"] = "none", "x" },
		"/signature: want":          func(m map[string]any) { m["signature"] = "later" },
		"/reason: say":              func(m map[string]any) { m["signature"], m["signatures"] = "none", []any{} },
		"/signature: want \"none\"": func(m map[string]any) { m["reason"] = "x" },
		"/signatures/0/sig: want":   func(m map[string]any) { sig(m)["sig"] = "" },
		"/signatures/0/sig: want 1": func(m map[string]any) { sig(m)["sig"] = strings.Repeat("AAAA", 400) },
		"/signatures/0/keyid: want": func(m map[string]any) { sig(m)["keyid"] = "a\tb" },
		"not base64":                func(m map[string]any) { m["payload"] = "A" },
		"not base64 ":               func(m map[string]any) { m["payload"] = m["payload"].(string) + "\n" },
		"signature does not verify": func(m map[string]any) { m["payload"] = base64.StdEncoding.EncodeToString([]byte("{}")) },
	} {
		st, err := receipt.Verify(rewrite(t, env, change), key.Public())
		assert.ErrorContains(t, err, strings.TrimSpace(want))
		assert.Nil(t, st)
	}
	for _, raw := range []string{"", "[]", "null", `{"payload":"","payload":""}`, strings.Repeat(" ", receipt.MaxEnvelope+1)} {
		_, err := receipt.Verify([]byte(raw), key.Public())
		assert.Error(t, err)
	}
}

func many(v any, n int) []any {
	out := make([]any, n)
	for i := range out {
		out[i] = v
	}
	return out
}
