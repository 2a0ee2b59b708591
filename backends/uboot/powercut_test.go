package uboot_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/backends/uboot"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/update"
)

// op makes the environment, if there is none, and changes it: so a file and its name
// are at stake as well as the copies in it.
func op(name, method string, cfg uboot.Config, booted string, prepare, do func(ctx context.Context, env *uboot.Env) error) powercut.Op {
	begin := func(ctx context.Context, m *powercut.Machine) (*uboot.Env, error) {
		if err := m.Attempt(func() error { return made(ctx, m.FS(), cfg) }); err != nil {
			return nil, err
		}
		return uboot.New(m.FS(), cfg, booted)
	}
	return powercut.Op{
		Name: "uboot." + name, Methods: []string{"Create", method},
		Do: func(ctx context.Context, m *powercut.Machine) error {
			env, err := begin(ctx, m)
			if err != nil {
				return err
			}
			return m.Attempt(func() error {
				if prepare != nil {
					if err := prepare(ctx, env); err != nil {
						return err
					}
				}
				return do(ctx, env)
			})
		},
		State: tell(cfg),
		Legal: func(_, _, got string) error {
			if between[got] {
				return nil
			}
			return errors.New("no state on the way")
		},
	}
}

const (
	factory = "a good next, b bad"
	armed   = "a good, b trial 3 next"
)

// between are the states on the way to what an op does.
var between = map[string]bool{factory: true, armed: true}

func tell(cfg uboot.Config) func(context.Context, *powercut.Machine) (string, error) {
	return func(ctx context.Context, m *powercut.Machine) (string, error) {
		env, err := uboot.New(m.FS(), cfg, "a")
		if err != nil {
			return "", err
		}
		states, err := env.State(ctx)
		if errors.Is(err, update.ErrDamaged) {
			return "none", nil
		}
		return say(states), err
	}
}

func try(ctx context.Context, env *uboot.Env) error { return env.Try(ctx, "b", 3) }

func ops() []powercut.Op {
	var ops []powercut.Op
	for name, cfg := range layouts() {
		choose := op("choose-"+name, "Choose", cfg, "a", try, nil)
		do := op("", "", cfg, "a", nil, try).Do
		choose.Do = func(ctx context.Context, m *powercut.Machine) error {
			if s, err := tell(cfg)(ctx, m); err != nil || s == "none" || s == factory {
				if err := do(ctx, m); err != nil {
					return err
				}
			}
			_, err := uboot.Choose(ctx, m.FS(), cfg)
			return err
		}
		ops = append(ops, choose,
			op("try-"+name, "Env.Try", cfg, "a", nil, try),
			op("set-bad-"+name, "Env.SetBad", cfg, "a", try, func(ctx context.Context, env *uboot.Env) error { return env.SetBad(ctx, "b") }),
			op("mark-good-"+name, "Env.MarkGood", cfg, "b", try, func(ctx context.Context, env *uboot.Env) error { return env.MarkGood(ctx, "b") }),
		)
	}
	return ops
}

func TestPowerCut(t *testing.T) {
	for _, op := range ops() {
		t.Run(op.Name, func(t *testing.T) { powercut.Run(t, op) })
	}
}

func TestPowerCutCovered(t *testing.T) {
	powercut.Covered(t, ops(), []string{"Env.Booted", "Env.State", "Env.Health"}, (*uboot.Env)(nil))
}

// TestFaultThenCut lets each step of Create and Try fail, does both again in a new
// process, and cuts the power: what was acknowledged is there. (From a state on the way,
// TestPowerCut would also take another one.)
func TestFaultThenCut(t *testing.T) {
	ctx := t.Context()
	for name, cfg := range layouts() {
		for _, fault := range []powercut.Fault{powercut.Fail, powercut.Torn, powercut.Full} {
			for n := 0; ; n++ {
				m := powercut.New()
				m.Fail(n, fault)
				err := made(ctx, m.FS(), cfg)
				if err == nil {
					err = try(ctx, opened(t, m.FS(), cfg, "a"))
				}
				m.Fail(0, powercut.NoFault)
				over := err == nil && m.Steps() <= n
				require.NoError(t, made(ctx, m.FS(), cfg))
				require.NoError(t, try(ctx, opened(t, m.FS(), cfg, "a")))
				m.Drop()
				require.Equal(t, armed, stateOf(t, opened(t, m.FS(), cfg, "a")), "%s, %v at step %d", name, fault, n)
				if over {
					break
				}
			}
		}
	}
}
