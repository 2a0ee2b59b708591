package httpsource

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/iot-device-baseline/baseline/update"
)

var errStalled = errors.New("server stalled")

// body reads what may come of an answer, and ends one that comes too slowly. Only
// waiting for the server counts: a caller that writes to flash in between may take
// its time.
type body struct {
	ctx    context.Context //nolint:containedctx // of the request, whose answer this is
	cancel context.CancelCauseFunc
	from   io.ReadCloser
	left   int64 // bytes that may still come
	exact  bool  // and must
	once   sync.Once

	stall  time.Duration
	timer  *time.Timer   // cancels the request; runs during Read
	budget time.Duration // what may still be waited for
	came   int           // bytes for which budget was given
}

func newBody(ctx context.Context, cancel context.CancelCauseFunc, from io.ReadCloser, a answer, stall time.Duration) *body {
	b := &body{ctx: ctx, cancel: cancel, from: from, left: a.limit, exact: a.exact, stall: stall, budget: stall}
	b.timer = time.AfterFunc(stall, func() { cancel(errStalled) })
	b.timer.Stop()
	return b
}

func (b *body) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	if b.ctx.Err() != nil { // bytes may still wait in a buffer
		return 0, fmt.Errorf("httpsource: read: %w: %w", update.ErrUnavailable, context.Cause(b.ctx))
	}
	n, err := b.timed(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, io.EOF) && b.exact && b.left > 0:
		return n, io.ErrUnexpectedEOF
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return n, err
	case b.ctx.Err() != nil:
		err = context.Cause(b.ctx)
	}
	return n, fmt.Errorf("httpsource: read: %w: %w", update.ErrUnavailable, err)
}

// timed reads within the budget, which every pace bytes make whole again.
func (b *body) timed(p []byte) (int, error) {
	began := time.Now()
	b.timer.Reset(b.budget)
	n, err := b.from.Read(p)
	b.timer.Stop()
	b.budget = max(1, b.budget-time.Since(began))
	if b.came += n; b.came >= pace {
		b.came, b.budget = 0, b.stall
	}
	return n, err
}

// Close ends the request, also one that is under way.
func (b *body) Close() (err error) {
	b.once.Do(func() {
		b.timer.Stop()
		b.cancel(nil)
		err = b.from.Close()
	})
	return err
}
