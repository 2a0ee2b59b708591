package update_test

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/update"
)

func seeded(f *testing.F, name string) {
	f.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "fuzz", name, "*"))
	require.NoError(f, err)
	require.NotEmpty(f, files, "the committed seeds are gone")
}

// A release document is read as what it says, or refused as untrusted with a path; what
// is read is within the limits and the same when it is written and read again.
func FuzzRelease(f *testing.F) {
	seeded(f, "FuzzRelease")
	f.Fuzz(func(t *testing.T, document []byte) {
		r, err := update.ParseRelease(document)
		if err != nil {
			var input *update.InputError
			require.ErrorAs(t, err, &input)
			require.ErrorIs(t, err, update.ErrUntrusted)
			require.NotEmpty(t, input.Rule)
			require.Less(t, len(err.Error()), 1000)
			return
		}
		require.LessOrEqual(t, r.Floor, r.Number)
		for _, c := range r.Components {
			require.True(t, c.Length >= 1 && c.Length <= update.MaxImage)
			require.False(t, strings.Contains(c.Path, "..") || strings.HasPrefix(c.Path, "/"), c.Path)
		}
		text, err := json.Marshal(r)
		require.NoError(t, err)
		again, err := update.ParseRelease(text)
		require.NoError(t, err)
		require.Equal(t, r, again)
	})
}

// Whatever stands in the journal, a device with a confirmed release recovers, runs it, and
// confirms, activates and raises nothing.
func FuzzJournal(f *testing.F) {
	seeded(f, "FuzzJournal")
	v := published()
	base := powercut.New()
	if err := factory(base, v, 1); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, record []byte) {
		m := base.Clone()
		dir, err := durable.OpenFS(m.FS(), nil)
		require.NoError(t, err)
		if err := dir.Put(t.Context(), "update/journal", record); err != nil {
			return // above the size of a value
		}
		require.NoError(t, dir.Close())
		d, err := start(t.Context(), m, v, nil)
		require.NoError(t, err)
		require.NoError(t, d.Recover(t.Context()))
		version, trial, err := d.Status(t.Context())
		require.True(t, err == nil && version == "1.1" && !trial)
		e := slots{m, "system"}.load()
		assert.Equal(t, environment{Booted: "a", Next: "a", Good: map[string]bool{"a": true}}, e)
		floor, err := d.floors.Get(t.Context(), "release")
		require.True(t, err == nil && floor == 0)
		if health := d.Health(t.Context()); health != nil {
			require.True(t, errors.Is(health, durable.ErrCorrupt) || errors.Is(health, durable.ErrFormat), health)
		}
	})
}
