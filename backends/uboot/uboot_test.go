package uboot_test

import (
	"context"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/uboot"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/update"
)

// TestLife is one trial that is confirmed, and one that is not.
func TestLife(t *testing.T) {
	for name, cfg := range layouts() {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			m, env := started(t, cfg)
			choose := func() string {
				slot, err := uboot.Choose(ctx, m.FS(), cfg)
				require.NoError(t, err)
				return slot
			}
			require.Equal(t, "a good next, b bad", stateOf(t, env))
			require.NoError(t, env.Try(ctx, "b", 2))
			require.Equal(t, "a good, b trial 2 next", stateOf(t, env))
			require.Equal(t, "b", choose())
			env = opened(t, m.FS(), cfg, "b")
			require.ErrorIs(t, env.SetBad(ctx, "b"), update.ErrRunning)
			require.NoError(t, env.MarkGood(ctx, "b"))
			require.Equal(t, "a good, b good next", stateOf(t, env))
			for range 20 {
				require.Equal(t, "b", choose(), "a good slot is not counted")
			}
			require.NoError(t, env.SetBad(ctx, "a"))
			require.NoError(t, env.Try(ctx, "a", 2))
			require.Equal(t, []string{"a", "a", "b", "b"}, []string{choose(), choose(), choose(), choose()})
			require.Equal(t, "a bad, b good next", stateOf(t, env))
		})
	}
}

// TestBackFromTrial: the running slot gives up.
func TestBackFromTrial(t *testing.T) {
	ctx := t.Context()
	m, env := started(t, oneFile())
	require.NoError(t, env.Try(ctx, "b", 9))
	slot, err := uboot.Choose(ctx, m.FS(), oneFile())
	require.NoError(t, err)
	env = opened(t, m.FS(), oneFile(), slot)
	require.NoError(t, env.MarkGood(ctx, "a"))
	assert.Equal(t, "a good next, b bad", stateOf(t, env))
}

func TestRefused(t *testing.T) {
	ctx := t.Context()
	_, env := started(t, oneFile())
	for _, tries := range []int{-1, 0, uboot.MaxTries + 1} {
		assert.ErrorIs(t, env.Try(ctx, "b", tries), fs.ErrInvalid)
	}
	assert.ErrorIs(t, env.Try(ctx, "a", 1), fs.ErrInvalid, "nothing to come back to")
	assert.ErrorIs(t, env.Try(ctx, "c", 1), fs.ErrNotExist)
	assert.ErrorIs(t, env.SetBad(ctx, ""), fs.ErrNotExist)
	assert.ErrorIs(t, env.MarkGood(ctx, "a b"), fs.ErrNotExist)
	done, cancel := context.WithCancel(ctx)
	cancel()
	_, err := env.State(done)
	assert.ErrorIs(t, err, context.Canceled)
	_, err = env.Booted(done)
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorIs(t, env.MarkGood(done, "a"), context.Canceled)
	assert.ErrorIs(t, env.Health(done), context.Canceled)
	assert.Equal(t, "a good next, b bad", stateOf(t, env))
}

func TestNoSlot(t *testing.T) {
	ctx := t.Context()
	m, _ := started(t, oneFile())
	require.NoError(t, opened(t, m.FS(), oneFile(), "b").SetBad(ctx, "a"))
	_, err := uboot.Choose(ctx, m.FS(), oneFile())
	assert.ErrorIs(t, err, uboot.ErrNoSlot)
}

func TestConfig(t *testing.T) {
	ok := oneFile()
	for name, change := range map[string]func(*uboot.Config){
		"no size":            func(c *uboot.Config) { c.Size = 0 },
		"odd size":           func(c *uboot.Config) { c.Size = 1000 },
		"large":              func(c *uboot.Config) { c.Size = uboot.MaxSize + 512 },
		"no file":            func(c *uboot.Config) { c.Primary.File = "" },
		"out of the tree":    func(c *uboot.Config) { c.Redundant.File = "../env" },
		"the tree":           func(c *uboot.Config) { c.Redundant.File = "." },
		"negative offset":    func(c *uboot.Config) { c.Primary.Offset = -512 },
		"odd offset":         func(c *uboot.Config) { c.Primary.Offset = 100 },
		"far offset":         func(c *uboot.Config) { c.Primary.Offset = 1 << 50 },
		"one copy":           func(c *uboot.Config) { c.Redundant = c.Primary },
		"overlap":            func(c *uboot.Config) { c.Redundant.Offset = c.Primary.Offset + 512 },
		"overlap before":     func(c *uboot.Config) { c.Primary.Offset = c.Redundant.Offset + 512 },
		"one slot":           func(c *uboot.Config) { c.Slots = []string{"a"} },
		"slots alike":        func(c *uboot.Config) { c.Slots = []string{"a", "a"} },
		"slot with a space":  func(c *uboot.Config) { c.Slots = []string{"a", "b c"} },
		"slot with a long n": func(c *uboot.Config) { c.Slots = []string{"a", strings.Repeat("b", 17)} },
	} {
		cfg := ok
		change(&cfg)
		_, err := uboot.New(powercut.New().FS(), cfg, "a")
		assert.ErrorIs(t, err, fs.ErrInvalid, name)
		_, err = uboot.Choose(t.Context(), powercut.New().FS(), cfg)
		assert.ErrorIs(t, err, fs.ErrInvalid, name)
	}
	_, err := uboot.New(powercut.New().FS(), ok, "c")
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestCreate(t *testing.T) {
	ctx, m := t.Context(), powercut.New()
	create := func(vars map[string]string) error { return uboot.Create(ctx, m.FS(), oneFile(), "b", vars) }
	for _, vars := range []map[string]string{
		{"": "x"}, {"a b": "x"}, {"a=b": "x"}, {"x": ""}, {"x": "a\x00b"}, {"BOOT_ORDER": "a"}, {"BOOT_a_STATE": "good"}, {strings.Repeat("n", 256): "x"},
	} {
		assert.ErrorIs(t, create(vars), fs.ErrInvalid, "%q", vars)
	}
	assert.ErrorIs(t, create(map[string]string{"x": strings.Repeat("y", 1000)}), durable.ErrFull)
	assert.Empty(t, m.Files(), "nothing was written")
	require.NoError(t, create(map[string]string{"x": "a=b"}))
	assert.Equal(t, "a bad, b good next", stateOf(t, opened(t, m.FS(), oneFile(), "b")))
	assert.ErrorIs(t, create(nil), fs.ErrExist)
	assert.ErrorIs(t, uboot.Create(ctx, m.FS(), oneFile(), "c", nil), fs.ErrNotExist)
}

// TestFull: what does not fit changes nothing.
func TestFull(t *testing.T) {
	ctx, m := t.Context(), powercut.New()
	cfg := oneFile()
	cfg.Size = 512
	// The table takes 53 bytes and grows by 18 with a trial.
	require.NoError(t, uboot.Create(ctx, m.FS(), cfg, "a", map[string]string{"x": strings.Repeat("y", 445)}))
	env := opened(t, m.FS(), cfg, "a")
	require.ErrorIs(t, env.Try(ctx, "b", 3), durable.ErrFull)
	assert.Equal(t, "a good next, b bad", stateOf(t, env))
	assert.NoError(t, env.Health(ctx))
}
