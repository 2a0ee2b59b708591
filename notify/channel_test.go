package notify_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/notify"
)

func TestErrorClasses(t *testing.T) {
	cause := errors.New("cause")
	assert.NoError(t, notify.Permanent(nil))
	assert.NoError(t, notify.RetryAfter(nil, 1))
	assert.True(t, notify.IsPermanent(fmt.Errorf("x: %w", notify.Permanent(cause))))
	assert.False(t, notify.IsPermanent(cause))
	d, ok := notify.RetryDelay(fmt.Errorf("x: %w", notify.RetryAfter(cause, time.Minute)))
	assert.True(t, ok)
	assert.Equal(t, time.Minute, d)
	_, ok = notify.RetryDelay(cause)
	assert.False(t, ok)
	assert.ErrorIs(t, notify.Permanent(cause), cause)
}

func TestMemoryIsARing(t *testing.T) {
	m := notify.NewMemory(2)
	for i := range 3 {
		n := notice("a")
		n.ID, n.Sequence = "x", uint64(i+1)
		require.NoError(t, m.Notify(t.Context(), n))
		require.NoError(t, m.Notify(t.Context(), n), "a retry")
	}
	got := m.Notices()
	require.Len(t, got, 2)
	assert.EqualValues(t, 2, got[0].Sequence)
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("no paper") }

func TestWriter(t *testing.T) {
	n := notice("a")
	n.ID, n.Sequence, n.Count, n.Last, n.Resolved = "x1", 3, 2, someTime, someTime
	n.Text, n.Data = "one\ntwo \"quoted\"", map[string]string{"b": "2", "a": "1"}
	var text, lines strings.Builder
	require.NoError(t, notify.NewWriter(&text, &notify.WriterOptions{Text: true}).Notify(t.Context(), n))
	assert.Equal(t, `2026-05-04T03:02:01Z warning test.event id=x1 key=a resolved=2026-05-04T03:02:01Z count=2 `+
		`title="Something happened" text="one\ntwo \"quoted\"" data.a="1" data.b="2"`+"\n", text.String())
	require.NoError(t, notify.NewWriter(&lines, nil).Notify(t.Context(), n))
	back, err := notify.ParseNotice([]byte(lines.String()))
	require.NoError(t, err)
	assert.Equal(t, n, back)
	var again notify.Notice
	require.NoError(t, json.Unmarshal([]byte(lines.String()), &again))
	assert.Equal(t, n, again)
	require.Error(t, json.Unmarshal([]byte(`{"type":"a"}`), &again))
	err = notify.NewWriter(failingWriter{}, nil).Notify(t.Context(), n)
	require.ErrorContains(t, err, "no paper")
	assert.False(t, notify.IsPermanent(err))
}
