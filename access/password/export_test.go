package password

import "time"

// Occupy takes one slot of h until release is called.
func Occupy(h *Hasher) (release func()) {
	h.slots <- struct{}{}
	return func() { <-h.slots }
}

// ReadPHC parses s and writes it again.
func ReadPHC(s string) (string, Params, error) {
	h, err := parsePHC(s)
	return h.String(), h.Params, err
}

// CalibrateWith is Calibrate on a device that takes the time that measure says.
func CalibrateWith(target time.Duration, memory int, measure func(Params) time.Duration) Params {
	return calibrate(target, memory, measure)
}
