package powercut_test

import (
	"errors"
	"fmt"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

func Example() {
	m := powercut.New()
	m.Cut(2)
	f, err := m.FS().Open("state", durable.Create)
	fmt.Println("open:", err)
	_, err = f.WriteAt([]byte("on"), 0)
	fmt.Println("write:", err)
	err = f.Sync()
	fmt.Println("power lost:", errors.Is(err, powercut.ErrPower))
	for _, s := range m.Survivors() {
		fmt.Printf("%q %s\n", s.Machine.Files(), s.Desc)
	}
	// Output:
	// open: <nil>
	// write: <nil>
	// power lost: true
	// map[] .: 0 of 1 entry operations
	// map["state":""] .: 1 of 1 entry operations; state: synced
	// map["state":"o"] .: 1 of 1 entry operations; state: last write cut at 1 bytes
	// map["state":"\x00\x00"] .: 1 of 1 entry operations; state: zeros from 0
	// map["state":"on"] .: 1 of 1 entry operations; state: whole
}

func ExampleMachine_Restore() {
	m := powercut.New()
	_ = m.Store("tpm", "generation", []byte("1"))
	img := m.Image()
	_ = m.Store("tpm", "generation", []byte("2"))
	m.Restore(img) // the old disk is put back, the TPM remembers
	fmt.Printf("%s\n", m.Load("tpm", "generation"))
	// Output: 2
}

func ExampleFlip() {
	m := powercut.New()
	_ = writeFile(m.FS(), "a", "A")
	powercut.Flip(m, &powercut.FlipOptions{Stride: 5}, func(m *powercut.Machine, where string) {
		fmt.Printf("%s %s\n", where, m.Files()["a"])
	})
	// Output:
	// a:0.0 @
	// a:0.5 a
}
