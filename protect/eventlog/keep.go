package eventlog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
)

// Records below LevelAudit are on the medium at the latest after so many more, or,
// while Run runs, so much later.
const (
	maxWaiting = 256
	maxDelay   = time.Second
)

// keep appends what e holds, and syncs when the record asks for it. An error is
// kept for Sync as well.
func (l *Log) keep(e *encoder, at time.Time, level slog.Level, event string) error {
	l.mu.Lock()
	t, quality := l.now(at)
	err := l.append(e, t, quality, level, event)
	if err == nil {
		err = l.follow()
	}
	waiting, over := l.next-l.synced, l.excess() > 0
	if err != nil {
		l.failedLocked(err)
	}
	l.mu.Unlock()
	switch {
	case err != nil:
		return err
	case over:
		l.makeRoom(context.Background()) // syncs
	case level >= LevelAudit || waiting >= maxWaiting:
	default:
		l.rouse()
		return nil
	}
	return l.persist()
}

// persist makes everything durable, and the anchor if it is due.
func (l *Log) persist() error {
	if err := l.flush(); err != nil {
		return err
	}
	if l.followAnchor(context.Background()) {
		l.rouse() // Run writes it when it is time
	}
	return nil
}

func (l *Log) rouse() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// important says which records the policy on full storage does not apply to.
func important(level slog.Level, event string) bool {
	return level >= LevelAudit || event == access.EventLoginFailed
}

// anchors says which records ask for an anchor.
func anchors(level slog.Level, event string) bool {
	return level >= LevelAudit || event == EventCheckpoint
}

// append puts a record into the tree and appends it. Under l.mu.
func (l *Log) append(e *encoder, at time.Time, quality durable.Quality, level slog.Level, event string) error {
	frame, leaf := e.chain(&place{seq: l.next, time: at, quality: quality, prev: l.last})
	switch {
	case own(event):
	case l.closed:
		return l.refuse(fmt.Errorf("eventlog: append: %w", fs.ErrClosed))
	case l.size+len(frame) > l.opts.MaxSize && !important(level, event): // with Overwrite: nothing could be dropped
		return l.refuse(fmt.Errorf("eventlog: append: it has its %d bytes: %w", l.opts.MaxSize, ErrFull))
	}
	err := l.put(frame, level, event)
	if l.log.Next() == l.next {
		return l.refuse(err)
	}
	// It has its number, and will be there once a Sync succeeds, also after an error.
	l.next, l.last = l.next+1, leaf
	l.tree.add(leaf)
	l.grow(len(frame))
	l.mark(&l.tree, len(frame))
	if anchors(level, event) {
		l.important = l.next - 1
	}
	l.since++
	l.stats.add(e, level)
	return err
}

func (l *Log) put(frame []byte, level slog.Level, event string) error {
	ctx := context.Background()
	err := durable.ErrFull
	if event != EventFull {
		_, err = l.log.Append(ctx, frame)
	}
	if errors.Is(err, durable.ErrFull) && (important(level, event) || own(event)) {
		_, err = l.log.AppendReserved(ctx, frame)
	}
	if err != nil && errors.Is(err, durable.ErrFull) {
		return fmt.Errorf("eventlog: append: %w: %v", ErrFull, err)
	}
	if err != nil {
		return fmt.Errorf("eventlog: append: %w", err)
	}
	return nil
}

// own are the few events of the log's own that are kept whatever the policy.
func own(event string) bool {
	return event == EventLost || event == EventFull || event == EventClosed || event == EventCheckpoint
}

func (l *Log) refuse(cause error) error {
	l.lost++
	l.stats.Lost++
	return cause
}

// follow appends what the record just appended makes due. Under l.mu.
func (l *Log) follow() error {
	if lost := l.lost; lost > 0 {
		l.lost = 0
		if err := l.note(EventLost, slog.LevelError, counting(lost)); err != nil {
			l.lost += lost - 1 // what told of it failed itself, and was counted
			return err
		}
	}
	if l.since >= l.opts.CheckpointEvery {
		return l.sign()
	}
	return nil
}

func counting(n uint64) attr {
	return attr{key: access.KeyCount, value: slog.Uint64Value(n), class: access.ClassOf(access.KeyCount)}
}

// note appends an event of the log's own. Under l.mu.
func (l *Log) note(event string, level slog.Level, attrs ...attr) error {
	e := l.encoder()
	e.attrs = append(e.attrs[:0], attrs...)
	e.encode(level, event, 0, "")
	t, quality := l.now(time.Now())
	err := l.append(e, t, quality, level, event)
	l.encoders.Put(e)
	return err
}

// audit appends an event of the log's own that is on the medium when it returns nil.
func (l *Log) audit(event string, attrs ...attr) error {
	e := l.encoder()
	e.attrs = append(e.attrs[:0], attrs...)
	e.encode(LevelAudit, event, 0, "")
	err := l.keep(e, time.Now(), LevelAudit, event)
	l.encoders.Put(e)
	return err
}
