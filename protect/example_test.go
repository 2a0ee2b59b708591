package protect_test

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/iot-device-baseline/baseline/backends/softkeys"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/protecttest"
)

func exampleDir() (*durable.Dir, protect.KeyStore) {
	dir, err := durable.OpenFS(powercut.New().FS(), nil) // on a device: durable.OpenDir
	if err != nil {
		panic(err)
	}
	keys, err := softkeys.Open(context.Background(), dir, nil) // or a root of trust
	if err != nil {
		panic(err)
	}
	return dir, keys
}

func Example() {
	ctx := context.Background()
	dir, keys := exampleDir()
	vault, err := protect.Provision(ctx, dir, keys, nil) // in the factory; then Open
	if err != nil {
		panic(err)
	}
	settings, err := vault.Compartment(ctx, protect.ClassSettings)
	if err != nil {
		panic(err)
	}
	if err := settings.Put(ctx, "network/wifi", []byte("a passphrase")); err != nil {
		panic(err)
	}
	value, err := settings.Get(ctx, "network/wifi")
	fmt.Printf("%s, %v\n", value, err)
	fmt.Println(vault.Report(ctx).Erasure)
	// Output:
	// a passphrase, <nil>
	// clear: live copies only
}

func ExampleCompartment_CreateStream() {
	ctx := context.Background()
	dir, keys := exampleDir()
	vault, err := protect.Provision(ctx, dir, keys, nil)
	if err != nil {
		panic(err)
	}
	films, err := vault.Compartment(ctx, protect.ClassApplication)
	if err != nil {
		panic(err)
	}
	save := func(name string, from io.Reader) error {
		w, err := films.CreateStream(ctx, name)
		if err != nil {
			return err
		}
		defer w.Abort() // unless it is closed: a film that broke off is none
		if _, err := io.Copy(w, from); err != nil {
			return err
		}
		return w.Close()
	}
	fmt.Println(save("door/1", strings.NewReader("a bird, and another bird")))
	r, err := films.OpenStream(ctx, "door/1")
	if err != nil {
		panic(err)
	}
	defer r.Close()
	part := make([]byte, 12)
	_, err = r.ReadAt(part, 12)
	fmt.Println(string(part), r.Size(), err)
	// Output:
	// <nil>
	// another bird 24 <nil>
}

func ExampleVault_Erase() {
	ctx := somebody(context.Background()) // who asks, as an authenticator says
	dir, keys := exampleDir()
	vault, err := protect.Provision(ctx, dir, keys, nil)
	if err != nil {
		panic(err)
	}
	alice, err := vault.Subject(ctx, "alice")
	if err != nil {
		panic(err)
	}
	if err := alice.Put(ctx, "letter", []byte("dear bob")); err != nil {
		panic(err)
	}
	_, err = vault.Erase(ctx, "alice")
	fmt.Println(err)
	vault.Guard(allow{}) // on a device: the access.Guard
	method, err := vault.Erase(ctx, "alice")
	fmt.Println(method, err)
	_, err = alice.Get(ctx, "letter")
	fmt.Println(err)
	// Output:
	// protect: erase: access: erase.subject on "alice" denied: nobody decides here: the authorizer is nil; missing: an authorizer
	// clear: live copies only <nil>
	// protect: get letter: protect: userdata: compartment: erased: missing; open the compartment anew
}

// A device that kept its keys in software moves to the root of trust that it has got.
func ExampleMigrate() {
	ctx := context.Background()
	machine := powercut.New()
	dir, _ := durable.OpenFS(machine.FS(), nil)
	soft, _ := softkeys.Open(ctx, dir, nil)
	vault, _ := protect.Provision(ctx, dir, soft, nil)
	settings, _ := vault.Compartment(ctx, protect.ClassSettings)
	_ = settings.Put(ctx, "network/wifi", []byte("passphrase"))
	_ = vault.Close()

	vault, err := protect.Migrate(ctx, dir, soft, protecttest.NewToken(machine), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	settings, _ = vault.Compartment(ctx, protect.ClassSettings)
	value, _ := settings.Get(ctx, "network/wifi")
	report := vault.Report(ctx)
	fmt.Printf("%s over %s; moved from %s, %d objects left\n", value, report.KeyStore.Name, report.Moved, report.Inherited)
	// Output: passphrase over token; moved from softkeys, 0 objects left
}
