package config_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

// Kept has settings that survive a reset, of which some may be insecure.
type Kept struct {
	Timeout time.Duration     `json:"timeout" setting:"doc=Console; default=5m; min=1m; max=24h; floor; insecure=>1h: an open console is left to anybody"`
	Days    int               `json:"days" setting:"doc=Days of log; default=90; min=1; max=365; floor"`
	Level   int               `json:"level" setting:"doc=Level of alarms; default=3; min=0; max=9; floor"`
	Quiet   bool              `json:"quiet" setting:"doc=No alarms; default=false"`
	Keys    map[string]string `json:"keys" setting:"doc=Keys; keys=id; maxitems=4; charset=id; minlen=1; maxlen=9; floor; insecure=admin: guessed at once"`
}

func keptSchema(t require.TestingT) *config.Schema {
	// It speaks of a setting that is no floor, so that to reset that one does not help.
	loud := config.NewRule("loud", func(k *Kept) string {
		if k.Level == 0 {
			return "nobody hears of an attack"
		}
		return ""
	}, "/quiet")
	loud.Severity = config.Insecure
	s, err := config.For[Kept](&config.SchemaOptions{Rules: []config.Rule{loud}})
	require.NoError(t, err)
	return s
}

func keptDevice(t testing.TB, change func(*device)) *device {
	d := newDevice(t, nil)
	d.schema, d.opts.Appliers = keptSchema(t), nil
	if change != nil {
		change(d)
	}
	d.start()
	return d
}

func (d *device) start() {
	d.notices = nil
	d.events.Reset()
	var err error
	d.settings, err = config.Open(context.Background(), d.dir, d.schema, d.auth, &d.opts)
	require.NoError(d.t, err)
}

// reset removes what a factory reset does, and starts.
func (d *device) reset() {
	for _, name := range []string{"settings/current", "settings/good"} {
		require.NoError(d.t, d.dir.Delete(context.Background(), name))
	}
	d.start()
}

func (d *device) told() (keys []string) {
	for _, n := range d.notices {
		keys = append(keys, n.Type+n.Key)
	}
	slices.Sort(keys)
	return keys
}

// TestInsecureFloorDoesNotComeBack: a reset leaves the next owner the least of security
// that was chosen, and no insecure choice of who owned the device before.
func TestInsecureFloorDoesNotComeBack(t *testing.T) {
	const defaults = `{"timeout":"5m","days":90,"level":3,"quiet":false,"keys":{}}`
	for name, c := range map[string]struct {
		patch  string
		accept []string
		want   string
		told   []string
	}{
		"secure": {
			`{"timeout":"30m","days":200,"keys":{"a":"x"}}`, nil,
			`{"timeout":"30m","days":200,"level":3,"quiet":false,"keys":{"a":"x"}}`, nil,
		},
		"insecure": {
			`{"timeout":"12h"}`, []string{"/timeout"}, defaults, []string{"config.setting/timeout"},
		},
		"beside a secure one": {
			`{"timeout":"12h","days":200}`, []string{"/timeout"},
			`{"timeout":"5m","days":200,"level":3,"quiet":false,"keys":{}}`, []string{"config.setting/timeout"},
		},
		"in a map": {
			`{"days":200,"keys":{"a":"admin","b":"x"}}`, []string{"/keys/a"},
			`{"timeout":"5m","days":200,"level":3,"quiet":false,"keys":{}}`, []string{"config.setting/keys/*"},
		},
		"by a rule about another": {
			`{"days":200,"level":0}`, []string{"/quiet"}, defaults,
			[]string{"config.setting/days", "config.setting/level", "config.setting/quiet"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := keptDevice(t, nil)
			d.mustPatch(c.patch, c.accept...)
			kept := d.document()
			d.start()
			assert.Equal(t, kept, d.document(), "the same owner keeps what he accepted")
			assert.Empty(t, d.notices)
			d.reset()
			assert.Equal(t, c.want, d.document())
			assert.Equal(t, c.told, d.told())
			assert.Equal(t, len(c.told) > 0, slices.Contains(d.eventNames(), access.EventConfigReverted))
			require.NoError(t, d.settings.Health(t.Context()), "a reset is no damage")
			d.reset()
			assert.Equal(t, c.want, d.document())
			assert.Empty(t, d.notices, "it is gone from the medium too")
			d.mustPatch(`{"days":100}`)
			d.start()
			assert.Empty(t, d.notices)
		})
	}
}

func (d *device) eventNames() (names []string) {
	for _, name := range []string{access.EventConfigReverted, access.EventConfigInsecure} {
		if slices.Contains(splitMessages(d.events.String()), name) {
			names = append(names, name)
		}
	}
	return names
}

// TestInsecureFloorOfADamagedDevice: damage does not bring back either what nobody can
// be asked about.
func TestInsecureFloorOfADamagedDevice(t *testing.T) {
	d := keptDevice(t, nil)
	d.mustPatch(`{"timeout":"12h","days":200}`, "/timeout")
	d.spoil("settings/current")
	d.start()
	assert.Equal(t, `{"timeout":"5m","days":200,"level":3,"quiet":false,"keys":{}}`, d.document())
	assert.Equal(t, []string{"config.damagedsettings", "config.setting/timeout"}, d.told())
}

// TestInsecureFloorThatCannotBeRewritten: it is found again at the next start.
func TestInsecureFloorThatCannotBeRewritten(t *testing.T) {
	floor := &wornFloor{}
	d := keptDevice(t, func(d *device) { floor.Store, d.opts.Floor = d.dir, floor })
	d.mustPatch(`{"timeout":"12h"}`, "/timeout")
	floor.broken = true
	d.reset()
	assert.Contains(t, d.document(), `"timeout":"5m"`)
	require.ErrorContains(t, d.settings.Health(t.Context()), "worn out")
	floor.broken = false
	d.start()
	assert.Equal(t, []string{"config.setting/timeout"}, d.told())
	require.NoError(t, d.settings.Health(t.Context()))
}

type wornFloor struct {
	durable.Store
	broken bool
}

func (w *wornFloor) Put(ctx context.Context, name string, value []byte) error {
	if w.broken {
		return errWorn
	}
	return w.Store.Put(ctx, name, value)
}

// TestInsecureChoicesOfTheOwnerBefore: nobody reset the device that was sold. The next
// owner, who accepted nothing, is told at each start and with his first change.
func TestInsecureChoicesOfTheOwnerBefore(t *testing.T) {
	for _, restarted := range []bool{true, false} {
		d := newBundled(t)
		d.mustPatch(`{"network":{"telnet":true}}`, "/network/telnet")
		d.notices = nil
		require.NoError(t, d.open())
		require.Empty(t, d.notices, "he knows")
		d.sold()
		if restarted {
			for range 2 {
				d.notices = nil
				require.NoError(t, d.open())
				assert.Equal(t, []string{"config.insecure/network/telnet"}, d.told())
			}
		}
		d.notices = nil
		d.mustPatch(`{"name":"bobs"}`)
		assert.Equal(t, []string{"config.insecure/network/telnet"}, d.told())
		d.notices = nil
		d.mustPatch(`{"name":"bob"}`)
		require.NoError(t, d.open())
		assert.Empty(t, d.notices, "now he knows too")
	}
}

// TestPowerCutInsecureFloor: power is cut before each step of the start after a reset.
// The insecure choice is never in force.
func TestPowerCutInsecureFloor(t *testing.T) {
	start := func(ctx context.Context, m *powercut.Machine) (*config.Settings, error) {
		dir, err := durable.OpenFS(m.FS(), nil)
		if err != nil {
			return nil, err
		}
		var s *config.Settings
		err = m.Attempt(func() (err error) { s, err = config.Open(ctx, dir, keptSchema(t), allowAdmin, nil); return err })
		return s, err
	}
	powercut.Run(t, powercut.Op{
		Name: "config.insecure-floor", Methods: []string{"Open"},
		Before: func(ctx context.Context, m *powercut.Machine) error {
			s, err := start(ctx, m)
			if err != nil {
				return err
			}
			c := config.Change{Patch: []byte(`{"timeout":"12h","days":200}`), AcceptInsecure: []string{"/timeout"}}
			if _, err := s.Change(asAdmin(), c); err != nil {
				return err
			}
			dir, err := durable.OpenFS(m.FS(), nil)
			if err != nil {
				return err
			}
			return dir.Delete(ctx, "settings/current")
		},
		Do: func(ctx context.Context, m *powercut.Machine) error {
			_, err := start(ctx, m)
			return err
		},
		State: func(ctx context.Context, m *powercut.Machine) (string, error) {
			s, err := start(ctx, m)
			if err != nil {
				return "", err
			}
			doc, _, err := s.Document(asAdmin())
			return string(doc), err
		},
	})
}

var errWorn = errors.New("worn out")

func splitMessages(log string) (names []string) {
	for line := range strings.Lines(log) {
		var e struct{ Msg string }
		if json.Unmarshal([]byte(line), &e) == nil {
			names = append(names, e.Msg)
		}
	}
	return names
}
