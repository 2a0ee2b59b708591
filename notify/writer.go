package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// WriterOptions are the options of [NewWriter].
type WriterOptions struct {
	// Text writes a line for people; without it a line is the notice's JSON.
	Text bool
}

// Writer is a [Notifier] that writes one line for each notice: to a console, a
// serial line, a file. A line holds no control character but the line feed at its
// end, whatever the notice holds.
//
// It cannot interrupt a Write that hangs: ctx is only looked at before it.
type Writer struct {
	opts WriterOptions
	mu   sync.Mutex
	w    io.Writer
}

// NewWriter returns a Writer to w, on which it makes one Write for each notice,
// one at a time.
func NewWriter(w io.Writer, opts *WriterOptions) *Writer {
	if opts == nil {
		opts = &WriterOptions{}
	}
	return &Writer{opts: *opts, w: w}
}

// Notify implements [Notifier].
func (w *Writer) Notify(ctx context.Context, n Notice) error {
	line, err := w.line(&n)
	if err != nil {
		return Permanent(fmt.Errorf("notify: write: %w", err))
	}
	if err := w.lock(ctx); err != nil {
		return err
	}
	defer w.mu.Unlock()
	if _, err := w.w.Write(line); err != nil {
		return fmt.Errorf("notify: write: %w", err)
	}
	return nil
}

func (w *Writer) lock(ctx context.Context) error {
	if ctx.Err() == nil {
		w.mu.Lock()
		if ctx.Err() == nil {
			return nil
		}
		w.mu.Unlock()
	}
	return fmt.Errorf("notify: write: %w", ctx.Err())
}

func (w *Writer) line(n *Notice) ([]byte, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	if w.opts.Text {
		return []byte(n.textLine() + "\n"), nil
	}
	line, err := json.Marshal(n)
	return append(line, '\n'), err
}

// textLine is n for people. Every text is quoted, so that none can be taken for a
// field, and a line feed shows as \n.
func (n *Notice) textLine() string {
	var b strings.Builder
	if !n.Last.IsZero() {
		b.WriteString(n.Last.UTC().Format(time.RFC3339) + " ")
	}
	b.WriteString(n.Severity.String() + " " + n.Type)
	field := func(name, value string) {
		if value != "" {
			b.WriteString(" " + name + "=" + value)
		}
	}
	quoted := func(name, value string) {
		if value != "" {
			field(name, strconv.Quote(value))
		}
	}
	field("id", n.ID)
	field("key", n.Key)
	if !n.Active() {
		field("resolved", n.Resolved.UTC().Format(time.RFC3339))
	}
	if n.Count > 1 {
		field("count", strconv.Itoa(n.Count))
	}
	quoted("title", n.Title)
	quoted("text", n.Text)
	for _, key := range slices.Sorted(maps.Keys(n.Data)) {
		quoted("data."+key, n.Data[key])
	}
	return b.String()
}
