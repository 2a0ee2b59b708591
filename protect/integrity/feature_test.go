package integrity_test

import (
	"context"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/protect/integrity"
)

func TestFeatures(t *testing.T) {
	for response, want := range map[integrity.Response]clause.ID{
		integrity.Notify: clause.C5_2_5_2_1_C1, integrity.Inoperable: clause.C5_2_5_2_1_C2, integrity.FailSafe: clause.C5_2_5_2_1_C3, integrity.Recover: clause.C5_2_5_2_1_C4,
	} {
		_, m := monitor(t, response)
		require.NoError(t, clause.Check(m.Features()))
		claims := []clause.ID{}
		for _, f := range m.Features() {
			claims = append(claims, f.Clauses...)
		}
		assert.Equal(t, []clause.ID{clause.C5_2_5_2_1_A, clause.C5_2_5_1_3, want}, claims)
		assert.Equal(t, "integrity.response."+string(response), m.Features()[2].ID)
	}
	m, err := integrity.New(software(), integrity.ManifestFile(software(), "x"), expect(), nil)
	require.NoError(t, err)
	assert.Len(t, m.Features(), 2, "a response that nobody carries out is not claimed")
	assert.Equal(t, "24h0m0s", m.Features()[1].Settings[0].Value)

	manifest := func(context.Context) ([]byte, error) { return nil, nil }
	for name, make := range map[string]func() (*integrity.Monitor, error){
		"no manifest": func() (*integrity.Monitor, error) { return integrity.New(software(), nil, expect(), nil) },
		"no tree":     func() (*integrity.Monitor, error) { return integrity.New(nil, manifest, expect(), nil) },
		"nobody": func() (*integrity.Monitor, error) {
			return integrity.New(software(), manifest, integrity.Expect{}, nil)
		},
		"response": func() (*integrity.Monitor, error) {
			return integrity.New(software(), manifest, expect(), &integrity.MonitorOptions{Policy: integrity.Policy{Response: "hope"}})
		},
		"interval": func() (*integrity.Monitor, error) {
			return integrity.New(software(), manifest, expect(), &integrity.MonitorOptions{Interval: time.Minute})
		},
	} {
		_, err := make()
		require.ErrorIs(t, err, integrity.ErrInvalid, name)
	}
}

// TestFindingText: a finding fits on a line, whatever a file is called.
func TestFindingText(t *testing.T) {
	f := integrity.Finding{Kind: integrity.Changed, Path: "a\nb", Want: "file of 1 bytes", Got: "link"}
	assert.Equal(t, `changed "a\nb": want file of 1 bytes: got link`, f.String())
	tree := software()
	tree["lib/up"] = &fstest.MapFile{Data: []byte("x\n\x1b[2J" + strings.Repeat("y", 5000)), Mode: fs.ModeSymlink}
	r := check(t, tree, write(t, software(), key("vendor"), release), expect())
	assert.Less(t, len(r.Err().Error()), 1000)
	assert.NotContains(t, r.Err().Error(), "\n")
}
