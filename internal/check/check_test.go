package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestChoose(t *testing.T) {
	all, err := choose(nil)
	require.NoError(t, err)
	assert.Len(t, all, len(steps))
	two, err := choose([]string{"law", "law"})
	require.NoError(t, err)
	require.Len(t, two, 2, "what it needs, and each once")
	assert.Equal(t, []string{"vet", "law"}, []string{two[0].name, two[1].name})
	_, err = choose([]string{"vet", "lawn"})
	require.ErrorContains(t, err, "no step lawn")
}

func TestReadCuts(t *testing.T) {
	got := map[string]cutReport{}
	err := readCuts(`=== RUN   TestPowerCut
    x_test.go:7: powercut: durable.put op=Dir.Put points=7/8 states=12 cuts=64 bad=3 tries=5
    x_test.go:7: powercut: durable.put: 3 bad:
    x_test.go:9: powercut: log op=Log.Append,Log.Sync points=2/2 states=1 cuts=4 bad=0 tries=0
ok  	example.com/x	0.1s
`, got)
	require.NoError(t, err)
	assert.Equal(t, map[string]cutReport{
		"durable.put": {"durable.put", 7, 8, 12, 64, 3, 5},
		"log":         {"log", 2, 2, 1, 4, 0, 0},
	}, got)

	line := "powercut: a op=b points=1/1 states=1 cuts=1 bad=0 tries=0\n"
	err = readCuts(line+line, map[string]cutReport{})
	require.ErrorContains(t, err, "two power-cut tests are named a")
}

func TestDevicesAreEmulatedWithoutCgo(t *testing.T) {
	c := onDevice("qemu-arm", "arm")
	assert.Contains(t, c.env, "CGO_ENABLED=0")
	assert.Contains(t, c.String(), "-exec=qemu-arm")
	for _, pkg := range []string{" ./durable/... ", " ./access ", " ./protect ", " ./config/..."} {
		assert.Contains(t, c.String(), pkg)
	}
}

// TestNeedsAreSteps: each step needs steps that there are, without a circle.
func TestNeedsAreSteps(t *testing.T) {
	for i, s := range steps {
		for _, need := range s.needs {
			assert.True(t, slices.ContainsFunc(steps[:i], func(s step) bool { return s.name == need }), "%s needs %s, before it", s.name, need)
		}
	}
}

func TestSchedule(t *testing.T) {
	list := []step{{name: "a"}, {name: "b", needs: []string{"a"}}, {name: "c"}, {name: "d", needs: []string{"b", "c"}}}
	var mu sync.Mutex
	var order []string
	fails := ""
	run := func(_ context.Context, s step) result {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, s.name)
		if s.name == fails {
			return result{err: errors.New("no")}
		}
		return result{}
	}
	require.NoError(t, schedule(t.Context(), list, run))
	require.Len(t, order, 4)
	assert.Less(t, slices.Index(order, "a"), slices.Index(order, "b"))
	assert.Equal(t, "d", order[3])

	order, fails = nil, "b"
	require.ErrorContains(t, schedule(t.Context(), list, run), "step b failed")
	assert.NotContains(t, order, "d", "nothing begins after a failure")

	require.ErrorContains(t, schedule(t.Context(), []step{{name: "x", needs: []string{"y"}}}, run), "step x needs")
}
