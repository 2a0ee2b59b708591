package main

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline"
)

var update = flag.Bool("update", false, "write testdata/transcript.txt anew")

// TestMain lets the test binary stand for the program: a quickstart starts itself.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "-write-until-killed" || os.Getenv("QUICKSTART_MAIN") != "") {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestTranscript(t *testing.T) {
	const golden = "testdata/transcript.txt"
	if *update {
		var out bytes.Buffer
		require.NoError(t, run(t.Context(), options{}, &out))
		require.NoError(t, os.WriteFile(golden, out.Bytes(), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	for range 2 {
		var out bytes.Buffer
		require.NoError(t, run(t.Context(), options{}, &out))
		assert.Equal(t, string(want), out.String())
	}
}

// With files of one's own it does the same; a device is provisioned once.
func TestOwnFilesAndDirectory(t *testing.T) {
	var first, second bytes.Buffer
	require.NoError(t, run(t.Context(), options{}, &first))
	o := options{assessment: "assessment.json", settings: "settings.json", dir: filepath.Join(t.TempDir(), "device")}
	require.NoError(t, run(t.Context(), o, &second))
	assert.Equal(t, first.String(), second.String())
	assert.Error(t, run(t.Context(), o, &second), "this device has had its first day")
}

// An assessment that needs updates: the program names risk and part, and exits 1.
func TestMissingPart(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-assessment", "../../risk/testdata/with-updates.json")
	cmd.Env = append(os.Environ(), "QUICKSTART_MAIN=1")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	assert.Equal(t, 1, exit.ExitCode())
	assert.Regexp(t, `quickstart: baseline: new: not composed: Updater for 27402 5\.2\.7\.1\.1: risk R-`, string(out))
}

func TestParse(t *testing.T) {
	o, err := parse([]string{"-dir", "d", "-settings", "s"})
	require.NoError(t, err)
	assert.Equal(t, options{settings: "s", dir: "d"}, o)
	for _, bad := range [][]string{{"-dir"}, {"-x", "y"}, {"file"}, {"-dir", "d", "more"}} {
		_, err := parse(bad)
		assert.EqualError(t, err, usage)
	}
}

func TestRefusesBadInput(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.json")
	require.NoError(t, os.WriteFile(bad, []byte(`{"format":1,"surprise":true}`), 0o600))
	assert.ErrorContains(t, run(t.Context(), options{assessment: bad}, &bytes.Buffer{}), "/surprise: unknown field")
	assert.ErrorContains(t, run(t.Context(), options{settings: bad}, &bytes.Buffer{}), "/format")
	assert.ErrorIs(t, run(t.Context(), options{settings: "nowhere"}, &bytes.Buffer{}), os.ErrNotExist)
}

// The worked assessment of package risk is this one.
func TestAssessmentIsTheWorkedOne(t *testing.T) {
	worked, err := os.ReadFile("../../risk/testdata/temperature-sensor.json")
	require.NoError(t, err)
	assert.Equal(t, string(worked), builtinAssessment)
	var missing *baseline.MissingError
	assert.NotErrorAs(t, run(t.Context(), options{}, &bytes.Buffer{}), &missing)
}
