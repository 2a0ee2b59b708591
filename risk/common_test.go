package risk_test

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/risk"
)

const (
	sensor  = "testdata/temperature-sensor.json"
	updates = "testdata/with-updates.json"
)

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	return data
}

func load(t testing.TB, name string) *risk.Assessment {
	t.Helper()
	a, err := risk.Parse(read(t, name))
	require.NoError(t, err)
	return a
}

// edit sets the member at a path of a JSON document, or deletes it for nil; a
// path that ends in "/-" appends.
func edit(t testing.TB, data []byte, path string, value any) []byte {
	t.Helper()
	var doc any
	require.NoError(t, json.Unmarshal(data, &doc))
	doc = set(t, doc, strings.Split(path, "/")[1:], value)
	out, err := json.Marshal(doc)
	require.NoError(t, err)
	return out
}

func set(t testing.TB, doc any, path []string, value any) any {
	t.Helper()
	if len(path) == 0 {
		return value
	}
	switch d := doc.(type) {
	case map[string]any:
		if len(path) == 1 && value == nil {
			delete(d, path[0])
			return d
		}
		d[path[0]] = set(t, d[path[0]], path[1:], value)
		return d
	case []any:
		if path[0] == "-" {
			return append(d, value)
		}
		i, err := strconv.Atoi(path[0])
		require.NoError(t, err)
		d[i] = set(t, d[i], path[1:], value)
		return d
	default:
		require.Fail(t, "nothing at "+strings.Join(path, "/"))
		return nil
	}
}

func feature(id string, ids ...clause.ID) clause.Feature {
	return clause.Feature{ID: id, Clauses: ids, Package: strings.Split(id, ".")[0], Summary: "for tests"}
}

// whole is a composition that answers what the worked assessment needs.
func whole() []clause.Feature {
	return []clause.Feature{
		feature("access.guard", clause.C5_2_6_1_1, clause.C5_2_6_1_2_B, clause.C5_2_6_1_4),
		feature("access.password", clause.C5_2_6_1_2_A),
		feature("config.settings", clause.C5_2_2_1_1, clause.C5_2_2_2_a, clause.C5_2_5_2_1_D, clause.C5_2_5_2_1_E),
		feature("erase.subject", clause.C5_2_4_1_1, clause.C5_2_4_1_2),
		feature("notify.center", clause.C5_2_8_1_A, clause.C5_2_8_1_B),
		feature("protect.vault", clause.C5_2_5_1_1_A, clause.C5_2_5_1_2_A, clause.C5_2_5_1_2_B, clause.C5_2_5_1_2_C,
			clause.C5_2_5_1_2_E, clause.C5_2_5_1_4),
	}
}

// passing is one passed test of everything that is composed.
func passing(features []clause.Feature) risk.Evidence {
	e := risk.Evidence{ID: "SUITE", Result: risk.Pass, By: "bench", At: "2026-11-20", Composition: clause.Digest(features)}
	for _, f := range features {
		e.Clauses = append(e.Clauses, f.Clauses...)
	}
	return e
}
