package access

import "strings"

// Permission names one thing that an entity may do: an area, a dot, an action.
type Permission string

// The permissions of this module. [Permissions] says what each one allows, how
// sensitive what it discloses is, and how it behaves while the guard is shut.
const (
	ConfigRead    Permission = "config.read"
	ConfigWrite   Permission = "config.write"
	ConfigConfirm Permission = "config.confirm"
	ConfigRemote  Permission = "config.remote"

	ResetRequest Permission = "reset.request"

	EraseSubject Permission = "erase.subject"
	EraseAll     Permission = "erase.all"

	UpdateCheck    Permission = "update.check"
	UpdateInstall  Permission = "update.install"
	UpdateConfirm  Permission = "update.confirm"
	UpdateRollback Permission = "update.rollback"
	UpdatePolicy   Permission = "update.policy"

	NotifyRead  Permission = "notify.read"
	NotifyAck   Permission = "notify.ack"
	NotifyRaise Permission = "notify.raise"

	ProtectRotate   Permission = "protect.rotate"
	ProtectMigrate  Permission = "protect.migrate"
	ProtectReanchor Permission = "protect.reanchor"
	ProtectReport   Permission = "protect.report"

	AccessCommission  Permission = "access.commission"
	AccessDisown      Permission = "access.disown"
	AccessAssign      Permission = "access.assign"
	AccessCredentials Permission = "access.credentials"
	AccessPolicy      Permission = "access.policy"
	AccessRead        Permission = "access.read"

	InterfaceControl Permission = "interface.control"

	LogRead    Permission = "log.read"
	LogExport  Permission = "log.export"
	LogControl Permission = "log.control"

	StatusRead Permission = "status.read"
)

// Shut says what becomes of a permission while the guard is shut (27402
// 5.2.6.1.4). Whether anybody holds it at all is still up to the policy.
type Shut uint8

// The ways a permission behaves while the guard is shut.
const (
	ShutRefused Shut = iota // nobody
	ShutAllowed             // who holds it
	ShutService             // service entities that hold it
	ShutSetup               // who holds it, on resources in [PolicySpec].Setup
)

// PermissionInfo describes a permission.
type PermissionInfo struct {
	Name        Permission
	Description string // one sentence, at most 200 bytes
	Sensitivity Class  // the greatest class of what may be read with it; 0 discloses nothing
	Shut        Shut
}

// Permissions returns the vocabulary of this module, sorted by area.
func Permissions() []PermissionInfo {
	return []PermissionInfo{
		{ConfigRead, "Read settings; the resource is the path of the setting.", ClassPerson, ShutSetup},
		{ConfigWrite, "Change settings; the resource is the path of the setting.", ClassPerson, ShutSetup},
		{ConfigConfirm, "Confirm or revert settings on trial.", ClassDevice, ShutSetup},
		{ConfigRemote, "Change settings of other devices; the resource names the device.", ClassDevice, ShutRefused},
		{ResetRequest, "Reset the device; the resource is the scope.", 0, ShutAllowed},
		{EraseSubject, "Erase the data of one subject; the resource names it.", 0, ShutAllowed},
		{EraseAll, "Erase all user data.", 0, ShutAllowed},
		{UpdateCheck, "Look for releases.", ClassDevice, ShutService},
		{UpdateInstall, "Download and install a release.", ClassDevice, ShutService},
		{UpdateConfirm, "Confirm a release on trial.", 0, ShutAllowed},
		{UpdateRollback, "Go back to the release before.", 0, ShutAllowed},
		{UpdatePolicy, "Change when and how updates happen.", ClassDevice, ShutService},
		{NotifyRead, "Read notices; the resource is the audience.", ClassPerson, ShutAllowed},
		{NotifyAck, "Acknowledge notices.", ClassPerson, ShutAllowed},
		{NotifyRaise, "Raise notices; the resource is the type with \"/\" for \".\": device/started.", 0, ShutAllowed},
		{ProtectRotate, "Replace keys.", 0, ShutRefused},
		{ProtectMigrate, "Move keys to another key store.", 0, ShutRefused},
		{ProtectReanchor, "Accept the stored state after a rollback was found.", 0, ShutRefused},
		{ProtectReport, "Read how keys and objects are protected.", ClassDevice, ShutRefused},
		{AccessCommission, "Take the device into service and install its first owner.", 0, ShutAllowed},
		{AccessDisown, "End the ownership: every assignment and credential dies.", 0, ShutAllowed},
		{AccessAssign, "Give and take roles; the resource is role/entity.", 0, ShutRefused},
		{AccessCredentials, "Set and delete credentials; the resource is method/entity.", 0, ShutRefused},
		{AccessPolicy, "Change who may do what.", ClassDevice, ShutRefused},
		{AccessRead, "Read who holds which role and credential.", ClassPerson, ShutRefused},
		{InterfaceControl, "Open and close interfaces; the resource names one.", ClassDevice, ShutRefused},
		{LogRead, "Read the event log.", ClassPerson, ShutRefused},
		{LogExport, "Send the event log away.", ClassPerson, ShutRefused},
		{LogControl, "Switch the event log on and off and set its policy.", ClassDevice, ShutRefused},
		{StatusRead, "Read more of the state than the public status.", ClassDevice, ShutAllowed},
	}
}

func (p Permission) area() string {
	area, _, _ := strings.Cut(string(p), ".")
	return area
}

// validPermission reports whether p is two or three words of [a-z][a-z0-9-]*
// joined by dots, at most 64 bytes.
func validPermission(p Permission) bool {
	words := strings.Split(string(p), ".")
	if len(p) > MaxID || len(words) < 2 || len(words) > 3 {
		return false
	}
	for _, w := range words {
		if !validWord(w) {
			return false
		}
	}
	return true
}

// validWord reports whether s is [a-z][a-z0-9-]*, at most 64 bytes. Names of
// roles and parts are such words.
func validWord(s string) bool {
	if s == "" || len(s) > MaxID || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}
