package password

import (
	"strconv"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/clause"
)

// Credentials is what [access.CredentialList.Set] is to be told for the part
// "password".
func (s *Store) Credentials() []access.Credential {
	return []access.Credential{{Name: "passwords of users", Origin: access.SetByOwner}}
}

// Features are what passwords do for 27402 5.2.6.
func (s *Store) Features() []clause.Feature {
	return []clause.Feature{{
		ID: "access.password", Clauses: []clause.ID{clause.C5_2_6_1_2_A}, Package: "access/password",
		Summary: "passwords of persons, hashed with argon2id, bound to the ownership",
		Settings: []clause.Setting{
			{Name: "throttle", Value: "none yet: for local interfaces only"},
			{Name: "minimum length", Value: strconv.Itoa(s.hasher.minimum)},
		},
	}}
}
