package powercut

import (
	"os"
	"testing"
)

// breakage is how Sync of a machine lies; "" is not at all.
type breakage string

const (
	noFileSync breakage = "nofsync"
	noDirSync  breakage = "nodirsync"
	swapSync   breakage = "swap"
)

// breakEnv is the environment variable that breaks every Sync of Run and Explore.
const breakEnv = "POWERCUT_BREAK"

// keeps returns how many of the pending operations a Sync really keeps.
func (b breakage) keeps(kind string, pending int) int {
	switch {
	case b == noFileSync && kind == "sync", b == noDirSync && kind == "syncdir":
		return 0
	case b == swapSync:
		return max(0, pending-1)
	}
	return pending
}

func breakageFromEnv(t *testing.T) breakage {
	t.Helper()
	b := breakage(os.Getenv(breakEnv))
	switch b {
	case "", noFileSync, noDirSync, swapSync:
	default:
		t.Fatalf("powercut: %s=%q: want %s, %s or %s", breakEnv, b, noFileSync, noDirSync, swapSync)
	}
	return b
}
