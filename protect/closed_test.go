package protect_test

import (
	"context"
	"testing"
	"testing/cryptotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable/powercut"
)

func eraseAlice(ctx context.Context, m *powercut.Machine, store keyStore) error {
	v, err := open(ctx, m, store, few())
	if err != nil {
		return err
	}
	_, err = v.Erase(ctx, "alice")
	return err
}

// imagesOfErase returns the disk as it may be found at every step of an erasure
// of alice on m, which itself does not change. Randomness is seeded: they are the
// very images of the erasure that is done afterwards with the same seed.
func imagesOfErase(t *testing.T, m *powercut.Machine, seed uint64) []powercut.Image {
	ctx := somebody(t.Context())
	images := []powercut.Image{m.Image()}
	for n := 0; ; n++ {
		c := m.Clone()
		c.Cut(n)
		cryptotest.SetGlobalRandom(t, seed)
		err := eraseAlice(ctx, c, token)
		off := c.Step("probe", "power") != nil
		for _, s := range c.Survivors() {
			images = append(images, s.Machine.Image())
		}
		images = append(images, c.Image())
		if !off {
			require.NoError(t, err)
			return images
		}
	}
}

// readsLetter says what becomes of alice's letter on a machine: its text, or "".
func readsLetter(ctx context.Context, m *powercut.Machine, store keyStore, who string) (string, error) {
	v, err := open(ctx, m, store, few())
	if err != nil {
		return "", err
	}
	c, err := v.Subject(ctx, who)
	if err != nil {
		return "", err
	}
	letter, err := c.Get(ctx, "letter")
	return string(letter), err
}

// TestErasedImageStaysClosed: who keeps images of the disk from before, within and
// after an erasure, and the token as it is now, does not read what was erased
// (PROTOCOLS 1).
func TestErasedImageStaysClosed(t *testing.T) {
	ctx, seed := somebody(t.Context()), uint64(42)
	m, _ := device(t, token, few())
	m.Settle()
	before := m.Image()
	images := imagesOfErase(t, m, seed)

	then := m.Clone() // the token as it was then
	then.Restore(before)
	letter, err := readsLetter(ctx, then, token, "alice")
	require.NoError(t, err)
	require.Equal(t, "of alice", letter)
	control := "opens"
	hasAll := newAttacker()
	for _, img := range images {
		c := m.Clone()
		c.Restore(img)
		hasAll.take(t, c.Files())
	}
	texts, _ := hasAll.reads(ctx, tokenOf(ctx, then))
	require.True(t, texts["of alice"], "the attacker can read, with the token as it was")

	cryptotest.SetGlobalRandom(t, seed)
	require.NoError(t, eraseAlice(ctx, m, token))
	hasAll.take(t, m.Files())

	raw := "refused"
	texts, tables := hasAll.reads(ctx, tokenOf(ctx, m))
	if texts["of alice"] {
		raw = "opens"
	}
	assert.Equal(t, 1, tables, "only the live key table opens")
	assert.True(t, texts["of bob"], "the attacker can read what was not erased")

	vault, refused, empty := "refused", 0, 0
	for _, img := range images {
		c := m.Clone()
		c.Restore(img)
		letter, err := readsLetter(ctx, c, token, "alice")
		switch {
		case letter != "":
			vault = "opens"
		case notThere(err):
			empty++ // the newest table, without alice
		default:
			require.True(t, isSentinel(err), "%v", err)
			refused++
		}
	}
	assert.Positive(t, refused)

	neighbour := "refused"
	if letter, err = readsLetter(ctx, m, token, "bob"); err == nil && letter == "of bob" {
		neighbour = "opens"
	}
	t.Logf("control=%s raw=%s vault=%s neighbour=%s", control, raw, vault, neighbour)
	t.Logf("images=%d refused=%d without-alice=%d", len(images), refused, empty)
	assert.Equal(t, [4]string{"opens", "refused", "refused", "opens"}, [4]string{control, raw, vault, neighbour})
}

// TestSoftkeysErasureIsHonest: with keys in software an old image opens, and the
// method and the report say so.
func TestSoftkeysErasureIsHonest(t *testing.T) {
	ctx := somebody(t.Context())
	m, _ := device(t, software, few())
	m.Settle()
	before := m.Image()
	v, err := open(ctx, m, software, few())
	require.NoError(t, err)
	method, err := v.Erase(ctx, "alice")
	require.NoError(t, err)
	require.NoError(t, v.Subjects().Verify(ctx, "alice"))
	assert.Equal(t, "clear: live copies only", string(method))
	report := v.Report(ctx)
	assert.Equal(t, method, report.Erasure)
	assert.Contains(t, report.String(), "clear: live copies only")
	assert.Contains(t, report.String(), "software: whoever reads the disk has the keys")

	m.Restore(before)
	v, err = open(ctx, m, software, few())
	require.NoError(t, err)
	c, err := v.Subject(ctx, "alice")
	require.NoError(t, err)
	letter, err := c.Get(ctx, "letter")
	require.NoError(t, err, "an old image opens by nature")
	assert.Equal(t, "of alice", string(letter))
	t.Logf("image=opens method=%q", method)
}
