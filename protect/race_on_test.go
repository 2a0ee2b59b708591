//go:build race

package protect_test

const raceEnabled = true
