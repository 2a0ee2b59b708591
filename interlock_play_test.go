package baseline_test

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/update"
)

// play is one meeting in a house, with a power cut.
type play struct {
	*house
	vendor *builder
	meeting
	goOn    func() error // of what is pending
	happens []event
	met     bool // the first answer was given
	off     bool // the power is
}

// event is an operation that ended, and so is kept, or that was interrupted, and has
// happened or not.
type event struct {
	what  string
	ended bool
}

// What is done so that something else can be.
const (
	cancelled = "cancelled"
	disarmed  = "disarmed"
	confirmed = "confirmed"
)

// lost reports whether the power is.
func (p *play) lost() bool {
	p.off = p.off || p.m.Step("test", "look") != nil
	return p.off
}

// then notes that what was done, with err. Without power it may have happened or not.
func (p *play) then(what string, err error) error {
	lost := p.lost()
	if err == nil || lost {
		p.happens = append(p.happens, event{what, err == nil})
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// run plays the pair, and cuts the power before step n. An error is what should not
// have been answered.
func (p *play) run(ctx context.Context, n int) (err error) {
	ask, err := p.approach(ctx, p.asked)
	if err != nil {
		return err
	}
	if p.asked == baseline.OpRestart {
		p.happens = append(p.happens, event{baseline.OpActivate, true}) // it is armed
	}
	if p.goOn, err = p.begin(ctx, p.pending); err != nil {
		return errors.Join(err, ask())
	}
	if ordered(p.pending) {
		p.happens = append(p.happens, event{p.pending, true})
	}
	if p.pending == baseline.OpRestart || p.pending == baseline.OpTrial {
		p.vendor.offer(3)
	}
	if p.within() {
		ask = p.alone(ctx, ask)
	}
	p.m.Cut(n)
	err = p.meet(ctx, ask)
	p.m.Cut(-1)
	return err
}

// within says that the two are of one part, which may also make way by itself.
func (p *play) within() bool { return houseParts[p.asked] == houseParts[p.pending] }

// alone is ask of a part that does one thing at a time: what is asked waits for the end
// of what is pending, or takes a release back that is armed, which may be all that came
// of it.
func (p *play) alone(ctx context.Context, ask func() error) func() error {
	switch p.pending {
	case baseline.OpTrial:
		return ask
	case baseline.OpRestart:
		return func() error {
			err := ask()
			if !errors.Is(err, update.ErrBusy) {
				p.happens = append(p.happens, event{disarmed, err == nil})
			}
			return err
		}
	}
	return func() error {
		answer := make(chan error, 1)
		go func() { answer <- p.do(ctx, p.asked) }()
		return errors.Join(p.finish(), <-answer)
	}
}

// ordered are operations of which what is pending goes on after a power cut.
func ordered(op string) bool {
	return slices.Contains([]string{baseline.OpRestart, baseline.OpTrial, baseline.OpEraseSubject, baseline.OpEraseAll, baseline.OpReset}, op)
}

// meet asks until what is asked is done: each time that it is refused it makes way.
func (p *play) meet(ctx context.Context, ask func() error) error {
	for {
		err := ask()
		if p.lost() {
			p.release()
			return p.then(p.asked, err)
		}
		pending, werr := p.answer(err)
		if werr != nil || pending == "" {
			return errors.Join(werr, p.then(p.asked, err), p.finish())
		}
		if err := p.makeWay(ctx, pending); err != nil || p.lost() || pending == baseline.OpReset {
			p.release()
			return err // what was reset has no owner who could ask again
		}
		if ask, err = p.approach(ctx, p.asked); err != nil {
			p.release()
			return p.then(p.asked, err)
		}
	}
}

// answer compares an answer with the table: what is pending, if that stands in the way. Of
// two operations of one part the part itself may say so.
func (p *play) answer(err error) (pending string, wrong error) {
	table, first := verdicts(), !p.met
	p.met = true
	want := table[[2]string{p.asked, p.pending}]
	var refused *baseline.PendingError
	switch {
	case errors.As(err, &refused):
		// An installation goes on with what comes after it, of which the table says more.
		later := slices.Contains(phases, p.asked) && slices.Index(phases, refused.Asked) > slices.Index(phases, p.asked)
		if refused.Asked != p.asked && !later || first && want != "" && (later || refused.Pending != p.pending) {
			return "", fmt.Errorf("want the verdict %q, got %w", want, err)
		}
		if verdict := table[[2]string{refused.Asked, refused.Pending}]; verdict != string(refused.Verdict) {
			return "", fmt.Errorf("want the verdict %q, got %w", verdict, err)
		}
		return refused.Pending, nil
	case errors.Is(err, update.ErrBusy) && p.within():
		return p.pending, nil
	case first && want != "" && (err != nil || !p.within()):
		return "", fmt.Errorf("want the verdict %q, got %w", want, orNothing(err))
	}
	return "", nil
}

// phases of an installation.
var phases = []string{baseline.OpInstall, baseline.OpActivate, baseline.OpRestart}

func orNothing(err error) error {
	if err == nil {
		return errors.New("that it is done")
	}
	return err
}

// release lets what is pending come to its end, if it has not, whatever it says.
func (p *play) release() {
	if goOn := p.goOn; goOn != nil {
		p.goOn = nil
		_ = goOn()
	}
}

// finish has what is pending end, if it does by itself.
func (p *play) finish() error {
	goOn := p.goOn
	if p.goOn = nil; goOn == nil {
		return nil
	}
	return p.then(p.pending, goOn())
}

// makeWay does what the verdict about pending says.
func (p *play) makeWay(ctx context.Context, pending string) error {
	ann := p.ann(ctx)
	switch pending {
	case baseline.OpInstall:
		err := p.then(cancelled, p.updater.Rollback(ann, "cancelled"))
		p.release()
		return err
	case baseline.OpRestart:
		return p.then(disarmed, p.updater.Rollback(ann, "disarmed"))
	case baseline.OpTrial:
		return p.then(confirmed, p.updater.Confirm(ann))
	}
	return p.finish()
}

// legal are all that the house may hold after what happened.
func (p *play) legal() []facts {
	first := facts{Name: "old", Code: 6, Running: 1, Alice: "there", Bob: "there", Owned: true, Floor: 1}
	all := []facts{first}
	for _, e := range p.happens {
		var next []facts
		for _, f := range all {
			if !e.ended {
				next = append(next, f)
			}
			next = append(next, f.after(e.what, p.vendorNumber()))
		}
		all = next
	}
	return all
}

func (p *play) vendorNumber() uint64 {
	release, err := update.ParseRelease(p.vendor.files["release.json"].Data)
	if err != nil {
		panic(err)
	}
	return release.Number
}

// after is what is held once an operation happened; on offer is what was installed last.
func (f facts) after(what string, offered uint64) facts {
	switch what {
	case baseline.OpConfigChange:
		f.Name = "new"
	case baseline.OpInstall, baseline.OpActivate:
		f.Running, f.Trial = offered, true
	case baseline.OpRestart, baseline.OpTrial:
		f.Running, f.Trial = 2, true
	case disarmed:
		f.Running, f.Trial = 1, false
	case confirmed:
		f.Trial, f.Floor = false, 2
	case baseline.OpEraseSubject:
		f.Alice = "gone"
	case baseline.OpEraseAll:
		f.Alice, f.Bob = "gone", "gone"
	case baseline.OpReset:
		f.Name, f.Alice, f.Bob, f.Owned = "house", "gone", "gone", false
	}
	return f
}
