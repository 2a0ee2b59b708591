package erase_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/erase"
)

// small is the least device with something to erase: photos by subject. A device has
// durable.OpenDir in the place of the machine, and the vault's floor compartment.
func small(ctx context.Context) (context.Context, *erase.Coordinator, *erase.Files, error) {
	dir, err := durable.OpenFS(powercut.New().FS(), nil)
	if err != nil {
		return nil, nil, nil, err
	}
	floor := durable.Sub(dir, "floor")
	if _, err := access.Provision(ctx, floor, nil); err != nil {
		return nil, nil, nil, err
	}
	policy, err := access.NewPolicy(access.PolicySpec{
		Roles:  []access.Role{{Name: "portal"}},
		Grants: []access.Grant{{Role: "portal", Permission: access.EraseSubject, Resources: []string{"**"}}},
	}, nil)
	if err != nil {
		return nil, nil, nil, err
	}
	guard, err := access.OpenGuard(ctx, floor, policy, &access.GuardOptions{Services: map[string][]string{"portal": {"portal"}}})
	if err != nil {
		return nil, nil, nil, err
	}
	photos, err := erase.NewFiles("photos", dir, "photos", guard)
	if err != nil {
		return nil, nil, nil, err
	}
	eraser, err := erase.Open(ctx, erase.Inventory{
		Root:   dir,
		Places: []erase.Place{{Store: photos, Entries: []string{"photos"}}},
		Free:   []erase.Free{{Entries: []string{"floor"}, Reason: "roles and mandates"}},
	}, floor, guard, &erase.Options{Signer: deviceKey})
	if err != nil {
		return nil, nil, nil, err
	}
	portal, err := access.AsService(ctx, guard.Issuer("service"), "portal")
	return portal, eraser, photos, err
}

var deviceKey = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)) // a key of a root of trust, in a device

func Example() {
	ctx, eraser, photos, err := small(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	alice, _ := photos.Of("alice")
	if err := alice.Put(ctx, "holiday", []byte("a beach")); err != nil {
		fmt.Println(err)
		return
	}
	outcome, err := eraser.Request(ctx, erase.Request{Subject: "alice", Reason: "she moved out"})
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := erase.VerifyReceipt(outcome.Receipt, deviceKey.Public())
	fmt.Println(r.Result, r.Stores[0].Method, r.Names("alice", outcome.Salt), err)
	_, err = alice.Get(ctx, "holiday")
	fmt.Println(errors.Is(err, fs.ErrNotExist))
	// Output:
	// done unlink: copies in flash may remain true <nil>
	// true
}

func ExampleCoordinator_Erase() {
	ctx, eraser, _, err := small(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(eraser.Erase(ctx, "alice"))
	_, err = eraser.Erase(access.Detach(ctx), "alice")
	fmt.Println(err)
	// Output:
	// photos: unlink: copies in flash may remain <nil>
	// erase: access: erase.subject on "alice" denied: nobody is authenticated; missing: authentication
}

func ExampleVerifyReceipt() {
	ctx, eraser, _, err := small(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	outcome, err := eraser.Request(ctx, erase.Request{Subject: "alice", Reason: "she moved out"})
	if err != nil {
		fmt.Println(err)
		return
	}
	stranger := ed25519.NewKeyFromSeed([]byte("the key of quite another device!"))
	_, err = erase.VerifyReceipt(outcome.Receipt, stranger.Public())
	fmt.Println(err)
	// Output:
	// erase: verify receipt: receipt: verify: signature does not verify: 0 of 1 keys, want 1
}
