package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/risk"
)

// TestTranscript runs the whole example. What it tells is what the program does: to
// change it on purpose, write the output of "go run ." to testdata/transcript.txt.
func TestTranscript(t *testing.T) {
	want, err := os.ReadFile("testdata/transcript.txt")
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), t.TempDir(), &out))
	assert.Equal(t, string(want), out.String())
}

func TestTemporaryDirectoryIsRemoved(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), "", &out))
	left, err := os.ReadDir(tmp)
	require.NoError(t, err)
	assert.Empty(t, left)
}

// TestUpdaterIsSmall holds the promise of the documentation.
func TestUpdaterIsSmall(t *testing.T) {
	text, err := os.ReadFile("updater.go")
	require.NoError(t, err)
	_, code, found := strings.Cut(string(text), "\n)\n") // the end of the imports
	require.True(t, found)
	n := 0
	for line := range strings.Lines(code) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			n++
		}
	}
	assert.LessOrEqual(t, n, 60)
}

// TestAssessmentIsComplete: every requirement has its reason, its part or whoever
// answers for it. Evidence comes from the vendor's bench and is not made here.
func TestAssessmentIsComplete(t *testing.T) {
	s := ready(t)
	for _, f := range s.approved.Failures() {
		assert.Equal(t, risk.IncludedUnproven, f.Status, f)
	}
}

// ready is a commissioned device with a release on its medium.
func ready(t *testing.T) *story {
	t.Helper()
	s, err := begin(t.Context(), t.TempDir(), &bytes.Buffer{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.device.close()) })
	require.NoError(t, s.assess())
	require.NoError(t, s.commission())
	require.NoError(t, s.vendor("release", goodRelease))
	return s
}

// all is a context that may do what the updater asks for.
func (s *story) all(t *testing.T) map[access.Permission]context.Context {
	itself, err := s.itself()
	require.NoError(t, err)
	return map[access.Permission]context.Context{access.UpdateInstall: s.ann, access.UpdateConfirm: itself, access.UpdateRollback: itself}
}

// with is the updater of s over a copy of its slots, run by another program.
func (s *story) with(t *testing.T, program string) *updater {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(s.updater.dir)))
	return &updater{who: s.guard, dir: dir, program: program}
}

func TestHostileProgram(t *testing.T) {
	s := ready(t)
	for name, program := range map[string]string{
		"silent":        `true`,
		"talks":         `while :; do echo 1.0.0 confirmed; done`,
		"two lines":     `echo 1.0.0 confirmed; echo 1.0.0 confirmed`,
		"no line end":   `printf '1.0.0 confirmed'`,
		"other version": `echo 1.0.0-beta confirmed`,
		"long version":  `echo 10000.0.0 confirmed`,
		"other kind":    `echo 1.0.0 Confirmed`,
		"control bytes": `printf 'refused: \033[2J\n'`,
		"upper case":    `echo 'refused: see https://example.com/'`,
		"then fails":    `echo 1.0.0 confirmed; exit 3`,
		"killed":        `kill -9 $$`,
		"not a script":  `(`,
	} {
		u := s.with(t, program)
		version, trial, err := u.Status(s.ann)
		assert.Error(t, err, name)
		assert.Empty(t, version, name)
		assert.False(t, trial, name)
		assert.Error(t, u.Install(s.ann, goodRelease), name)
		if err != nil {
			assert.NotContains(t, err.Error(), "\033", name)
			assert.NotContains(t, err.Error(), "https", name)
		}
	}
}

func TestHangingProgramIsEnded(t *testing.T) {
	s := ready(t)
	u := s.with(t, `while :; do :; done`)
	ctx, cancel := context.WithTimeout(s.ann, 50*time.Millisecond)
	defer cancel()
	_, _, err := u.Status(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestNothingIsInherited(t *testing.T) {
	t.Setenv("SECRET", "s")
	t.Setenv("ENV", "/nonexistent")
	u := ready(t)
	version, _, err := u.with(t, `[ -z "${SECRET-}${ENV-}${HOME-}" ] && echo 1.0.0 confirmed`).Status(u.ann)
	require.NoError(t, err)
	assert.Equal(t, "1.0.0", version)
}

// TestAsksFirst: a program that may not be started is not.
func TestAsksFirst(t *testing.T) {
	s := ready(t)
	u := s.with(t, `touch "$1/started"; echo 1.0.0 confirmed`)
	for name, err := range map[string]error{
		"install":  u.Install(t.Context(), ""),
		"confirm":  u.Confirm(s.ann), // the release judges itself; nobody does it for it
		"rollback": u.Rollback(t.Context(), "no"),
	} {
		assert.ErrorIs(t, err, access.ErrDenied, name)
	}
	_, _, err := u.Status(t.Context())
	require.ErrorIs(t, err, access.ErrDenied)
	assert.NoFileExists(t, filepath.Join(u.dir, "started"))
	assert.Error(t, (&updater{dir: u.dir, program: u.program}).Install(s.ann, ""), "nobody decides")
}

// TestMedium shows what a technician's medium cannot do.
func TestMedium(t *testing.T) {
	s := ready(t)
	media := func(u *updater, name string) string { return filepath.Join(u.dir, "media", name) }
	for name, spoil := range map[string]func(u *updater) error{
		"no signature":    func(u *updater) error { return os.Remove(media(u, "1.1.0.sig")) },
		"empty signature": func(u *updater) error { return os.WriteFile(media(u, "1.1.0.sig"), nil, 0o600) },
		"empty image":     func(u *updater) error { return os.WriteFile(media(u, "1.1.0.img"), nil, 0o600) },
		"one byte more": func(u *updater) error {
			f, err := os.OpenFile(media(u, "1.1.0.img"), os.O_APPEND|os.O_WRONLY, 0)
			require.NoError(t, err)
			defer f.Close()
			_, err = f.WriteString("x")
			return err
		},
		"endless image": func(u *updater) error {
			require.NoError(t, os.Remove(media(u, "1.1.0.img")))
			require.NoError(t, os.WriteFile(media(u, "1.1.0.img"), nil, 0o600))
			return os.Truncate(media(u, "1.1.0.img"), 64<<20)
		},
		"a directory": func(u *updater) error {
			require.NoError(t, os.Remove(media(u, "1.1.0.img")))
			return os.Mkdir(media(u, "1.1.0.img"), 0o700)
		},
	} {
		u := s.with(t, updaterScript)
		require.NoError(t, spoil(u), name)
		assert.Error(t, u.Install(s.ann, goodRelease), name)
		version, trial, err := u.Status(s.ann)
		assert.NoError(t, err, name)
		assert.Equal(t, "1.0.0 false", fmt.Sprint(version, " ", trial), name)
		require.NoError(t, sh(t.Context(), updaterScript, u.dir, "boot"))
		version, _, err = u.Status(s.ann)
		assert.NoError(t, err, name)
		assert.Equal(t, "1.0.0", version, name)
	}
	u := s.with(t, updaterScript) // names that are no versions are not seen
	for _, name := range []string{"9.9.9;reboot.img", "$(reboot).img", "10.0.img", "99999.0.0.img", "1.0.9\n9.9.9.img"} {
		require.NoError(t, os.WriteFile(media(u, name), nil, 0o600))
	}
	require.NoError(t, u.Install(s.ann, ""))
	require.NoError(t, sh(t.Context(), updaterScript, u.dir, "boot"))
	version, trial, err := u.Status(s.ann)
	require.NoError(t, err)
	assert.Equal(t, "1.1.0 true", fmt.Sprint(version, " ", trial))
}

// TestDamagedState: any other text than the six records is refused.
func TestDamagedState(t *testing.T) {
	s := ready(t)
	for _, state := range []string{"", "\n", "a\n", "a b\n", "a b maybe\n", "c c no\n", "a a yes\n", "a b no no\n", "a;reboot b no\n", "* * no\n"} {
		u := s.with(t, updaterScript)
		require.NoError(t, os.WriteFile(filepath.Join(u.dir, "state"), []byte(state), 0o600))
		_, _, err := u.Status(s.ann)
		assert.Error(t, err, "%q", state)
		assert.Error(t, u.Install(s.ann, ""), "%q", state)
	}
}

// TestOutOfTurn: what was never started cannot confirm itself, and may be given up.
func TestOutOfTurn(t *testing.T) {
	s := ready(t)
	u, may := s.with(t, updaterScript), s.all(t)
	assert.ErrorContains(t, u.Confirm(may[access.UpdateConfirm]), "refused: nothing is on trial")
	assert.ErrorContains(t, u.Rollback(may[access.UpdateRollback], ""), "refused: nothing is on trial")
	require.NoError(t, u.Install(s.ann, goodRelease))
	assert.ErrorContains(t, u.Confirm(may[access.UpdateConfirm]), "refused: nothing is on trial")
	require.NoError(t, u.Rollback(may[access.UpdateRollback], ""))
	require.NoError(t, sh(t.Context(), updaterScript, u.dir, "boot"))
	version, trial, err := u.Status(s.ann)
	require.NoError(t, err)
	assert.Equal(t, "1.0.0 false", fmt.Sprint(version, " ", trial))
}
