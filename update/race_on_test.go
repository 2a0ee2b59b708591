//go:build race

package update_test

const raceEnabled = true
