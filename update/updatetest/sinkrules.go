package updatetest

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/iot-device-baseline/baseline/update"
)

// opened is a new device with a place for imageOne that is being written.
func opened(k *slotKit) (update.Installer, update.Sink, string, error) {
	in, inv, err := factoryNew(k)
	if err != nil {
		return in, nil, "", err
	}
	sink, err := prepare(k, in, len(imageOne()), 0)
	return in, sink, inv.Other, err
}

func readsBack(k *slotKit, sink update.Sink, want []byte) error {
	got, err := readback(k, sink)
	if err == nil && !bytes.Equal(got, want) {
		err = fmt.Errorf("%d bytes read back differ from the %d written", len(got), len(want))
	}
	return err
}

func checkWriteAt(k *slotKit) error {
	in, sink, place, err := opened(k)
	if err != nil {
		return err
	}
	size := int64(len(imageOne()))
	if _, err := sink.WriteAt(imageOne(), 0); err != nil {
		return err
	}
	for _, c := range []struct{ off, n int64 }{{size, 1}, {size - 1, 2}, {0, size + 1}, {1 << 40, 1}, {-1, 1}} {
		if n, err := sink.WriteAt(make([]byte, c.n), c.off); err == nil || int64(n) == c.n {
			return fmt.Errorf("%d bytes at %d of %d: wrote %d, error %v", c.n, c.off, size, n, err)
		}
	}
	if err := sink.Sync(k.ctx); err != nil {
		return err
	}
	if err := activate(k, in, 2); err != nil {
		return err
	}
	before := k.h.Content(k.TB, in, place)
	if !bytes.HasPrefix(before, imageOne()) {
		return errors.New("what was refused was written")
	}
	_, _ = sink.WriteAt([]byte{before[0] ^ 0xff}, 0)
	_ = sink.Sync(k.ctx)
	if !bytes.Equal(before, k.h.Content(k.TB, in, place)) {
		return errors.New("it changed a place that was the next to start")
	}
	return nil
}

func checkSync(k *slotKit) error {
	image := imageOne()
	return cuts(func(n int) (bool, error) {
		in, sink, place, err := opened(k)
		if err != nil {
			return false, err
		}
		done := 0
		in, cut := k.h.Interrupt(k.TB, in, n, func() {
			for off := 0; off < len(image); off += 500 {
				if _, err := sink.WriteAt(image[off:off+500], int64(off)); err != nil || sink.Sync(k.ctx) != nil {
					return
				}
				done = off + 500
			}
		})
		if got := k.h.Content(k.TB, in, place); len(got) < done || !bytes.Equal(got[:done], image[:done]) {
			return cut, fmt.Errorf("%d bytes were synced, and are not there", done)
		}
		return cut, nil
	})
}

func checkReadback(k *slotKit) error {
	in, sink, place, err := opened(k)
	if err == nil {
		_, err = sink.WriteAt(imageOne(), 0)
	}
	if err == nil {
		err = sink.Sync(k.ctx)
	}
	if err == nil {
		err = readsBack(k, sink, imageOne())
	}
	if err != nil {
		return err
	}
	k.h.Flip(k.TB, in, place, 600)
	got, err := readback(k, sink)
	if err == nil && (len(got) != len(imageOne()) || bytes.Equal(got, imageOne())) {
		err = errors.New("a byte of the medium was changed, and it does not show")
	}
	if err = errors.Join(err, sink.Close()); err != nil {
		return err
	}
	// A shorter image over a longer one.
	if sink, err = prepare(k, in, len(imageTwo()), 0); err == nil {
		_, err = sink.WriteAt(imageTwo(), 0)
	}
	if err == nil {
		err = sink.Sync(k.ctx)
	}
	if err != nil {
		return err
	}
	return readsBack(k, sink, imageTwo())
}

// loops is more than any system has handles.
const loops = 300

func checkClose(k *slotKit) error {
	in, sink, place, err := opened(k)
	if err == nil {
		_, err = sink.WriteAt(imageOne(), 0)
	}
	if err == nil {
		err = sink.Sync(k.ctx)
	}
	if err == nil {
		err = sink.Close()
	}
	if err != nil {
		return err
	}
	before := k.h.Content(k.TB, in, place)
	if _, err := sink.WriteAt([]byte{before[0] ^ 0xff}, 0); err == nil {
		return errors.New("it writes after Close")
	}
	for i := range loops {
		sink, err := prepare(k, in, len(imageOne()), len(imageOne()))
		if err == nil {
			err = sink.Close()
		}
		if err != nil {
			return fmt.Errorf("number %d: %w", i, err)
		}
	}
	if !bytes.Equal(before, k.h.Content(k.TB, in, place)) {
		return errors.New("opening and closing changed the place")
	}
	return nil
}
