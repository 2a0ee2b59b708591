package protect_test

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/cryptotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
)

// found is what a search through all histories of an erasure found.
type found struct{ states, brick, readable int }

// TestErasureProtocols drives the real Vault through every pair of power cuts: in
// an erasure of bob and then in one of alice, which is at last carried out. The
// attacker keeps every value ever written. The right protocol neither bricks nor
// leaves alice readable; the wrong ones, which a seam switches in, are caught.
func TestErasureProtocols(t *testing.T) {
	two := explore(t, protect.TwoAdvances)
	one := explore(t, protect.OneAdvance)
	kill := explore(t, protect.KillThenSeal)
	for _, r := range []struct {
		name string
		found
	}{{"two-advances", two}, {"one-advance", one}, {"kill-then-seal", kill}} {
		t.Logf("protocol=%s states=%d brick=%d erased-readable=%d", r.name, r.states, r.brick, r.readable)
	}
	assert.Greater(t, two.states, 100)
	assert.Zero(t, two.brick)
	assert.Zero(t, two.readable)
	assert.Positive(t, one.readable, "one advance: a table prepared and abandoned opens")
	assert.Positive(t, kill.brick, "kill then seal: a cut between loses everything")
}

// history is a machine at rest and what an attacker has seen of it.
type history struct {
	m *powercut.Machine
	a *attacker
}

func (h history) clone() history {
	return history{h.m.Clone(), &attacker{headers: h.a.headers, values: maps.Clone(h.a.values)}}
}

func explore(t *testing.T, p protect.Protocol) (f found) {
	ctx, opts := somebody(t.Context()), protect.WithProtocol(p)
	m, _ := device(t, token, opts)
	m.Settle()
	start := history{m, newAttacker()}
	start.a.take(t, m.Files())
	cryptotest.SetGlobalRandom(t, 1)
	for _, afterBob := range cuts(t, start, opts, "bob") {
		for _, afterAlice := range cuts(t, afterBob, opts, "alice") {
			f.states++
			h := afterAlice.clone()
			v, err := openTapped(ctx, h.m, h.a, opts)
			if err != nil {
				f.brick++
				continue
			}
			if _, err := v.Erase(ctx, "alice"); err != nil {
				require.NotErrorIs(t, err, powercut.ErrPower)
				f.brick++
				continue
			}
			if texts, _ := h.a.reads(ctx, tokenOf(ctx, h.m)); texts["of alice"] {
				f.readable++
			}
		}
	}
	return f
}

// cuts returns the device after a power cut before each step of an erasure, with
// nothing and with everything of what was pending on the disk. Randomness is
// seeded, so that equal states are equal; of those, the attacker who saw most is
// kept: what is written up to a later cut includes what is written up to an earlier.
func cuts(t *testing.T, from history, opts *protect.Options, who string) []history {
	ctx, distinct := somebody(t.Context()), map[[32]byte]history{}
	for n := 0; ; n++ {
		h := from.clone()
		h.m.Cut(n)
		cryptotest.SetGlobalRandom(t, uint64(len(who)))
		if v, err := openTapped(ctx, h.m, h.a, opts); err == nil {
			_, _ = v.Erase(ctx, who) // the power is cut in it
		}
		off := h.m.Step("probe", "power") != nil
		settled := h.clone()
		h.m.Drop()
		settled.m.Settle()
		distinct[fingerprint(h.m)] = h
		distinct[fingerprint(settled.m)] = settled
		if !off {
			return slices.Collect(maps.Values(distinct))
		}
	}
}

func fingerprint(m *powercut.Machine) [32]byte {
	files := m.Files()
	text := string(m.Load("token", "state"))
	for _, name := range slices.Sorted(maps.Keys(files)) {
		text += fmt.Sprintf("%q %q ", name, files[name])
	}
	return sha256.Sum256([]byte(text))
}
