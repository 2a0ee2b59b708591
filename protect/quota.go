package protect

import (
	"context"
	"fmt"
	"io/fs"
	"sync"

	"github.com/iot-device-baseline/baseline/durable"
)

// quota is how much of a class there may be, over all its compartments.
type quota struct {
	mu    sync.Mutex
	most  int64
	used  int64 // at least as much as there is
	stale bool  // something was removed since it was measured
}

// checkQuotas says why quotas cannot be what they are.
func checkQuotas(quotas map[Class]int64) error {
	for class, most := range quotas {
		if !class.valid() || class == ClassFloor || most <= 0 {
			return fmt.Errorf("quota of %d bytes for class %v: %w", most, class, fs.ErrInvalid)
		}
	}
	return nil
}

// grow counts n more bytes in the class of c, or gives an error that is
// [durable.ErrFull]. The caller uses the vault.
func (c *Compartment) grow(ctx context.Context, n int64) error {
	q := c.v.quotas[c.c.class]
	if q == nil || c.c.free {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.used+n > q.most && q.stale {
		used, err := c.v.measure(ctx, c.c.class)
		if err != nil {
			return err
		}
		q.used, q.stale = used, false
	}
	if n > 0 && q.used+n > q.most {
		return fmt.Errorf("%d bytes more in class %v, which has %d of %d: %w", n, c.c.class, q.used, q.most, durable.ErrFull)
	}
	q.used += n
	return nil
}

// shrunk notes that there may be less in the class of c.
func (c *Compartment) shrunk() {
	if q := c.v.quotas[c.c.class]; q != nil {
		q.shrunk()
	}
}

func (q *quota) shrunk() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stale = true
}

// measure counts the bytes of a class on the medium: of values and streams, as they are
// stored, and of streams that are being written.
func (v *Vault) measure(ctx context.Context, class Class) (int64, error) {
	total := int64(0)
	for _, e := range v.live.entries {
		if e.class == class {
			n, err := v.dir.Usage(ctx, e.id.path(""))
			if err != nil {
				return 0, err
			}
			total += n
		}
	}
	return total, nil
}
