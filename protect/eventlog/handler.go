package eventlog

import (
	"context"
	"log/slog"
	"slices"

	"github.com/iot-device-baseline/baseline/access"
)

// The limits of one record. What is beyond is dropped and counted.
const (
	maxAttrs  = 32
	maxGroups = 4
	maxLine   = 8 << 10 // bytes of the line that is a leaf, and of what is held with it
	maxBody   = 3 << 10 // bytes of attributes, in each of the two
)

// attr is an attribute whose groups stand before its key: "peer." and "entity".
type attr struct {
	group, key string
	value      slog.Value
	class      access.Class
}

// handler is the [slog.Handler] of a Log.
type handler struct {
	log     *Log
	attrs   []attr
	dropped int
	group   string // with a dot behind each
	depth   int    // of groups; maxGroups+1 when nothing can come any more
}

// Handler returns the handler to make a [slog.Logger] with. Its Handle returns what
// went wrong, which slog drops; [Sync] returns it.
func (l *Log) Handler() slog.Handler { return &handler{log: l} }

func (h *handler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= LevelAudit || level >= h.log.settings.Load().least()
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := *h
	next.attrs = slices.Clone(h.attrs)
	for _, a := range attrs {
		next.attrs = next.add(next.attrs, &next.dropped, next.group, next.depth, a)
	}
	return &next
}

func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	next := *h
	next.group, next.depth = join(h.group, h.depth, name)
	return &next
}

// join puts a group behind others.
func join(group string, depth int, name string) (string, int) {
	if depth >= maxGroups || !validKey(name) {
		return group, maxGroups + 1
	}
	return group + name + ".", depth + 1
}

// Handle keeps a record. It does not end with ctx: what happened in a request that
// was given up has happened.
func (h *handler) Handle(_ context.Context, r slog.Record) error {
	e := h.log.encoder()
	e.attrs = append(e.attrs[:0], h.attrs...)
	dropped := h.dropped
	r.Attrs(func(a slog.Attr) bool {
		e.attrs = h.add(e.attrs, &dropped, h.group, h.depth, a)
		return true
	})
	event := r.Message
	if !validEvent(event) {
		event = unnamed
		dropped++
	}
	e.encode(r.Level, event, dropped, "")
	err := h.log.keep(e, r.Time, r.Level, event)
	h.log.encoders.Put(e)
	return err
}

// add puts a, or what is in it, into list. Secrets and what has no class are dropped.
// Of two with one key the later is kept: it is the nearer one.
func (h *handler) add(list []attr, dropped *int, group string, depth int, a slog.Attr) []attr {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			group, depth = join(group, depth, a.Key)
		}
		for _, inner := range v.Group() {
			list = h.add(list, dropped, group, depth, inner)
		}
		return list
	}
	if a.Key == "" && v.Equal(slog.Value{}) {
		return list
	}
	class := h.log.keys.class(a.Key)
	if class == access.ClassSecret || depth > maxGroups || !plain(v) {
		*dropped++
		return list
	}
	for i := range list {
		if list[i].key == a.Key && list[i].group == group {
			list[i].value = v
			*dropped++
			return list
		}
	}
	if len(list) == maxAttrs {
		*dropped++
		return list
	}
	return append(list, attr{group: group, key: a.Key, value: v, class: class})
}

// plain reports whether appendValue can write v.
func plain(v slog.Value) bool {
	switch v.Kind() {
	case slog.KindString, slog.KindInt64, slog.KindUint64, slog.KindFloat64, slog.KindBool, slog.KindDuration:
		return true
	case slog.KindTime:
		return inRange(v.Time().UTC())
	}
	return false
}
