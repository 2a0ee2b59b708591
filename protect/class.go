package protect

import (
	"fmt"
	"io/fs"
	"strings"

	"github.com/iot-device-baseline/baseline/access"
)

// Class is the kind of data that a compartment holds (27402 5.2.5.1.2). It says
// which operation may destroy it.
type Class uint8

// The classes. The numbers stand in stored records and never change.
const (
	ClassSettings    Class = 1 // configuration settings
	ClassIdentity    Class = 2 // identifying data: keys, certificates, identifiers
	ClassUserData    Class = 3 // a compartment for each subject, see [Vault.Subject]
	ClassSecurity    Class = 4 // sensitive security parameters: credentials, sessions
	ClassLogs        Class = 5 // event logs
	ClassApplication Class = 6 // whatever the vendor keeps
	ClassFloor       Class = 7 // what no scope erases: floors, mandates, the guard's state
)

// Classes returns all classes.
func Classes() []Class {
	return []Class{ClassSettings, ClassIdentity, ClassUserData, ClassSecurity, ClassLogs, ClassApplication, ClassFloor}
}

// String returns the name of the class.
func (c Class) String() string {
	switch c {
	case ClassSettings:
		return "settings"
	case ClassIdentity:
		return "identity"
	case ClassUserData:
		return "userdata"
	case ClassSecurity:
		return "security"
	case ClassLogs:
		return "logs"
	case ClassApplication:
		return "application"
	case ClassFloor:
		return "floor"
	}
	return "unknown"
}

func (c Class) valid() bool { return c >= ClassSettings && c <= ClassFloor }

// MaxSubject is the most bytes of a subject's id.
const MaxSubject = 64

// validSubject says why id cannot name a subject: it is one segment of a resource,
// as the permission to erase it names it there.
func validSubject(id string) error {
	if id == "" || len(id) > MaxSubject || strings.Contains(id, "/") || !access.ValidResource(id) {
		return fmt.Errorf("protect: subject: 1 to %d bytes of [a-zA-Z0-9._~-], not only dots: %w", MaxSubject, fs.ErrInvalid)
	}
	return nil
}
