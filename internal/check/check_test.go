package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestChoose(t *testing.T) {
	all, err := choose(nil)
	require.NoError(t, err)
	assert.Len(t, all, len(steps))
	two, err := choose([]string{"vet", "law"})
	require.NoError(t, err)
	assert.Equal(t, []string{"vet", "law"}, []string{two[0].name, two[1].name})
	_, err = choose([]string{"vet", "lawn"})
	require.ErrorContains(t, err, "no step lawn")
}

func TestReadCuts(t *testing.T) {
	got := map[string]cutReport{}
	err := readCuts(`=== RUN   TestPowerCut
    x_test.go:7: powercut: durable.put op=Dir.Put points=7/8 states=12 cuts=64 bad=3
    x_test.go:7: powercut: durable.put: 3 bad:
    x_test.go:9: powercut: log op=Log.Append,Log.Sync points=2/2 states=1 cuts=4 bad=0
ok  	example.com/x	0.1s
`, got)
	require.NoError(t, err)
	assert.Equal(t, map[string]cutReport{
		"durable.put": {"durable.put", 7, 8, 12, 64, 3},
		"log":         {"log", 2, 2, 1, 4, 0},
	}, got)

	line := "powercut: a op=b points=1/1 states=1 cuts=1 bad=0\n"
	err = readCuts(line+line, map[string]cutReport{})
	require.ErrorContains(t, err, "two power-cut tests are named a")
}

func TestDevicesAreEmulatedWithoutCgo(t *testing.T) {
	c := onDevice("qemu-arm", "arm")
	assert.Contains(t, c.env, "CGO_ENABLED=0")
	assert.Contains(t, c.String(), "-exec=qemu-arm")
	assert.Contains(t, c.String(), "./protect/...")
}
