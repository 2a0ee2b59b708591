package strictjson_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/internal/strictjson"
)

// large are documents of about 420 kB, the most that durable keeps and more.
func large() map[string]string {
	repeat := func(element string, n int) string { return strings.TrimSuffix(strings.Repeat(element+",", n), ",") }
	return map[string]string{
		"records": `{"list":[` + repeat(`{"n":1234567890}`, 24_000) + `]}`,
		"numbers": `{"any":[` + repeat("0", 210_000) + `]}`,
		"texts":   `{"any":[` + repeat(`"a text of \u0041 few words\n"`, 13_500) + `]}`,
		"members": `{"any":{` + members(38_000) + `}}`,
		"objects": `{"any":[` + repeat(`{"first":1,"second":{}}`, 17_000) + `]}`,
		"name":    `{"any":{"` + strings.Repeat("k", 256) + `":[` + repeat("0", 210_000) + `]}}`,
		"deep":    `{"any":` + strings.Repeat(`{"`+strings.Repeat("k", 250)+`":`, 12) + `[` + repeat("{}", 139_000) + `]` + strings.Repeat("}", 12) + `}`,
	}
}

var most = strictjson.Limits{Items: 1 << 20}

// BenchmarkDecode tells, as x-json, how many times as long as encoding/json it takes.
func BenchmarkDecode(b *testing.B) {
	for name, text := range large() {
		b.Run(fmt.Sprintf("%s-%dkB", name, len(text)/1000), func(b *testing.B) {
			data := []byte(text)
			var plain time.Duration
			for b.Loop() {
				b.StopTimer()
				start := time.Now()
				require.NoError(b, json.Unmarshal(data, &doc{}))
				plain += time.Since(start)
				b.StartTimer()
				require.NoError(b, strictjson.Decode(data, &doc{}, most))
			}
			b.ReportMetric(float64(b.Elapsed())/float64(plain), "x-json")
		})
	}
}

// What a check costs does not grow with the elements of a list, and the names
// around it are not copied for each.
func TestCheckIsCheap(t *testing.T) {
	for _, name := range []string{"records", "numbers", "texts", "objects", "name", "deep"} {
		data := []byte(large()[name])
		allocs := testing.AllocsPerRun(1, func() { require.NoError(t, strictjson.Check(data, nil, most)) })
		assert.Less(t, allocs, 100.0, name)
	}
}

// Nor does finding what is wrong cost more than decoding it.
func TestErrorIsCheap(t *testing.T) {
	for name, text := range map[string]string{
		"last element": `{"list":[` + strings.Repeat(`{"n":1},`, 9_000/2) + `{"n":"x"}]}`,
		"unknown":      `{"list":[` + strings.Repeat(`{"n":1},`, 9_000/2) + `{"m":1}]}`,
	} {
		err := strictjson.Decode([]byte(text), &doc{}, strictjson.Limits{})
		require.ErrorContains(t, err, "/list/4500/", name)
		allocs := testing.AllocsPerRun(1, func() { _ = strictjson.Decode([]byte(text), &doc{}, strictjson.Limits{}) })
		assert.Less(t, allocs, 10*4_500.0, name)
	}
}
