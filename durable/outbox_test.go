package durable_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
)

func openOutbox(t *testing.T, d *durable.Dir, opts *durable.OutboxOptions) *durable.Outbox {
	t.Helper()
	o, err := durable.OpenOutbox(t.Context(), d, "box", opts)
	require.NoError(t, err)
	return o
}

func TestOutboxDelivers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, _ := openMem(t)
		o := openOutbox(t, d, nil)
		for i := range 40 {
			id, err := o.Add(t.Context(), fmt.Appendf(nil, "m%d", i))
			require.NoError(t, err)
			assert.Equal(t, uint64(i+1), id)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var got []string
		ended := make(chan error, 1)
		go func() {
			ended <- o.Run(ctx, func(_ context.Context, id uint64, msg []byte) error {
				got = append(got, fmt.Sprintf("%d:%s", id, msg))
				return nil
			})
		}()
		synctest.Wait()
		assert.Len(t, got, 40)
		assert.Zero(t, o.Pending())
		_, err := o.Add(t.Context(), []byte("late"))
		require.NoError(t, err)
		synctest.Wait()
		assert.Equal(t, "41:late", got[40])
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
		require.NoError(t, o.Close())
		require.NoError(t, o.Close())

		o = openOutbox(t, d, nil)
		assert.Zero(t, o.Pending(), "the cursor was kept")
		assert.Equal(t, uint64(41), o.Last())
	})
}

func TestOutboxRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, _ := openMem(t)
		o := openOutbox(t, d, &durable.OutboxOptions{MinDelay: time.Second, MaxDelay: time.Minute})
		for _, m := range []string{"flaky", "refused", "later", "last"} {
			_, err := o.Add(t.Context(), []byte(m))
			require.NoError(t, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		start := time.Now()
		tries := map[string][]time.Duration{}
		ids := map[uint64]bool{}
		go o.Run(ctx, func(_ context.Context, id uint64, msg []byte) error {
			m := string(msg)
			ids[id] = true
			tries[m] = append(tries[m], time.Since(start))
			switch {
			case m == "flaky" && len(tries[m]) < 12:
				return errors.New("unreachable")
			case m == "refused":
				return durable.Permanent(errors.New("unknown address"))
			case m == "later" && len(tries[m]) == 1:
				return durable.RetryAfter(errors.New("busy"), 30*time.Second)
			}
			return nil
		})
		time.Sleep(time.Hour)
		cancel()
		synctest.Wait()
		assert.Len(t, tries["flaky"], 12)
		for i, gap := 1, time.Duration(0); i < 12; i++ {
			gap = tries["flaky"][i] - tries["flaky"][i-1]
			limit := min(time.Second<<(i-1), time.Minute)
			assert.GreaterOrEqual(t, gap, limit/2)
			assert.LessOrEqual(t, gap, limit)
		}
		assert.Len(t, tries["refused"], 1)
		assert.GreaterOrEqual(t, tries["later"][1]-tries["later"][0], 30*time.Second)
		assert.Len(t, tries["last"], 1)
		assert.Len(t, ids, 4, "the id is stable")
		assert.Equal(t, durable.OutboxStats{Added: 4, Delivered: 3, Retried: 12, Dropped: 1}, o.Stats())
	})
}

func TestOutboxOverflowIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, _ := openMem(t)
		o := openOutbox(t, d, &durable.OutboxOptions{Limit: 3})
		for i := range 10 {
			_, err := o.Add(t.Context(), fmt.Appendf(nil, "%d", i))
			require.NoError(t, err)
		}
		assert.Equal(t, 3, o.Pending())
		assert.Equal(t, 7, o.Stats().Overflowed)
		ctx, cancel := context.WithCancel(t.Context())
		var got []string
		go o.Run(ctx, func(_ context.Context, _ uint64, msg []byte) error { got = append(got, string(msg)); return nil })
		synctest.Wait()
		cancel()
		synctest.Wait()
		assert.Equal(t, []string{"7", "8", "9"}, got)
	})
}

func TestOutboxDamagedCursorDeliversAgain(t *testing.T) {
	ctx := t.Context()
	d, _ := openMem(t)
	o := openOutbox(t, d, nil)
	_, err := o.Add(ctx, []byte("m"))
	require.NoError(t, err)
	require.NoError(t, o.Close())
	require.NoError(t, d.Put(ctx, "box-cursor", []byte("damage")))
	o = openOutbox(t, d, nil)
	assert.Equal(t, 1, o.Pending())
	require.NoError(t, o.Close())
}

func TestErrorClasses(t *testing.T) {
	cause := errors.New("cause")
	assert.NoError(t, durable.Permanent(nil))
	assert.NoError(t, durable.RetryAfter(nil, time.Second))
	require.ErrorIs(t, durable.Permanent(cause), cause)
	require.ErrorIs(t, durable.RetryAfter(cause, time.Second), cause)
	assert.EqualError(t, durable.RetryAfter(cause, time.Second), "cause (retry after 1s)")
}
