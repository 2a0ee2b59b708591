package baseline

// Operations that must not meet, as parts name them to the [Interlock]. The left
// column of the table in docs/power-cuts.md asks, the upper one is pending.
const (
	OpConfigChange = "config.change"   // a change in force at once
	OpConfigStage  = "config.stage"    // keeping a change for the next start
	OpConfigStaged = "config.staged"   // applying, at a start, what was staged
	OpConfigTry    = "config.try"      // a change that reverts unless confirmed
	OpInstall      = "update.install"  // writing a slot
	OpActivate     = "update.activate" // making the written slot the next to start
	OpRestart      = "update.restart"  // restarting into a trial
	OpTrial        = "update.trial"    // running a release that is not confirmed
	OpEraseSubject = "erase.subject"
	OpEraseAll     = "erase.all"
	OpEraseButSlot = "erase.all-but-slot" // OpEraseAll, the inactive slot later
	OpReset        = "reset"
	OpMigrate      = "protect.migrate" // moving keys to another key store
)

// Verdict says what one operation must do about another that is pending.
type Verdict string

// The verdicts. All but Allow come as a *PendingError.
const (
	Allow        Verdict = "allow"
	Refuse       Verdict = "refuse"
	StagedOnly   Verdict = "staged only"        // ask for OpConfigStage instead
	NowOnly      Verdict = "now only"           // ask for OpConfigChange instead, by the old schema
	RevertFirst  Verdict = "revert first"       // end the pending try, then ask again
	CancelFirst  Verdict = "cancel first"       // cancel the download and mark the slot bad, then ask again
	DisarmFirst  Verdict = "disarm first"       // take the restart back, then ask again
	FinishFirst  Verdict = "finish first"       // wait for the pending one
	AfterConfirm Verdict = "after confirmation" // wait until the trial is decided
	HoldBack     Verdict = "hold back"          // a gate: not now, with a reason for people
	Queue        Verdict = "queue"              // note it durably, do it after the pending one
	AllButSlot   Verdict = "all but the slot"   // ask for OpEraseButSlot instead; the slot after confirmation
)

// column is a group of operations that are alike when they are pending.
type column int

const (
	colTry column = iota
	colWriting
	colRestart
	colTrial
	colDestroy
	colShort // over in a moment
	columns
)

func columnOf(op string) (column, bool) {
	switch op {
	case OpConfigTry:
		return colTry, true
	case OpInstall:
		return colWriting, true
	case OpRestart:
		return colRestart, true
	case OpTrial:
		return colTrial, true
	case OpEraseSubject, OpEraseAll, OpEraseButSlot, OpReset, OpMigrate:
		return colDestroy, true
	case OpConfigChange, OpConfigStage, OpConfigStaged, OpActivate:
		return colShort, true
	}
	return 0, false
}

// lasts reports whether an operation that was begun is still pending after a power
// cut. A try is not: it reverts by itself.
func lasts(op string) bool {
	col, _ := columnOf(op)
	return col != colShort && col != colTry
}

// passed is what an operation goes ahead over when it was left by an earlier run: a
// slot that is half written or armed can be written again, and what is erased by a
// reset needs no erasure. A trial may be running, and only its part knows where a key
// migration left the keys: neither is passed over.
var passed = map[string][]string{
	OpEraseAll:     {OpInstall, OpRestart},
	OpEraseButSlot: {OpInstall, OpRestart},
	OpReset:        {OpInstall, OpRestart, OpEraseSubject, OpEraseAll, OpEraseButSlot},
}

// verdicts is the table of docs/power-cuts.md. Pairs that cannot occur are refused.
var verdicts = map[string][columns]Verdict{
	//                try          writing      restart       trial         destroy      short
	OpConfigChange: {Refuse, Allow, StagedOnly, Allow, Refuse, Allow},
	OpConfigStage:  {Refuse, Allow, Allow, NowOnly, Refuse, Allow},
	OpConfigTry:    {Refuse, Allow, StagedOnly, NowOnly, Refuse, FinishFirst},
	OpConfigStaged: {Refuse, Allow, AfterConfirm, AfterConfirm, FinishFirst, Allow},
	OpInstall:      {HoldBack, Refuse, Refuse, Refuse, HoldBack, Allow},
	OpActivate:     {HoldBack, Allow, Refuse, Refuse, HoldBack, FinishFirst},
	OpRestart:      {RevertFirst, Refuse, Refuse, Refuse, FinishFirst, FinishFirst},
	OpTrial:        {Allow, Allow, Allow, Allow, Allow, Allow}, // a fact that the boot chain tells
	OpEraseSubject: {Allow, Allow, Allow, Allow, Queue, Allow},
	OpEraseAll:     {RevertFirst, CancelFirst, DisarmFirst, AllButSlot, Queue, FinishFirst},
	OpEraseButSlot: {RevertFirst, CancelFirst, DisarmFirst, Allow, Queue, FinishFirst},
	OpReset:        {RevertFirst, CancelFirst, DisarmFirst, AfterConfirm, Queue, FinishFirst},
	OpMigrate:      {Refuse, HoldBack, Refuse, AfterConfirm, Queue, FinishFirst},
}

// urgent is the order in which pending operations are asked about: the first that
// does not allow is the answer.
var urgent = [columns]column{colDestroy, colTry, colRestart, colWriting, colTrial, colShort}
