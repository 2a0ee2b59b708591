//go:build !race

package eventlog_test

const underRace = false
