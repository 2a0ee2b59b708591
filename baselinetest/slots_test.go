package baselinetest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/iot-device-baseline/baseline/backends/abslot"
	"github.com/iot-device-baseline/baseline/backends/uboot"
	"github.com/iot-device-baseline/baseline/durable"
)

// flash is the storage of the programs: two slot files, and U-Boot's environment.
type flash struct {
	path      string
	raw       *durable.Raw
	env       *uboot.Env
	installer *abslot.Installer
}

var environment = uboot.Config{Primary: uboot.Location{File: "uboot.env"}, Redundant: uboot.Location{File: "uboot-redund.env"}, Size: 4 << 10}

func slotFile(slot string) string { return "system-" + slot }

// makeFlash puts an image into slot a, in the factory.
func makeFlash(ctx context.Context, path string, image []byte) error {
	err := errors.Join(os.MkdirAll(path, 0o700), os.WriteFile(filepath.Join(path, slotFile("a")), image, 0o600))
	if err != nil {
		return err
	}
	raw, err := durable.OpenRaw(path, nil)
	if err != nil {
		return err
	}
	return errors.Join(uboot.Create(ctx, raw, environment, "a", nil), raw.Close())
}

// powerOn is the boot loader, and what the program that it starts opens of the flash.
// It returns the image that runs.
func powerOn(ctx context.Context, path string, v *vendor) (f *flash, image []byte, err error) {
	f = &flash{path: path}
	if f.raw, err = durable.OpenRaw(path, nil); err != nil {
		return nil, nil, err
	}
	slot, err := uboot.Choose(ctx, f.raw, environment)
	if err != nil {
		return nil, nil, err
	}
	if image, err = os.ReadFile(filepath.Join(path, slotFile(slot))); err != nil {
		return nil, nil, err
	}
	if _, runs := v.known[string(image)]; !runs {
		return nil, nil, fmt.Errorf("what is in slot %s does not run", slot)
	}
	if f.env, err = uboot.New(f.raw, environment, slot); err != nil {
		return nil, nil, err
	}
	f.installer, err = abslot.New(f.raw, f.env, [2]abslot.Slot{{Name: "a", File: slotFile("a")}, {Name: "b", File: slotFile("b")}}, nil)
	return f, image, err
}

// image opens what the boot loader would start now.
func (f *flash) image(ctx context.Context) (io.ReadCloser, error) {
	state, err := f.env.State(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range state {
		if s.Next {
			return os.Open(filepath.Join(f.path, slotFile(s.Name)))
		}
	}
	return nil, errors.New("nothing would start")
}
