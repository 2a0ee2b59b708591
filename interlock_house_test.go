package baseline_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/iot-device-baseline/baseline"
	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/backends/uboot"
	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/erase"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/reset"
	"github.com/iot-device-baseline/baseline/update"
)

// house is a device of real parts on a machine, as it runs after one power-on. Its
// operations stop where a test has them wait.
type house struct {
	m       *powercut.Machine
	running uint64 // the release that the boot loader started
	label   string
	fault   string // planted

	mu    sync.Mutex
	waits map[string]*wait // by place

	dir       *durable.Dir
	vault     *protect.Vault
	floor     durable.Store
	interlock *baseline.Interlock
	lock      reset.Interlock // it, or what is wrong with it
	guard     *access.Guard
	resetter  *reset.Resetter
	settings  *config.Settings
	view      *config.View[houseSettings]
	photos    *erase.Files
	eraser    *erase.Coordinator
	updater   *update.Updater
	armed     *uboot.Env
}

type houseSettings struct {
	Name string `json:"name" setting:"doc=Name; default=house; minlen=1; maxlen=16; charset=host"`
	Code int    `json:"code" setting:"doc=Least length of a code; default=4; min=4; max=8; floor"`
}

// wait is a place at which an operation stops until it is let go.
type wait struct{ there, gone chan struct{} }

// at stops who comes to a place, if a test wants him to. Who comes again passes.
func (h *house) at(ctx context.Context, place string) {
	h.mu.Lock()
	w := h.waits[place]
	delete(h.waits, place)
	h.mu.Unlock()
	if w == nil {
		return
	}
	close(w.there)
	select {
	case <-w.gone:
	case <-ctx.Done():
	}
}

// stop has the next who comes to place wait.
func (h *house) stop(place string) *wait {
	h.mu.Lock()
	defer h.mu.Unlock()
	w := &wait{make(chan struct{}), make(chan struct{})}
	h.waits[place] = w
	return w
}

// Where operations stop.
const (
	atApplier = "the settings are being applied"
	atSource  = "the image is being fetched"
	atArming  = "the slot is about to be armed"
	atErase   = "the keys of a person are destroyed, the files are not"
	atAll     = "the keys of all persons are destroyed, the files are not"
	atReset   = "the first step of a reset"
	atGate    = "gate before: " // and the phase
)

// Partitions.
func stateOf(m *powercut.Machine) durable.FS { return branch{m.FS(), "state"} }
func slotsOf(m *powercut.Machine) durable.FS { return branch{m.FS(), "slots"} }
func bootOf(m *powercut.Machine) durable.FS  { return branch{m.FS(), "boot"} }

var houseEnv = uboot.Config{Primary: uboot.Location{File: "env"}, Redundant: uboot.Location{File: "env-redundant"}, Size: 1 << 10}

// chosen is the boot loader: the slot that starts, and the program in it. One that is no
// program is what must never be chosen.
func chosen(ctx context.Context, m *powercut.Machine) (slot string, number uint64, err error) {
	if slot, err = uboot.Choose(ctx, bootOf(m), houseEnv); err != nil {
		return "", 0, err
	}
	f, err := slotsOf(m).Open(slot, durable.ReadOnly)
	if err != nil {
		return "", 0, err
	}
	image, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<20))
	if err == nil {
		number, err = numberOf(image)
	}
	if err != nil {
		err = fmt.Errorf("slot %s does not start: %w", slot, err)
	}
	return slot, number, errors.Join(err, f.Close())
}

// powerOn is the boot loader, and the start of the program that it chose. A reset or a
// rollback that ends with a restart gets it.
func powerOn(ctx context.Context, m *powercut.Machine, label, fault string, v *builder) (*house, error) {
	for starts := 0; ; starts++ {
		slot, number, err := chosen(ctx, m)
		if err != nil {
			return nil, err
		}
		h := &house{m: m, running: number, label: label, fault: fault, waits: map[string]*wait{}}
		err = h.start(ctx, slot, v)
		again := errors.Is(err, reset.ErrRestart) || err == nil && h.updater.State() == "rolling back"
		if !again || starts > 1 {
			return h, err
		}
	}
}

// start opens the parts in the order of docs/start.md: a reset before all others.
func (h *house) start(ctx context.Context, slot string, v *builder) (err error) {
	if err := h.early(ctx, protect.Open); err != nil {
		return err
	}
	if err := h.resetter.Resume(ctx); err != nil {
		return err
	}
	if err := h.late(ctx); err != nil {
		return err
	}
	if err := h.openUpdater(ctx, slot, v); err != nil {
		return err
	}
	if err := h.updater.Recover(ctx); err != nil {
		return err
	}
	if h.fault != faultNoResume {
		if err := h.eraser.Resume(ctx); err != nil {
			return err
		}
	}
	if _, err := h.interlock.Settle(ctx); err != nil {
		return err
	}
	return errors.Join(h.resetter.Accept(ctx), h.confirmRest(ctx))
}

// confirmRest ends a confirmation of which only the floor is left, as Updater.Run does.
func (h *house) confirmRest(ctx context.Context) error {
	if h.updater.State() != "confirming" {
		return nil
	}
	ctx, err := access.AsService(ctx, h.guard.Issuer("service"), "updater")
	if err != nil {
		return err
	}
	return h.updater.Confirm(ctx)
}
