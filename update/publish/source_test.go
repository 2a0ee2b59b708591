package publish_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/update/publish"
)

// cutOff ends as a body of HTTP, or gzip, that was cut off: with the last bytes, too.
type cutOff struct{ r *strings.Reader }

func (c cutOff) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if err != nil || c.r.Len() == 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// TestSlowSource: a source may bring one byte at a time, and its end with the last.
func TestSlowSource(t *testing.T) {
	m := powercut.New()
	r := initial(t, m)
	with := images(2)
	with["app"], with["system"] = iotest.OneByteReader(with["app"]), iotest.DataErrReader(with["system"])
	done, err := r.AddRelease(t.Context(), release(2), with)
	require.NoError(t, err)
	require.EqualValues(t, 1200, done.Components[1].Length)
	got, err := offered(t.Context(), m.FS(), start)
	require.NoError(t, err)
	require.Equal(t, "release 2 floor 1 app=the application 2 system=the system 2the s", got)
}

// TestCanceled: ctx ends a source that brings nothing and does not end.
func TestCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r := initial(t, powercut.New())
	with := images(2)
	with["app"] = idle(cancel)
	_, err := r.AddRelease(ctx, release(2), with)
	require.ErrorIs(t, err, context.Canceled)
}

// idle is a source that never brings a byte.
type idle func()

func (i idle) Read([]byte) (int, error) { i(); return 0, nil }

// TestStatusWarns: what nears its end is told in time; the root, which cannot be
// renewed, first.
func TestStatusWarns(t *testing.T) {
	m := powercut.New()
	initial(t, m)
	warned := func(days time.Duration) []string {
		r, err := publish.Open(t.Context(), m.FS(), four(), at(start.Add(days*day)))
		require.NoError(t, err)
		st, err := r.Status(t.Context())
		require.NoError(t, err)
		return st.Warnings
	}
	const root = ": this package cannot renew it yet, and devices take nothing under an expired root"
	require.Empty(t, warned(4))
	require.Equal(t, []string{"timestamp expires in 2 days: Refresh with its signers"}, warned(5))
	require.Equal(t, []string{
		"targets expires in 20 days: Refresh with its signers", "snapshot expired 40 days ago: Refresh with its signers",
		"timestamp expired 63 days ago: Refresh with its signers",
	}, warned(70))
	require.Equal(t, "root expires in 65 days"+root, warned(300)[0])
	require.Equal(t, "root expired 35 days ago"+root, warned(400)[0])
}
