package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/iot-device-baseline/baseline/access"
)

// host is the machine under the program: a restart is the end of the program with
// the status that asks for one.
type host struct {
	once    sync.Once
	restart chan string // closed by the first request, after the reason
}

func newHost() *host { return &host{restart: make(chan string, 1)} }

// Restart implements update.Host.
func (h *host) Restart(_ context.Context, reason string) error {
	h.once.Do(func() {
		h.restart <- reason
		close(h.restart)
	})
	return nil
}

// Watchdog implements update.Host: this machine has none.
func (*host) Watchdog(time.Duration) error { return errors.ErrUnsupported }

// LinkUp implements update.Host.
func (*host) LinkUp() bool { return true }

// watched shows the events of the log at the service port, besides keeping them.
type watched struct {
	slog.Handler
	tell func(message)
}

// Handle implements [slog.Handler].
func (w watched) Handle(ctx context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool {
		if c := access.ClassOf(a.Key); c == access.ClassPublic || c == access.ClassDevice {
			text += " " + a.String()
		}
		return true
	})
	w.tell(message{Event: text})
	return w.Handler.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (w watched) WithAttrs(attrs []slog.Attr) slog.Handler {
	return watched{w.Handler.WithAttrs(attrs), w.tell}
}

// WithGroup implements [slog.Handler].
func (w watched) WithGroup(name string) slog.Handler {
	return watched{w.Handler.WithGroup(name), w.tell}
}

// Unwrap returns the handler that keeps, for eventlog.Sync.
func (w watched) Unwrap() slog.Handler { return w.Handler }
