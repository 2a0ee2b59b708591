package access_test

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

// A device is provisioned in the factory, taken into service by its owner, and then
// asks for each operation.
func Example() {
	ctx := context.Background()
	floor, _ := durable.OpenFS(powercut.New().FS(), nil) // in a device: the floor compartment of the vault
	secret, _ := access.Provision(ctx, floor, nil)       // once, in the factory
	label := secret.Reveal()

	policy, _ := access.NewPolicy(access.PolicySpec{
		Roles:  []access.Role{{Name: "owner"}},
		Grants: []access.Grant{{Role: "owner", Permission: "config.*", Resources: []string{"settings/**"}}},
	}, nil)
	guard, _ := access.OpenGuard(ctx, floor, policy, &access.GuardOptions{Local: []string{"usb"}, Parts: []string{"wifi"}})
	_ = guard.Credentials().Set("wifi", []access.Credential{{Name: "network key", Origin: access.SetByOwner}})
	fmt.Println(guard.Shut())

	first, _ := guard.Initial(ctx, label, "usb")
	owner := access.Owner{ID: "ann", Roles: []string{"owner"}}
	err := guard.Commission(access.WithEntity(ctx, first), owner, func(context.Context) error { return nil })
	fmt.Println("commissioned:", err)

	ann, _ := guard.Issuer("password").Issue(access.Facts{ID: "ann", Kind: access.KindPerson})
	ctx = access.WithEntity(ctx, ann)
	_, err = access.Check(ctx, guard, access.ConfigWrite, "settings/lamp/level")
	fmt.Println("settings:", err)
	_, err = access.Check(ctx, guard, access.ResetRequest, "factory")
	var denied *access.DeniedError
	fmt.Println("reset:", errors.As(err, &denied), denied.Missing)
	// Output:
	// the initial secret is in service: the device is not commissioned true
	// commissioned: <nil>
	// settings: <nil>
	// reset: true a role that grants reset.request on this resource
}

func ExamplePolicy_Explain() {
	policy, err := access.ParsePolicy([]byte(`{
		"roles":  [{"name": "viewer"}, {"name": "operator", "inherits": ["viewer"]}],
		"grants": [
			{"role": "viewer",   "permission": "status.read",   "resources": ["**"]},
			{"role": "viewer",   "permission": "erase.subject", "resources": ["users/{self}/**"]},
			{"role": "operator", "permission": "config.write",  "resources": ["settings/*/level"], "interfaces": ["lan"]}
		]}`), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, line := range policy.Explain("operator") {
		fmt.Println(line)
	}
	_, err = access.ParsePolicy([]byte(`{"roles": [{"name": "viewer"}], "grants": [{"role": "viewer", "permission": "status.raed", "resources": ["**"]}]}`), nil)
	fmt.Println(err)
	// Output:
	// status.read on ** (grant 0, inherited from viewer)
	// erase.subject on users/{self}/** (grant 1, inherited from viewer)
	// config.write on settings/*/level, only on [lan] (grant 2)
	// access: policy: /grants/0/permission: names a known permission, or an area and ".*"
}

func ExampleMatrix_WriteText() {
	policy, _ := access.NewPolicy(access.PolicySpec{
		Roles:  []access.Role{{Name: "viewer"}, {Name: "owner", Inherits: []string{"viewer"}}},
		Grants: []access.Grant{{Role: "viewer", Permission: access.StatusRead, Resources: []string{"**"}}, {Role: "owner", Permission: access.EraseAll, Resources: []string{"**"}}},
	}, nil)
	m := policy.Matrix()
	var rows []access.MatrixRow
	for _, row := range m.Rows {
		if row.Permission == access.StatusRead || row.Permission == access.EraseAll {
			rows = append(rows, row)
		}
	}
	m.Rows = rows
	_ = m.WriteText(os.Stdout)
	// Output:
	// permission   viewer  owner
	// erase.all    -       **
	// status.read  **      **
}
