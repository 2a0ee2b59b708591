package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
)

// killBefore makes the script kill itself before its nth step, and note the steps
// before that. A step is a command that changes something or makes it durable.
func killBefore(n int) string {
	text := fmt.Sprintf(`steps=$1/steps count=0
step() {
	count=$((count + 1))
	[ "$count" -ne %d ] || kill -9 $$
	printf '%%s\n' "$*" >>"$steps"
}
`, n)
	for _, name := range []string{"rm", "head", "sync", "mv"} {
		text += fmt.Sprintf("%[1]s() { step %[1]s \"$@\"; command %[1]s \"$@\"; }\n", name)
	}
	return text + updaterScript
}

// killCase is one command, killed before each of its steps.
type killCase struct {
	permission access.Permission // to ask with; "" is the boot loader's command
	args       []string
	before     []string          // commands that lead there
	old, done  string            // the record
	next       map[string]string // what runs after the next start, by record
	steps      string            // of the whole command, in order
}

const storeSteps = "rm -f state.new; sync state.new; mv -f state.new state; sync ."

// TestKilledAtEachStep: the program dies at any moment, and leaves the old record or
// the new one, each naming what starts; the command can then be given again. Steps
// are in an order in which a power cut can do no other harm: what a record names is
// on the medium before the record is.
func TestKilledAtEachStep(t *testing.T) {
	s := ready(t)
	for _, c := range []killCase{{
		permission: access.UpdateInstall, args: []string{"install", goodRelease}, old: "a a no", done: "a b no",
		next: map[string]string{"a a no": "1.0.0 confirmed", "a b no": "1.1.0 trial"},
		steps: "rm -f slot.new sig.new; head -c 8388608; head -c 4096; sync slot.new; mv -f slot.new slot.b; sync .; " +
			storeSteps + "; rm -f sig.new",
	}, {
		args: []string{"boot"}, before: []string{"install " + goodRelease}, old: "a b no", done: "a b yes",
		next:  map[string]string{"a b no": "1.1.0 trial", "a b yes": "1.0.0 confirmed"}, // a trial that lost its power is over
		steps: storeSteps,
	}, {
		permission: access.UpdateConfirm, args: []string{"confirm"}, before: []string{"install " + goodRelease, "boot"},
		old: "a b yes", done: "b b no", steps: storeSteps,
		next: map[string]string{"a b yes": "1.0.0 confirmed", "b b no": "1.1.0 confirmed"},
	}, {
		permission: access.UpdateRollback, args: []string{"rollback"}, before: []string{"install " + goodRelease, "boot"},
		old: "a b yes", done: "a a no", steps: storeSteps,
		next: map[string]string{"a b yes": "1.0.0 confirmed", "a a no": "1.0.0 confirmed"},
	}} {
		t.Run(c.args[0], func(t *testing.T) { c.run(t, s) })
	}
}

func (c killCase) run(t *testing.T, s *story) {
	found := map[string]int{}
	for n := 1; ; n++ {
		require.Less(t, n, 50)
		u := s.with(t, killBefore(n))
		for _, command := range c.before {
			require.NoError(t, sh(t.Context(), updaterScript, append([]string{u.dir}, strings.Fields(command)...)...))
		}
		err := c.give(t, s, u)
		record := c.record(t, u)
		found[record]++
		if err == nil {
			assert.Equal(t, c.done, record, "acknowledged means kept")
			assert.Equal(t, c.steps, c.trace(t, u))
			break
		}
		require.Contains(t, []string{c.old, c.done}, record, "killed before step %d", n)
		if record == c.old {
			again := s.with(t, updaterScript)
			require.NoError(t, os.RemoveAll(again.dir))
			require.NoError(t, os.CopyFS(again.dir, os.DirFS(u.dir)))
			assert.NoError(t, c.give(t, s, again), "given again after a kill before step %d", n)
			assert.Equal(t, c.done, c.record(t, again))
		}
		c.starts(t, s, u, record)
	}
	assert.Len(t, found, 2, "both records were seen: %v", found)
}

// give has the updater, or the boot loader, run the command.
func (c killCase) give(t *testing.T, s *story, u *updater) error {
	if c.permission == "" {
		return sh(t.Context(), u.program, append([]string{u.dir}, c.args...)...)
	}
	_, _, err := u.run(s.all(t)[c.permission], c.permission, c.args...)
	return err
}

func (killCase) record(t *testing.T, u *updater) string {
	text, err := os.ReadFile(filepath.Join(u.dir, "state"))
	require.NoError(t, err)
	return strings.TrimSpace(string(text))
}

func (killCase) trace(t *testing.T, u *updater) string {
	text, err := os.ReadFile(filepath.Join(u.dir, "steps"))
	require.NoError(t, err)
	return strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", "; ")
}

// starts checks what the next start brings, with a program that nobody kills.
func (c killCase) starts(t *testing.T, s *story, u *updater, record string) {
	u = &updater{who: u.who, dir: u.dir, program: updaterScript}
	require.NoError(t, sh(t.Context(), updaterScript, u.dir, "boot"))
	version, trial, err := u.Status(s.ann)
	require.NoError(t, err)
	kind := "confirmed"
	if trial {
		kind = "trial"
	}
	assert.Equal(t, c.next[record], version+" "+kind, "record %q", record)
}
