//go:build race

package eventlog_test

// underRace: the detector finds nothing in one goroutine, and takes ten times as long.
const underRace = true
