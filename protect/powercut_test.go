package protect_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
)

// smallest keeps the number of written bytes down.
func smallest() *protect.Options { return &protect.Options{MaxCompartments: 9} }

func before(store keyStore) func(context.Context, *powercut.Machine) error {
	return func(ctx context.Context, m *powercut.Machine) error {
		return setUp(somebody(ctx), m, store, smallest())
	}
}

// do opens the vault of a started device and runs fn.
func do(store keyStore, fn func(ctx context.Context, v *protect.Vault) error) func(context.Context, *powercut.Machine) error {
	return func(ctx context.Context, m *powercut.Machine) error {
		ctx = somebody(ctx)
		v, err := open(ctx, m, store, smallest())
		if err != nil {
			return err
		}
		return m.Attempt(func() error { return fn(ctx, v) })
	}
}

// tell says what the vault holds after a restart.
func tell(store keyStore) func(context.Context, *powercut.Machine) (string, error) {
	return func(ctx context.Context, m *powercut.Machine) (string, error) {
		v, err := open(ctx, m, store, smallest())
		if errors.Is(err, protect.ErrMissing) {
			return "not provisioned", nil
		}
		if err != nil {
			return "", err
		}
		return content(ctx, v)
	}
}

func provisioning(store keyStore) func(context.Context, *powercut.Machine) error {
	return func(ctx context.Context, m *powercut.Machine) error {
		return provisionTwice(ctx, m, store, smallest())
	}
}

// provisionTwice provisions, and again on the same objects if that fails.
func provisionTwice(ctx context.Context, m *powercut.Machine, store keyStore, opts *protect.Options) error {
	again := func(ctx context.Context, dir *durable.Dir, keys protect.KeyStore, opts *protect.Options) (v *protect.Vault, err error) {
		err = m.Attempt(func() error { v, err = protect.Provision(ctx, dir, keys, opts); return err })
		return v, err
	}
	_, err := begin(ctx, m, store, opts, again)
	return err
}

func erasing(ctx context.Context, v *protect.Vault) error {
	_, err := v.Erase(ctx, "alice")
	return err
}

func settings(fn func(context.Context, *protect.Compartment) error) func(context.Context, *protect.Vault) error {
	return func(ctx context.Context, v *protect.Vault) error {
		c, err := v.Compartment(ctx, protect.ClassSettings)
		if err != nil {
			return err
		}
		return fn(ctx, c)
	}
}

func ops() []powercut.Op {
	var ops []powercut.Op
	add := func(name, method string, store keyStore, fn func(context.Context, *protect.Vault) error) {
		ops = append(ops, powercut.Op{
			Name: name, Methods: []string{method}, Before: before(store), Do: do(store, fn), State: tell(store),
		})
	}
	for _, name := range []string{"token", "softkeys", "plain"} {
		store := stores()[name]
		ops = append(ops, powercut.Op{
			Name: "provision-" + name, Methods: []string{"Provision", "Open"}, Do: provisioning(store), State: tell(store),
		})
		add("erase-"+name, "Vault.Erase", store, erasing)
	}
	add("put", "Compartment.Put", token, settings(func(ctx context.Context, c *protect.Compartment) error {
		return c.Put(ctx, "network/wifi", []byte("another passphrase"))
	}))
	add("put-new", "Compartment.Put", software, settings(func(ctx context.Context, c *protect.Compartment) error {
		return c.Put(ctx, "network/address", []byte("dhcp"))
	}))
	add("subject", "Vault.Subject", token, func(ctx context.Context, v *protect.Vault) error {
		_, err := v.Subject(ctx, "carol")
		return err
	})
	add("subjects-erase", "Subjects.Erase", token, func(ctx context.Context, v *protect.Vault) error {
		_, err := v.Subjects().Erase(ctx, "bob")
		return err
	})
	add("erase-classes", "Vault.EraseClasses", token, func(ctx context.Context, v *protect.Vault) error {
		_, err := v.EraseClasses(ctx, reset(), protect.ClassSettings, protect.ClassUserData)
		return err
	})
	ops = append(append(ops, streamOps()...), anchorOps()...)
	ops = append(append(ops, migrateOps()...), recoverOps()...)
	return append(ops, anewOp(), deleteOp(), compartmentOp(), rotateOp(), logOp(), reserveOp(), removeAllOp(), repairOp())
}

func reset() protect.Authority {
	return protect.Authority{Permission: access.ResetRequest, Resource: "settings"}
}

// anewOp is a fresh start, with somebody present, after the disk was lost.
func anewOp() powercut.Op {
	return powercut.Op{
		Name: "provision-anew", Methods: []string{"Provision"},
		Before: func(ctx context.Context, m *powercut.Machine) error {
			if err := before(token)(ctx, m); err != nil {
				return err
			}
			m.Restore(powercut.Image{})
			return nil
		},
		Do: func(ctx context.Context, m *powercut.Machine) error {
			opts := smallest()
			opts.Presence = presence{}
			return provisionTwice(ctx, m, token, opts)
		},
		State: func(ctx context.Context, m *powercut.Machine) (string, error) {
			text, err := tell(token)(ctx, m)
			if errors.Is(err, protect.ErrTampered) || errors.Is(err, protect.ErrLost) { // without, and with, a prepared table
				return "state lost", nil
			}
			return text, err
		},
	}
}

// deleteOp also puts a value before, since a removal alone syncs no file.
func deleteOp() powercut.Op {
	return powercut.Op{
		Name: "delete", Methods: []string{"Compartment.Delete"}, Before: before(token), State: tell(token),
		Do: do(token, settings(func(ctx context.Context, c *protect.Compartment) error {
			if err := c.Put(ctx, "network/address", []byte("dhcp")); err != nil {
				return err
			}
			return c.Delete(ctx, "network/wifi")
		})),
		Legal: func(_, _, got string) error {
			if !strings.Contains(got, "settings : network/address=dhcp network/wifi=canary-passphrase;") {
				return errors.New("neither was the value put and the other there")
			}
			return nil
		},
	}
}

// compartmentOp makes a class's compartment again after its erasure.
func compartmentOp() powercut.Op {
	return powercut.Op{
		Name: "compartment", Methods: []string{"Vault.Compartment"}, State: tell(token),
		Before: func(ctx context.Context, m *powercut.Machine) error {
			if err := before(token)(ctx, m); err != nil {
				return err
			}
			return do(token, func(ctx context.Context, v *protect.Vault) error {
				_, err := v.EraseClasses(ctx, reset(), protect.ClassSettings)
				return err
			})(ctx, m)
		},
		Do: do(token, settings(func(context.Context, *protect.Compartment) error { return nil })),
	}
}

// rotateOp tells the generation as well, since nothing else shows a rotation. A
// second one is another.
func rotateOp() powercut.Op {
	return powercut.Op{
		Name: "rotate", Methods: []string{"Vault.Rotate"}, Before: before(token),
		Do: do(token, func(ctx context.Context, v *protect.Vault) error { return v.Rotate(ctx) }),
		State: func(ctx context.Context, m *powercut.Machine) (string, error) {
			v, err := open(ctx, m, token, smallest())
			if err != nil {
				return "", err
			}
			text, err := content(ctx, v)
			return fmt.Sprintf("generation %d: %s", v.Report(ctx).Generation, text), err
		},
	}
}

// logOp appends to a sealed log.
func logOp() powercut.Op {
	return powercut.Op{
		Name: "log", Methods: []string{"Compartment.OpenLog"}, Before: before(token),
		Do: do(token, settings(func(ctx context.Context, c *protect.Compartment) error {
			l, err := c.OpenLog(ctx, "changes", nil)
			if err != nil {
				return err
			}
			if _, err := l.Append(ctx, fmt.Appendf(nil, "change")); err != nil {
				return err
			}
			return errors.Join(l.Sync(ctx), l.Close())
		})),
		State: func(ctx context.Context, m *powercut.Machine) (string, error) {
			var text string
			err := do(token, settings(func(ctx context.Context, c *protect.Compartment) error {
				l, err := c.OpenLog(ctx, "changes", nil)
				if err != nil {
					return err
				}
				for r, err := range l.Records(ctx, 1) {
					if err != nil {
						return err
					}
					text += fmt.Sprintf("%d %s;", r.Seq, r.Data)
				}
				return l.Close()
			}))(ctx, m)
			return text, err
		},
	}
}

// reserveOp shows a reserve by what can be put on a full disk.
func reserveOp() powercut.Op {
	const size = 700
	return powercut.Op{
		// Over a key store that counts the first change frees the space of the old table.
		Name: "reserve", Methods: []string{"Compartment.Reserve"}, Before: before(uncounted),
		Do: do(uncounted, settings(func(ctx context.Context, c *protect.Compartment) error {
			return c.Reserve(ctx, "mandate", size)
		})),
		State: func(ctx context.Context, m *powercut.Machine) (string, error) {
			full := m.Clone()
			text, err := tell(uncounted)(ctx, m)
			if err != nil {
				return "", err
			}
			used := int64(0)
			for _, raw := range full.Files() {
				used += int64(len(raw))
			}
			full.SetCapacity(used)
			err = do(uncounted, settings(func(ctx context.Context, c *protect.Compartment) error {
				return c.Put(ctx, "mandate", make([]byte, size))
			}))(ctx, full)
			if err != nil && !errors.Is(err, durable.ErrFull) {
				return "", err
			}
			return fmt.Sprintf("%s; reserved %v", text, err == nil), nil
		},
	}
}

func TestPowerCut(t *testing.T) {
	for _, op := range ops() {
		t.Run(op.Name, func(t *testing.T) { powercut.Run(t, op) })
	}
}

func TestPowerCutCovered(t *testing.T) {
	powercut.Covered(t, ops(), []string{
		"Vault.Guard", "Vault.Report", "Vault.Features", "Vault.Stats", "Vault.Health", "Vault.Close",
		"Vault.Compartments", "Vault.Subjects", "Vault.Format", "Vault.MarshalText", "Vault.LogValue",
		"Compartment.Class", "Compartment.Get", "Compartment.List", "Compartment.Entries", "Compartment.Format", "Compartment.String",
		"Compartment.GoString", "Compartment.MarshalText", "Compartment.LogValue",
		"Compartment.OpenStream", "Compartment.Streams", "StreamWriter.Format", "StreamWriter.MarshalText", "StreamWriter.LogValue",
		"Vault.Run", // Anchor, and waiting
		"Vault.OpenSubject", "Subjects.Name", "Subjects.Verify", "Subjects.Features", "Vault.Describe",
	}, (*protect.Vault)(nil), (*protect.Compartment)(nil), (*protect.Subjects)(nil), (*protect.StreamWriter)(nil))
}
