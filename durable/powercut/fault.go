package powercut

// Fault is a failure of one step while the power stays on; see [Machine.Fail].
type Fault int

// The faults that [Machine.Fail] can inject.
const (
	NoFault Fault = iota
	// Fail: the step does nothing and gives [ErrIO]. A Sync of a file loses for
	// the medium what was pending, and the next Sync gives nil without keeping it.
	// A Sync of a directory leaves its operations pending.
	Fail
	// Torn: a WriteAt writes the first half and gives [ErrIO]; any other step is as
	// with Fail.
	Torn
	// Full: from this step on every step that allocates gives an error that is
	// [durable.ErrFull]; a WriteAt has then written the first half.
	Full
	// NoReply: a Store on a non-file medium takes effect and gives [ErrIO]; any
	// other step is as with Fail.
	NoReply
)

// String returns the fault in words.
func (f Fault) String() string {
	switch f {
	case NoFault:
		return "no fault"
	case Fail:
		return "failure"
	case Torn:
		return "torn failure"
	case Full:
		return "full medium"
	case NoReply:
		return "lost reply"
	}
	return "unknown fault"
}
