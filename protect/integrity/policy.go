package integrity

// Response is what a device does, by the vendor's declaration, when its software is not
// what was released and nothing better is at hand: the four of 27402 5.2.5.2.1.C.
type Response string

// The responses. "" and what is none of them is FailSafe.
const (
	Notify     Response = "notify"     // tell the user, and go on
	Inoperable Response = "inoperable" // stop, so that nothing runs
	FailSafe   Response = "fail-safe"  // a protected mode: management, alert and recovery only
	Recover    Response = "recover"    // trusted recovery; until it is possible, as FailSafe
)

// Policy is the vendor's declaration.
type Policy struct {
	Response Response `json:"response"`
}

// Action is what is to be done.
type Action string

// The actions.
const (
	Continue  Action = "continue"   // the software is whole
	RollBack  Action = "roll-back"  // give the release on trial up for the one before
	OtherSlot Action = "other-slot" // start from the other slot, which verifies
	Reinstall Action = "reinstall"  // install the confirmed release anew
	Tell      Action = "tell"       // tell the user, and go on
	Stop      Action = "stop"       // become inoperable
	Protect   Action = "protect"    // enter the protected mode
)

// Situation is what else has to be known for a decision. The zero value is a confirmed
// release that nothing can be recovered from.
type Situation struct {
	// Busy: the device does something that a restart would spoil. A recovery then waits,
	// and the declared response comes first.
	Busy bool
	// Trial: the running release is not confirmed.
	Trial bool
	// AfterRollback: the running release was come back to, or switched to, from the
	// other slot, which failed. That one is not gone to again: else two bad slots would
	// be started in turns for ever.
	AfterRollback bool
	// OtherVerifies: the release in the other slot was just checked, as this one was,
	// against its own manifest and the floor, and is whole.
	OtherVerifies bool
	// CanReinstall: the confirmed release can be fetched or is at hand, and installed.
	CanReinstall bool
}

// Decision is what to do at once, and after that.
type Decision struct {
	Now Action
	// Then is the recovery that waits until the device is not Busy; "" is none. Decide
	// again then: the situation may have changed.
	Then Action
}

// String returns "protect, then roll-back".
func (d Decision) String() string {
	if d.Then == "" {
		return string(d.Now)
	}
	return string(d.Now) + ", then " + string(d.Then)
}

// Decide says what to do about a report. It depends on its arguments alone. A report
// that is nil or not [Report.Whole] is a failure, whatever was found. The first row that
// fits is taken:
//
//	report  Trial  AfterRollback  OtherVerifies  CanReinstall   recovery
//	whole   any    any            any            any            none, and the action is Continue
//	failed  yes    no             any            any            RollBack
//	failed  no     no             yes            any            OtherSlot
//	failed  any    any            any            yes            Reinstall
//	failed  any    any            any            any            none
//
//	recovery  Busy   now                                        then
//	one       no     the recovery
//	one       yes    the declared response                      the recovery
//	none      any    the declared response
//
// The declared response is Tell for [Notify], Stop for [Inoperable] and Protect for all
// others.
func (p Policy) Decide(r *Report, s Situation) Decision {
	if r.Whole() {
		return Decision{Now: Continue}
	}
	recovery := s.recovery()
	switch {
	case recovery == "":
		return Decision{Now: p.declared()}
	case s.Busy:
		return Decision{Now: p.declared(), Then: recovery}
	}
	return Decision{Now: recovery}
}

func (s Situation) recovery() Action {
	switch {
	case s.Trial && !s.AfterRollback:
		return RollBack
	case !s.Trial && !s.AfterRollback && s.OtherVerifies:
		return OtherSlot
	case s.CanReinstall:
		return Reinstall
	}
	return ""
}

func (p Policy) declared() Action {
	switch p.Response {
	case Notify:
		return Tell
	case Inoperable:
		return Stop
	}
	return Protect
}
