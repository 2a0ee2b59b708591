package baseline

import (
	"context"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/notify"
)

// Part is anything that a device is composed of.
//
// Who calls it: [New] and [Device]. Who writes one: the capabilities of this
// module, and vendors.
//
//   - Features is a pure function of the constructor's arguments: the same program
//     always has the same features. What the owner switches on or off is told in
//     Feature.Settings, and changes no feature.
//   - Methods may be called concurrently.
//
// Abilities that a Part may have are found by assertion: [Recoverer], [Resumer],
// [Runner], [Server], [Checker], io.Closer. The interface is frozen.
type Part interface {
	Features() []clause.Feature
}

// Configurer keeps the settings (27402 5.2.2). *config.Settings is one.
//
//   - Document returns the settings in force as JSON, without secrets, and their
//     revision.
//   - Apply changes them by an RFC 7396 merge patch, if revision is still in force
//     or "", and returns the new revision. accept names, by RFC 6901 paths, the
//     insecure choices that are meant. A patch that breaks a rule changes nothing.
//   - Who asks is in ctx; each field that the patch touches is authorised; a
//     refusal is [access.ErrDenied], as against a patch that breaks a rule.
//   - Apply returning nil: the settings are in force and survive a power cut.
//
// It may gain optional siblings.
type Configurer interface {
	Part
	Document(ctx context.Context) (document []byte, revision string, err error)
	Apply(ctx context.Context, patch []byte, revision string, accept []string) (newRevision string, err error)
}

// Resetter brings the device back to an earlier state (27402 5.2.3). *reset.Resetter
// is one.
//
//   - Scopes lists the scopes that Reset takes.
//   - Reset that began is finished after a power cut, before anything else runs.
//   - The security floor holds after every scope.
//   - Who asks is in ctx and is authorised; a refusal is [access.ErrDenied].
//
// It may gain optional siblings.
type Resetter interface {
	Part
	Scopes() []string
	Reset(ctx context.Context, scope, reason string) error
}

// Eraser removes a person's data (27402 5.2.4). *protect.Vault is one for what is
// kept in it.
//
//   - Erase answers with the method that was really used, in words; it returns nil
//     only when the data is gone as far as that method reaches.
//   - Erasing again, or a subject that is not known, is no error.
//   - An erasure that was cut off is finished at the next start, or was never begun.
//   - Who asks is in ctx and is authorised; a refusal is [access.ErrDenied].
//
// It may gain optional siblings, such as one for signed receipts.
type Eraser interface {
	Part
	Erase(ctx context.Context, subject string) (method string, err error)
}

// Protector protects stored data (27402 5.2.5). *protect.Vault is one.
//
//   - Describe tells in words what is really protected and how far: for users, the
//     statement of applicability and reviewers. It tells no secret.
//
// It may gain optional siblings.
type Protector interface {
	Part
	Describe(ctx context.Context) ([]clause.Setting, error)
}

// Accessor decides who may do what (27402 5.2.6). *access.Guard is the one.
//
//   - Shut says whether the device is not yet in service, and why.
//   - Issuer makes the entities of a way of authentication.
//
// It may gain optional siblings.
type Accessor interface {
	Part
	access.Authorizer
	Shut() (reason string, shut bool)
	Issuer(method string) *access.Issuer
}

// Updater replaces the software (27402 5.2.7).
//
//   - Status tells the running version, and whether it is on trial: started for the
//     first time and not confirmed.
//   - Install fetches, verifies and activates version ("" for the newest); only
//     what is verified is activated, and a power cut at any moment leaves a
//     version that starts.
//   - Confirm makes the running version the one to fall back to; Rollback gives it
//     up for the one before.
//   - Who asks is in ctx and is authorised; a refusal is [access.ErrDenied].
//
// It may gain optional siblings.
type Updater interface {
	Part
	Status(ctx context.Context) (version string, trial bool, err error)
	Install(ctx context.Context, version string) error
	Confirm(ctx context.Context) error
	Rollback(ctx context.Context, reason string) error
}

// Notifier tells people and devices what they should know (27402 5.2.8).
// *notify.Center is one.
//
//   - Raise keeps the notice before it returns nil.
//   - Since answers a query: the notices that changed after sequence number seq.
//   - Who asks is in ctx and is authorised; a refusal is [access.ErrDenied].
//
// It may gain optional siblings.
type Notifier interface {
	Part
	Raise(ctx context.Context, n notify.Notice) (id string, err error)
	Since(ctx context.Context, seq uint64, f notify.Filter) ([]notify.Notice, error)
}

// Recoverer is the ability of a Part to finish, at the start and before anything
// runs, what a power cut interrupted. An error degrades the device; Recover is
// called again until it returns nil.
type Recoverer interface {
	Recover(ctx context.Context) error
}

// Resumer is the ability of an [Eraser] or a [Resetter] to finish a mandate
// (access.Mandate) that a power cut interrupted. Resume is called after the vault
// and the guard have recovered, while everything else waits; again until it returns
// nil. A part that asks an [Interlock] calls its Resume here.
type Resumer interface {
	Resume(ctx context.Context) error
}

// Runner is the ability of a Part to work in the background. Run blocks until ctx
// ends; returning earlier ends the device.
type Runner interface {
	Run(ctx context.Context) error
}

// Server is the ability of a Part to accept from outside: a listener, a bus, a
// console. Serve is called when every other part runs, and blocks until ctx ends.
// ServesIn says whether it serves in a [State]; in the others its ctx is ended, and it
// returns within Options.StartTimeout, or the device ends. A
// degraded or nonconforming device should serve its status page, alerts,
// management and update, and nothing else. The state is a string so that packages
// below this one can be servers.
type Server interface {
	Serve(ctx context.Context) error
	ServesIn(state string) bool
}

// Checker is the ability of a Part to say that it is not well.
type Checker interface {
	Health(ctx context.Context) error
}
