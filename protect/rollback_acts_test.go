package protect_test

import (
	"errors"
	"fmt"

	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/protecttest"
)

// act does something that may fail, and starts again after a power cut, or by chance.
func (l *life) act() bool {
	trouble := l.rng.IntN(8)
	step := l.rng.IntN(30)
	switch trouble {
	case 0, 1:
		l.m.Cut(step)
	case 2:
		l.m.Fail(step, powercut.Fail)
	case 3:
		l.m.Fail(step, powercut.NoReply)
	case 4:
		l.counter.trouble = errCounter
	case 5:
		l.counter.trouble = errNoReply
	}
	l.number++
	what := l.rng.IntN(l.acts)
	err := l.do(what)
	l.log = append(l.log, fmt.Sprintf("%d:%d/%d@%d=%v", l.number, what, trouble, step, err == nil))
	off := l.m.Step("probe", "power") != nil
	l.m.Fail(0, powercut.NoFault)
	l.m.Cut(-1)
	l.m.SetCapacity(0)
	l.counter.trouble = nil
	switch {
	case off:
		all := l.m.Survivors()
		l.m = all[l.rng.IntN(len(all))].Machine
	case what == 15:
		return l.stranger()
	case l.rng.IntN(3) == 0:
		l.m.Settle()
	default:
		if err := l.release(); err != nil {
			l.f.say(&l.f.brick, "%v: release: %v", l.log, err)
		}
		_, ok := l.right()
		return ok
	}
	return l.start()
}

// release ends a reset.
func (l *life) release() error {
	if h := l.dir.Held(); h != nil {
		return h.Release(l.ctx)
	}
	return nil
}

// do does one thing and notes what is right afterwards.
func (l *life) do(what int) error {
	switch what {
	case 0, 9:
		return l.anchored(l.v.Anchor(l.ctx))
	case 1:
		return l.v.Rotate(l.ctx)
	case 2, 3:
		_, err := l.v.Erase(l.ctx, "alice")
		l.note("letter", fact{l.number, false}, err)
		if err == nil {
			l.erased = l.number
		}
		return err
	case 4, 5:
		return l.remove(modelled[l.rng.IntN(3)])
	case 10, 11:
		return l.stream()
	case 12:
		return l.hold()
	case 13: // with no room, but for what takes the place of something
		used := 1
		for _, raw := range l.m.Files() {
			used += len(raw)
		}
		l.m.SetCapacity(int64(used))
		l.full = true
		defer func() { l.full = false }()
		return l.do(l.rng.IntN(6))
	case 14: // as after a move to this key store
		protect.Inherit(l.v)
		return l.v.Renew(l.ctx)
	case 15: // see stranger
		return nil
	}
	return l.put(modelled[l.rng.IntN(5)])
}

func (l *life) put(name string) error {
	c, err := l.of(l.v, name, true)
	if err == nil {
		err = putModelled(l.ctx, c, name, fmt.Appendf(nil, "%s %d", name, l.number))
		l.note(name, fact{l.number, true}, err)
	}
	return l.changed(name, err)
}

func (l *life) remove(name string) error {
	c, err := l.of(l.v, name, true)
	if err == nil {
		err = removeModelled(l.ctx, c, name)
		l.note(name, fact{l.number, false}, err)
		l.missed[name] = l.missed[name] || l.full && err != nil
	}
	return l.changed(name, err)
}

// stream begins a film, or ends the one that is being written.
func (l *life) stream() error {
	if l.w == nil {
		c, err := l.of(l.v, "film", true)
		if err != nil {
			return err
		}
		w, err := c.CreateStream(l.ctx, "film")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "film %d", l.number)
		l.w, l.writes = w, l.number
		return err
	}
	w := l.w
	l.w = nil
	if l.rng.IntN(3) == 0 {
		return w.Abort()
	}
	err := w.Close()
	l.note("film", fact{l.writes, true}, err)
	return l.changed("film", err)
}

// hold changes the floor while the directory is on hold.
func (l *life) hold() error {
	h, err := l.dir.Hold(l.ctx, "reset")
	if err != nil {
		return err
	}
	err = l.put("journal")
	return errors.Join(err, h.Release(l.ctx))
}

// stranger steps the counter while the device is off; somebody present accepts what is
// there.
func (l *life) stranger() bool {
	l.m.Settle()
	if _, err := protecttest.NewToken(l.m).Increment(l.ctx); err != nil {
		panic(err)
	}
	opts := *l.opts
	opts.Presence = presence{}
	old := l.opts
	l.opts = &opts
	defer func() { l.opts = old }()
	if !l.startWith(protect.Reanchor) {
		return false
	}
	if l.v.Health(l.ctx) == nil {
		_ = l.anchored(nil)
	}
	return true
}

func (l *life) note(name string, f fact, err error) {
	l.past[name] = append(l.past[name], f)
	if err == nil {
		l.legit[name], l.missed[name] = nil, false
	}
	l.legit[name] = append(l.legit[name], f)
}

// changed raises the floor to what was there at this start: of the floor alone when that
// was changed, since the rest may be on hold.
func (l *life) changed(name string, err error) error {
	if err != nil || l.v.Health(l.ctx) != nil { // which tells what is not anchored
		return err
	}
	for other, n := range l.boot {
		if name != "journal" || other == name {
			l.floor[other] = max(l.floor[other], n)
		}
	}
	return nil
}

// anchored raises the floor to what is there now.
func (l *life) anchored(err error) error {
	if err == nil {
		for name, list := range l.legit {
			least := list[0].number
			for _, f := range list {
				least = min(least, f.number)
			}
			l.floor[name] = max(l.floor[name], least)
		}
	}
	return err
}
