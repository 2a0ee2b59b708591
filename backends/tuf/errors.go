package tuf

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/update"
)

// ExpiredError says that metadata has expired, by which time, and how far that time
// can be trusted: a clock that was merely set may be wrong, and a better source of
// time is worth asking. It is [update.ErrUntrusted].
type ExpiredError struct {
	Role    string
	Expires time.Time
	Now     time.Time
	Quality durable.Quality // of Now
}

func (e *ExpiredError) Error() string {
	return fmt.Sprintf("tuf: %s: expired %s; it is %s (%s)", printable(e.Role),
		e.Expires.UTC().Format(time.RFC3339), e.Now.UTC().Format(time.RFC3339), e.Quality)
}

// Unwrap returns [update.ErrUntrusted].
func (e *ExpiredError) Unwrap() error { return update.ErrUntrusted }

// untrusted is for metadata that does not verify. What go-tuf says of it may hold
// bytes from outside.
func untrusted(name string, cause error) error {
	if _, ok := errors.AsType[*ExpiredError](cause); ok {
		return cause
	}
	return fmt.Errorf("tuf: %s: %w: %s", printable(name), update.ErrUntrusted, printable(cause.Error()))
}

func unavailable(name string, cause error) error {
	if errors.Is(cause, update.ErrUnavailable) {
		return fmt.Errorf("tuf: %s: %w", printable(name), cause)
	}
	return fmt.Errorf("tuf: %s: %w: %w", printable(name), update.ErrUnavailable, cause)
}

func notOffered(path, why string) error {
	return fmt.Errorf("tuf: find %s: %w: %s", printable(path), update.ErrNotOffered, why)
}

// printable bounds text from outside and makes it fit for a log.
func printable(s string) string {
	const most = 200
	if len(s) > most {
		s = s[:most] + "..."
	}
	quoted := strconv.QuoteToASCII(s)
	if plain := quoted[1 : len(quoted)-1]; plain == s {
		return s
	}
	return quoted
}
