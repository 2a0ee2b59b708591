package update

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/iot-device-baseline/baseline/durable"
)

// floorName is the floor of [Release].Number.
const floorName = "release"

const ruleFloor = "is 1 to 128 bytes of [A-Za-z0-9._/-], no segment of it empty or of dots only"

const (
	maxFloors     = 128
	maxFloorBytes = 32 << 10
)

// ErrFloorsFull is wrapped by the error of a Raise that would need a name more than
// the [Floors] has room for. Names that are there can still be raised.
var ErrFloorsFull = errors.New("no room for another floor")

// FloorStore keeps [Floors] in a Store, under "update/floors". It may be used
// concurrently; nobody else writes there.
type FloorStore struct {
	mu    sync.Mutex
	value *durable.Value[map[string]uint64]
	store durable.Store
}

// NewFloors returns the floors kept in store. Who can write the store can lower
// them, so that a protect.Compartment, or hardware, is the better place.
func NewFloors(store durable.Store) *FloorStore {
	return &FloorStore{store: store, value: durable.NewValue(store, "update/floors",
		&durable.ValueOptions[map[string]uint64]{Check: checkFloors, MaxBytes: maxFloorBytes})}
}

func checkFloors(m map[string]uint64) error {
	if m == nil || len(m) > maxFloors {
		return errors.New("there are at most 128 floors")
	}
	for name, v := range m {
		if !validPath(name) || len(name) > 128 || v == 0 || v > 1<<62 {
			return errors.New("the name of a floor " + ruleFloor + ", and it is 1 to 2^62")
		}
	}
	return nil
}

// Get implements [Floors]. Floors that cannot be read are an error, not 0.
func (f *FloorStore) Get(ctx context.Context, name string) (uint64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	all, err := f.load(ctx, name)
	return all[name], err
}

// Raise implements [Floors]. There is room for 128 names ([ErrFloorsFull]).
func (f *FloorStore) Raise(ctx context.Context, name string, v uint64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	all, err := f.load(ctx, name)
	if err != nil || v <= all[name] {
		return err
	}
	if all[name] == 0 && len(all) >= maxFloors {
		return fmt.Errorf("update: floor %s: %w", name, ErrFloorsFull)
	}
	all[name] = v
	return f.save(ctx, name, all)
}

// Forget drops a floor whose name will not be used again, such as that of keys which
// the vendor took back; so names do not add up over the years of a device. The floor
// of releases stays: asking for it gives an error that is [fs.ErrInvalid]. A name that
// was never raised is no error.
//
// It is an optional ability of [Floors]; who uses it asserts for it.
func (f *FloorStore) Forget(ctx context.Context, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if name == floorName {
		return fmt.Errorf("update: forget floor %s: never goes down: %w", name, fs.ErrInvalid)
	}
	all, err := f.load(ctx, name)
	if err != nil || all[name] == 0 {
		return err
	}
	delete(all, name)
	return f.save(ctx, name, all)
}

func (f *FloorStore) save(ctx context.Context, name string, all map[string]uint64) error {
	if err := f.value.Store(ctx, all); err != nil {
		return fmt.Errorf("update: floor %s: %w", name, err)
	}
	return nil
}

// Reserve keeps the space that Raise needs on a full medium: call it when the device
// is provisioned. A Store without the ability gives an error that is
// [errors.ErrUnsupported].
func (f *FloorStore) Reserve(ctx context.Context) error {
	return durable.Reserve(ctx, f.store, "update/floors", maxFloorBytes)
}

func (f *FloorStore) load(ctx context.Context, name string) (map[string]uint64, error) {
	if !validPath(name) || len(name) > 128 {
		return nil, fmt.Errorf("update: floor: the name %s: %w", ruleFloor, fs.ErrInvalid)
	}
	all, err := f.value.LoadOr(ctx, map[string]uint64{})
	if err != nil {
		return nil, fmt.Errorf("update: floor %s: %w", name, err)
	}
	return all, nil
}
