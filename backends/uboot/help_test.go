package uboot_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/uboot"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/update"
)

// oneFile has both copies in one file, after something else.
func oneFile() uboot.Config {
	return uboot.Config{
		Primary: uboot.Location{File: "env", Offset: 512}, Redundant: uboot.Location{File: "env", Offset: 512 + 1024}, Size: 1024,
	}
}

func twoFiles() uboot.Config {
	return uboot.Config{Primary: uboot.Location{File: "uboot.env"}, Redundant: uboot.Location{File: "uboot-redund.env"}, Size: 1024}
}

func layouts() map[string]uboot.Config {
	return map[string]uboot.Config{"one-file": oneFile(), "two-files": twoFiles()}
}

// made makes the environment if there is none.
func made(ctx context.Context, fsys durable.FS, cfg uboot.Config) error {
	err := uboot.Create(ctx, fsys, cfg, "a", map[string]string{"bootcmd": "run start"})
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// started is a device with an environment that was started from slot a.
func started(t testing.TB, cfg uboot.Config) (*powercut.Machine, *uboot.Env) {
	m := powercut.New()
	require.NoError(t, made(t.Context(), m.FS(), cfg))
	return m, opened(t, m.FS(), cfg, "a")
}

func opened(t testing.TB, fsys durable.FS, cfg uboot.Config, booted string) *uboot.Env {
	env, err := uboot.New(fsys, cfg, booted)
	require.NoError(t, err)
	return env
}

// say tells the states in one line.
func say(states []update.SlotState) string {
	var text []string
	for _, s := range states {
		word := s.Name + " bad"
		switch {
		case s.Good:
			word = s.Name + " good"
		case s.Tries > 0:
			word = fmt.Sprintf("%s trial %d", s.Name, s.Tries)
		}
		if s.Next {
			word += " next"
		}
		text = append(text, word)
	}
	return strings.Join(text, ", ")
}

func stateOf(t testing.TB, env *uboot.Env) string {
	states, err := env.State(t.Context())
	require.NoError(t, err)
	return say(states)
}

// flip changes one byte of a file, as a medium that rots.
func flip(t testing.TB, fsys durable.FS, name string, off int64) {
	f, err := fsys.Open(name, durable.ReadWrite)
	require.NoError(t, err)
	b := make([]byte, 1)
	_, err = f.ReadAt(b, off)
	require.NoError(t, err)
	b[0] ^= 0x40
	_, err = f.WriteAt(b, off)
	require.NoError(t, err)
	require.NoError(t, f.Sync())
	require.NoError(t, f.Close())
}
