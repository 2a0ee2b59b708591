package durable_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

// copyOp copies a log of three records in two segments. What a cut leaves of the copy is
// its beginning, and the log itself is never touched.
func copyOp() powercut.Op {
	big := strings.Repeat("b", 2000)
	return powercut.Op{
		Name: "durable.log-copy", Methods: []string{"Log.CopyTo"},
		Before: appendAll("one", big, big),
		Do: func(ctx context.Context, m *powercut.Machine) error {
			return with(m, func(d *durable.Dir) error {
				return m.Attempt(func() error { return copyLog(ctx, d) })
			})
		},
		State: func(ctx context.Context, m *powercut.Machine) (string, error) {
			text, err := logState(ctx, m)
			if err != nil {
				return "", err
			}
			return text + " copy:" + copyState(ctx, m), nil
		},
		Legal: func(old, now, got string) error {
			if !strings.HasPrefix(got, old) || !strings.HasPrefix(now, got) {
				return fmt.Errorf("%q is neither the log nor the beginning of %q", got, now)
			}
			return nil
		},
	}
}

func copyLog(ctx context.Context, d *durable.Dir) (err error) {
	if err := d.RemoveAll(ctx, "copy"); err != nil {
		return err
	}
	l, err := d.OpenLog(ctx, "log", &durable.LogOptions{SegmentSize: 4096})
	if err != nil {
		return err
	}
	return errors.Join(l.CopyTo(ctx, "copy", nil), l.Close())
}

// copyState tells the records of the copy, if there are any.
func copyState(ctx context.Context, m *powercut.Machine) (text string) {
	err := with(m, func(d *durable.Dir) error {
		l, err := d.OpenLog(ctx, "copy", nil)
		if err != nil {
			return err
		}
		return errors.Join(readAll(ctx, l, func(r durable.Record) { text += fmt.Sprintf(" %d:%.8s/%d", r.Seq, r.Data, len(r.Data)) }), l.Close())
	})
	if err != nil {
		text += fmt.Sprint(err)
	}
	return text
}
