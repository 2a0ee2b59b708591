package risk_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/risk"
)

// What a device pays at its start.
func BenchmarkParse(b *testing.B) {
	data := read(b, sensor)
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		_, err := risk.Parse(data)
		require.NoError(b, err)
	}
}

func BenchmarkDerive(b *testing.B) {
	a := load(b, sensor)
	features := whole()
	evidence := []risk.Evidence{passing(features)}
	b.ReportAllocs()
	for b.Loop() {
		require.True(b, risk.Derive(a, features, evidence).OK())
	}
}

func BenchmarkParseStatement(b *testing.B) {
	data, err := json.Marshal(risk.Derive(load(b, sensor), whole(), nil))
	require.NoError(b, err)
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		_, err := risk.ParseStatement(data)
		require.NoError(b, err)
	}
}
