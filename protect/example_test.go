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
