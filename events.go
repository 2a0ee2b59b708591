package baseline

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/notify"
)

// Events is a [slog.Handler] that passes every record on, and turns those events
// that people should know of into notices while a [Device] runs that was given it
// (Options.Events): a device taken into service or given away, tampering, an
// erasure, a reset, an update. Parts log; they do not raise such notices.
//
// What a notice tells of a record is its event and the attributes whose keys are
// for everybody or about the device ([access.ClassOf]); persons and secrets stay in
// the log. A value is told as it would be logged, and only if it is a text, a number,
// a truth value, a time or a duration: not a group, nor anything else.
//
// Notices wait until the Notifier is up, and those that it fails to raise are tried
// again, for hours. Handle never waits: when 64 notices are waiting, further ones
// are dropped and counted. It may be used concurrently, but by one running Device.
type Events struct {
	next  slog.Handler
	attrs []slog.Attr
	sink  *sink
}

// NewEvents returns a handler before next.
func NewEvents(next slog.Handler) *Events {
	return &Events{next: next, sink: &sink{wake: make(chan struct{}, 1)}}
}

// told are the events that become notices.
var told = map[string]struct {
	severity notify.Severity
	title    string
}{
	access.EventCommissioned:    {notify.Info, "The device was taken into service"},
	access.EventOwnershipEnded:  {notify.Warning, "The device has no owner any more"},
	access.EventPresence:        {notify.Info, "Somebody proved to be at the device"},
	access.EventMandateResumed:  {notify.Warning, "An interrupted order is being carried out"},
	access.EventTampered:        {notify.Critical, "Stored data was changed from outside"},
	access.EventSoftwareAltered: {notify.Critical, "The software of the device was changed from outside"},
	access.EventUnanswered:      {notify.Critical, "What is to be done about changed software could not be done"},
	access.EventKeysRotated:     {notify.Info, "The keys of the device were replaced"},
	access.EventEraseDone:       {notify.Info, "User data was erased"},
	access.EventEraseFailed:     {notify.Critical, "User data could not be erased"},
	access.EventResetDone:       {notify.Warning, "The device was reset"},
	access.EventUpdateInstalled: {notify.Info, "New software is in service"},
	access.EventUpdateReverted:  {notify.Critical, "New software was given up for the version before"},
}

// Enabled implements [slog.Handler]: an event that becomes a notice is handled
// even where the log is not interested in its level.
func (e *Events) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements [slog.Handler].
func (e *Events) Handle(ctx context.Context, r slog.Record) error {
	if kind, ok := told[r.Message]; ok {
		n := notify.Notice{
			Type: r.Message, Severity: kind.severity, Audience: notify.Owner, Title: kind.title, Data: map[string]string{},
			// Each is an occurrence of its own: a second tampering is not a repetition.
			Key: fmt.Sprintf("%x-%x", r.Time.UnixMilli(), e.sink.count.Add(1)), Expires: 30 * 24 * time.Hour,
		}
		add := func(a slog.Attr) bool { return tell(n.Data, a) }
		for _, a := range e.attrs {
			add(a)
		}
		r.Attrs(add)
		e.sink.add(n)
	}
	if !e.next.Enabled(ctx, r.Level) {
		return nil
	}
	return e.next.Handle(ctx, r)
}

// tell adds an attribute that may leave the log.
func tell(data map[string]string, a slog.Attr) bool {
	switch access.ClassOf(a.Key) {
	case access.ClassPublic, access.ClassDevice:
		if value := plain(a.Value.Resolve()); value != "" && len(data) < 8 {
			data[a.Key] = value
		}
	}
	return true
}

// plain returns v in words, or "" if it is of a kind whose words could be anything:
// the key says nothing about what stands inside of a group or a structure.
func plain(v slog.Value) string {
	switch v.Kind() {
	case slog.KindString, slog.KindInt64, slog.KindUint64, slog.KindFloat64, slog.KindBool, slog.KindDuration, slog.KindTime:
		return notify.Clean(v.String(), 200)
	}
	return ""
}

// WithAttrs implements [slog.Handler].
func (e *Events) WithAttrs(attrs []slog.Attr) slog.Handler {
	all := append(append([]slog.Attr(nil), e.attrs...), attrs...)
	return &Events{next: e.next.WithAttrs(attrs), attrs: all, sink: e.sink}
}

// WithGroup implements [slog.Handler]. Attributes in a group are not of the
// vocabulary, and so never in a notice.
func (e *Events) WithGroup(name string) slog.Handler {
	return &grouped{next: e.next.WithGroup(name), whole: e}
}

// Unwrap returns the handler that records are passed on to: the log, for who has to
// know that it kept them.
func (e *Events) Unwrap() slog.Handler { return e.next }

// Dropped returns how many notices were lost because too many waited, or because they
// were given up: who raises them may not, or failed for too long.
func (e *Events) Dropped() int {
	e.sink.mu.Lock()
	defer e.sink.mu.Unlock()
	return e.sink.dropped
}

// grouped hides the attributes of a record from the notice.
type grouped struct {
	next  slog.Handler
	whole *Events
}

func (g *grouped) Enabled(context.Context, slog.Level) bool { return true }

func (g *grouped) Handle(ctx context.Context, r slog.Record) error {
	bare := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	alone := &Events{next: slog.DiscardHandler, attrs: g.whole.attrs, sink: g.whole.sink}
	if err := alone.Handle(ctx, bare); err != nil {
		return err
	}
	if !g.next.Enabled(ctx, r.Level) {
		return nil
	}
	return g.next.Handle(ctx, r)
}

func (g *grouped) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &grouped{next: g.next.WithAttrs(attrs), whole: g.whole}
}

func (g *grouped) WithGroup(name string) slog.Handler {
	return &grouped{next: g.next.WithGroup(name), whole: g.whole}
}

// Unwrap is [Events.Unwrap] in a group.
func (g *grouped) Unwrap() slog.Handler { return g.next }
