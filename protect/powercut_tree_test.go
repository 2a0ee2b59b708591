package protect_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
)

// removeAllOp removes values and a log after a value was put.
func removeAllOp() powercut.Op {
	return powercut.Op{
		Name: "remove-all", Methods: []string{"Compartment.RemoveAll"},
		Before: func(ctx context.Context, m *powercut.Machine) error {
			if err := before(token)(ctx, m); err != nil {
				return err
			}
			err := do(token, settings(func(ctx context.Context, c *protect.Compartment) error {
				_, err := c.OpenLog(ctx, "network/trace", nil)
				return errors.Join(err, c.Put(ctx, "network/dns", []byte("auto")))
			}))(ctx, m)
			m.Settle()
			return err
		},
		Do: do(token, settings(func(ctx context.Context, c *protect.Compartment) error {
			if err := c.Put(ctx, "clock", []byte("utc")); err != nil {
				return err
			}
			if err := c.RemoveAll(ctx, "network/trace"); err != nil {
				return err
			}
			return c.RemoveAll(ctx, "network")
		})),
		State: func(ctx context.Context, m *powercut.Machine) (string, error) {
			text, err := tell(token)(ctx, m)
			logs := map[string]bool{}
			for file := range m.Files() {
				if log, _, ok := strings.Cut(file, "+log/"); ok {
					logs[log] = true
				}
			}
			return fmt.Sprintf("%s; logs %d", text, len(logs)), err
		},
		Legal: func(_, _, got string) error {
			whole := strings.Contains(got, "network/wifi") && strings.Contains(got, "network/dns")
			switch {
			case !strings.Contains(got, "settings : clock=utc"):
				return errors.New("the value that was put before is not there")
			case !whole && !strings.Contains(got, "logs 0"):
				return errors.New("the log was to go first")
			}
			return nil
		},
	}
}

// repairOp gives up a damaged value after another was put.
func repairOp() powercut.Op {
	tell := func(ctx context.Context, m *powercut.Machine) (string, error) {
		v, err := open(ctx, m, token, smallest())
		if err != nil {
			return "", err
		}
		c, err := v.Compartment(ctx, protect.ClassSettings)
		if err != nil {
			return "", err
		}
		names, err := c.List(ctx, "")
		return fmt.Sprintf("%v and %d unreadable", names, v.Stats().Unreadable), err
	}
	return powercut.Op{
		Name: "repair", Methods: []string{"Compartment.Repair"}, State: tell,
		Before: func(ctx context.Context, m *powercut.Machine) error {
			if err := before(token)(ctx, m); err != nil {
				return err
			}
			return do(token, func(ctx context.Context, v *protect.Vault) error {
				dir, err := durable.OpenFS(m.FS(), nil)
				for _, info := range v.Compartments() {
					if info.Class == protect.ClassSettings && err == nil {
						err = dir.Put(ctx, info.Prefix+strings.Repeat("0", 32), []byte("junk"))
					}
				}
				m.Settle()
				return err
			})(ctx, m)
		},
		Do: do(token, settings(func(ctx context.Context, c *protect.Compartment) error {
			if err := c.Put(ctx, "network/address", []byte("dhcp")); err != nil {
				return err
			}
			_, err := c.Repair(ctx)
			return err
		})),
		Legal: func(_, _, got string) error {
			if got != "[network/address network/wifi] and 1 unreadable" {
				return errors.New("a value was lost, or Repair came before it")
			}
			return nil
		},
	}
}
