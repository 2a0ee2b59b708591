package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/iot-device-baseline/baseline/durable"
)

// -kills N is for the test of package update: it kills the device at random moments
// of updates until each state of the journal was met N times at its death, and counts
// what came back wrong.

// states of the journal that are to be met, by the name that the result has for them.
var killStates = []struct{ name, state string }{
	{"writing", "writing"}, {"verifying", "verifying"}, {"activating", "activating"},
	{"trial", "trial"}, {"confirming", "confirming"}, {"rollback", "rolling back"},
}

// killer is a run of -kills.
type killer struct {
	*life
	each   int
	met    map[string]int           // by state
	within map[string]time.Duration // how long after a state was seen it is cut, at most
	kills  int
	bad    int
	number uint64 // of the newest release
	floor  uint64 // the highest that was seen
	stable string // the version that was confirmed last
	asked  uint64 // the floor that the newest healthy release asks for
	ran    bool   // the newest release was started
}

const maxRounds = 400

// killWithin is how long after it has seen a state the killer waits, at most, before it
// cuts: first the one, and never longer. Some states last less: each cut that comes too
// late halves the time, and each in time doubles it.
const killWithin = 3 * time.Millisecond

func (l *life) killMain(each int) error {
	l.box.args = append(l.box.args, "-quick")
	k := &killer{life: l, each: each, met: map[string]int{}, within: map[string]time.Duration{}, number: 10, stable: "1.0"}
	for _, s := range killStates {
		k.within[s.state] = killWithin
	}
	for _, step := range []func() error{l.provision, l.commission} {
		if err := step(); err != nil {
			return err
		}
	}
	for rounds := 0; k.next() != ""; rounds++ {
		if rounds == maxRounds {
			return unexpected("not all states were met in %d rounds", rounds)
		}
		if err := k.round(); err != nil {
			k.bad++
			k.tellf("    bad: release %d: %v", k.number, err)
			return err
		}
	}
	k.result()
	return nil
}

func (k *killer) result() {
	fmt.Fprintf(k.out, "kills=%d bad=%d", k.kills, k.bad)
	for _, s := range killStates {
		fmt.Fprintf(k.out, " %s=%d", s.name, k.met[s.state])
	}
	fmt.Fprintln(k.out)
}

// next is the state that was met least, or "" when all were met often enough.
func (k *killer) next() string {
	least := ""
	for _, s := range killStates {
		if n := k.met[s.state]; n < k.each && (least == "" || n < k.met[least]) {
			least = s.state
		}
	}
	return least
}

// wants reports whether a state was not yet met often enough.
func (k *killer) wants(state string) bool {
	for _, s := range killStates {
		if s.state == state {
			return k.met[state] < k.each
		}
	}
	return false
}

// round is one release, from its publication to the end of its trial, with a cut in
// each state that is still wanted.
func (k *killer) round() error {
	k.number++
	k.ran = false
	healthy := k.next() != "rolling back"
	img := image{Version: fmt.Sprintf("1.%d", k.number), Number: k.number, Healthy: healthy}
	if err := k.desk.release(k.ctx, img, k.floorOf(img)); err != nil {
		return err
	}
	cuts := map[string]int{}
	for starts := 0; ; starts++ {
		if starts == 60 {
			return unexpected("the release is not decided after %d starts", starts)
		}
		s, err := k.status()
		if err != nil && !leaving(err) {
			return err
		}
		if k.verbose {
			k.tellf("        release %d healthy %v: %+v slot %s %v", k.number, img.Healthy, s, k.now.Slot, err)
		}
		if err == nil { // else it restarts, and is met at its next start
			if done, err := k.decided(img, s); done || err != nil {
				return err
			}
		}
		state, err := k.chase(s, err == nil, func(state string) bool { return k.wants(state) && cuts[state] < 2 })
		if err != nil {
			return err
		}
		if state != "" {
			k.kills++
			k.met[state]++
			cuts[state]++
			k.ran = k.ran || state == "trial" || state == "rolling back" || state == "confirming"
		}
		if err := k.power(); err != nil {
			return fmt.Errorf("after a death in %q: %w", state, err)
		}
	}
}

// floorOf is the floor that a release asks for: itself if it works. One that does not
// asks for nothing new.
func (k *killer) floorOf(img image) uint64 {
	if img.Healthy {
		k.asked = img.Number
	}
	return k.asked
}

// decided checks what must hold at every start, and reports whether the release is
// confirmed or given up.
func (k *killer) decided(img image, s status) (bool, error) {
	switch {
	case s.Floor < k.floor:
		return false, unexpected("the floor fell from %d to %d", k.floor, s.Floor)
	case s.Version != img.Version && s.Version != k.stable:
		return false, unexpected("%s runs, neither %s nor %s", s.Version, k.stable, img.Version)
	case s.Version == img.Version && !s.Trial && !img.Healthy:
		return false, unexpected("%s is confirmed and does not work", s.Version)
	}
	k.floor, k.ran = s.Floor, k.ran || s.Version == img.Version
	if s.Version == img.Version && !s.Trial && s.Update == "idle" {
		k.stable = s.Version
		if s.Floor != k.floorOf(img) {
			return false, unexpected("%s is confirmed, and the floor is %d", s.Version, s.Floor)
		}
		return true, nil
	}
	return k.ran && s.Update == "rolled back" && !s.Trial, nil
}

// chase lets the device go on, and cuts the power in the first state that cut wants,
// after a random moment. s is its status, if it answers. chase returns the state that
// the journal of the dead device is in, or "" when the program ended by itself.
func (k *killer) chase(s status, answers bool, cut func(state string) bool) (state string, err error) {
	if answers && !s.Trial && s.Update != "rolling back" && s.Update != "confirming" {
		answer := k.later("ann", annsPassword, "install", "")
		defer func() {
			if refusal := <-answer; err == nil && refusal != nil && !leaving(refusal) && !busy(refusal) {
				err = refusal
			}
		}()
	}
	aim := ""
	met := func(m message) bool {
		if cut(m.State) {
			aim = m.State
			return true
		}
		return m.State == "rolled back" && s.Update != "rolled back" || m.State == "idle" && (s.Trial || s.Update != "idle")
	}
	if err := k.until("a state to cut in", met); err != nil && !errors.Is(err, errEnded) {
		now, also := k.status()
		return "", fmt.Errorf("%w; from %+v it came to %+v, %v; %v", err, s, now, also, errors.Join(err, k.now.cut()))
	}
	wait := time.NewTimer(time.Duration(rand.Int64N(int64(k.within[aim]) + 1)))
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-k.now.over:
	}
	if err := k.now.cut(); err != nil {
		return "", err
	}
	if k.now.killed() {
		state, err = k.life.journal()
	}
	k.learn(aim, state)
	return state, err
}

// learn adapts the time within which a state is cut to where the last cut fell.
func (k *killer) learn(aim, state string) {
	if aim == state {
		k.within[aim] = min(2*k.within[aim], killWithin)
	} else {
		k.within[aim] /= 2
	}
}

// busy reports whether the device does already what it was asked for.
func busy(err error) bool { return strings.Contains(err.Error(), "another installation is under way") }

// journal reads the state that the journal of a dead device says.
func (l *life) journal() (string, error) {
	dir, err := durable.OpenDir(filepath.Join(l.dir, stateDir), nil)
	if err != nil {
		return "", err
	}
	raw, err := dir.Get(context.Background(), "update/journal")
	if err := errors.Join(err, dir.Close()); errors.Is(err, os.ErrNotExist) {
		return "idle", nil
	} else if err != nil {
		return "", err
	}
	_, text, _ := bytes.Cut(raw, []byte(" "))
	var j struct {
		State string `json:"state"`
	}
	return j.State, json.Unmarshal(text, &j)
}
