package config_test

import (
	"context"
	"io/fs"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/durable"
)

func (d *device) spoil(name string) {
	require.NoError(d.t, d.dir.Put(context.Background(), name, []byte("spoilt")))
}

func (d *device) restart() {
	d.settings, d.view, d.notices = nil, nil, nil
	require.NoError(d.t, d.open())
}

func TestDamagedRecord(t *testing.T) {
	d := newDevice(t, nil)
	d.mustPatch(`{"name":"good","log":{"keep":100}}`)
	d.restart() // comes up: now it is known to be good
	d.mustPatch(`{"name":"newer","log":{"keep":200},"network":{"minTLS":"1.2"}}`)

	d.spoil("settings/current")
	d.restart()
	assert.Equal(t, "good", d.view.Load().Name)
	assert.ErrorIs(t, d.settings.Health(context.Background()), config.ErrDamaged)
	assert.ErrorContains(t, d.settings.Health(context.Background()), "in force: the last good settings")
	require.Len(t, d.notices, 1)
	assert.Equal(t, config.NoticeDamaged, d.notices[0].Type)
	assert.Contains(t, d.events.String(), access.EventConfigReverted)

	d.spoil("settings/good")
	d.restart()
	assert.Equal(t, "sensor", d.view.Load().Name)
	assert.Equal(t, uint16(200), d.view.Load().Log.Keep, "the floor holds")
	assert.Equal(t, "1.2", d.view.Load().Network.MinTLS)
	assert.ErrorContains(t, d.settings.Health(context.Background()), "the defaults and the floor")

	d.spoil("settings/floor")
	d.restart()
	assert.Equal(t, uint16(90), d.view.Load().Log.Keep)
	assert.ErrorIs(t, d.settings.Health(context.Background()), config.ErrDamaged)

	// A stored change ends it, also one that alters nothing.
	d.mustPatch(`{"name":"sensor"}`)
	assert.NoError(t, d.settings.Health(context.Background()))
	d.restart()
	assert.NoError(t, d.settings.Health(context.Background()))
	assert.Empty(t, d.notices)
}

func TestFloorSurvivesReset(t *testing.T) {
	d := newDevice(t, nil)
	d.mustPatch(`{"name":"x","log":{"keep":200},"network":{"key":"0123456789abcdef"}}`)
	ctx := context.Background()
	require.NoError(t, d.dir.Delete(ctx, "settings/current"))
	require.NoError(t, d.dir.Delete(ctx, "settings/good"))
	d.restart()
	assert.Equal(t, "sensor", d.view.Load().Name)
	assert.Empty(t, d.view.Load().Network.Key)
	assert.Equal(t, uint16(200), d.view.Load().Log.Keep)
	assert.NoError(t, d.settings.Health(ctx), "a reset is no damage")
	assert.Empty(t, d.notices)
}

func TestEveryFlippedBit(t *testing.T) {
	d := newDevice(t, nil)
	d.mustPatch(`{"name":"good"}`)
	d.restart()
	d.mustPatch(`{"name":"newer","network":{"key":"0123456789abcdef"}}`)
	ctx := context.Background()
	raw, err := d.dir.Get(ctx, "settings/current")
	require.NoError(t, err)
	for i := range len(raw) * 8 {
		bad := slices.Clone(raw)
		bad[i/8] ^= 1 << (i % 8)
		require.NoError(t, d.dir.Put(ctx, "settings/current", bad)) // past the checksum of the file
		d.restart()
		report, err := d.schema.Validate([]byte(d.document()))
		require.NoError(t, err)
		require.False(t, report.Has(config.Insecure))
	}
}

func TestHeldStoreIsNoDamage(t *testing.T) {
	d := newDevice(t, nil)
	_, err := d.dir.Hold(context.Background(), "reset")
	require.NoError(t, err)
	require.ErrorIs(t, d.open(), durable.ErrHeld)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = config.Open(ctx, d.dir, d.schema, d.auth, nil)
	require.Error(t, err)
	require.NoError(t, d.dir.Close())
	require.ErrorIs(t, d.open(), fs.ErrClosed)
}

// Sensor2 is the next release: a narrower range, a setting gone, another graded.
type Sensor2 struct {
	Name     string        `json:"name" setting:"doc=Name; default=sensor; charset=id; maxlen=32; insecure=kitchen: guessed at once"`
	Interval time.Duration `json:"interval" setting:"doc=Time; default=10s; min=5s; max=1h"`
	Log      struct {
		Level string `json:"level" setting:"doc=Level; default=info; enum=info|error"`
		Keep  int    `json:"keep" setting:"doc=Days; default=90; min=1; max=365"`
		Size  int    `json:"size" setting:"doc=MiB; default=4; min=1; max=64"`
	} `json:"log" setting:"doc=Log"`
}

func TestOneBadSettingAfterAnUpdate(t *testing.T) {
	d := newDevice(t, nil)
	d.mustPatch(`{"name":"kitchen","interval":"2s","log":{"keep":7},"servers":["a"]}`)
	before, err := d.dir.Get(context.Background(), "settings/current")
	require.NoError(t, err)

	small := config.NewRule("small", func(s *Sensor2) string {
		if s.Log.Keep < 10 && s.Log.Size < 8 {
			return "keep longer"
		}
		return ""
	}, "/log/keep")
	schema, err := config.For[Sensor2](&config.SchemaOptions{Rules: []config.Rule{small}})
	require.NoError(t, err)
	opts := config.Options{Notice: d.opts.Notice}
	s, err := config.Open(context.Background(), d.dir, schema, d.auth, &opts)
	require.NoError(t, err)
	doc, _, err := s.Document(asAdmin())
	require.NoError(t, err)
	assert.Equal(t, `{"name":"kitchen","interval":"10s","log":{"level":"info","keep":90,"size":4}}`, string(doc))
	assert.ErrorIs(t, s.Health(context.Background()), config.ErrDamaged)
	var keys []string
	for _, n := range d.notices {
		keys = append(keys, n.Type+n.Key)
	}
	assert.ElementsMatch(t, []string{"config.setting/interval", "config.setting/log/keep", "config.insecure/name"}, keys)

	after, err := d.dir.Get(context.Background(), "settings/current")
	require.NoError(t, err)
	assert.Equal(t, before, after, "the release before finds what it stored")
	_, err = s.Apply(asAdmin(), []byte(`{"log":{"size":5}}`), "", nil)
	require.NoError(t, err)
	assert.NoError(t, s.Health(context.Background()))
}

func TestDefaultsFollowTheRelease(t *testing.T) {
	type old struct {
		A int `json:"a" setting:"doc=A; default=1; min=0; max=9"`
		B int `json:"b" setting:"doc=B; default=1; min=0; max=9"`
	}
	type hardened struct {
		A int `json:"a" setting:"doc=A; default=2; min=0; max=9"`
		B int `json:"b" setting:"doc=B; default=2; min=0; max=9"`
	}
	d := newDevice(t, nil)
	one, err := config.For[old](nil)
	require.NoError(t, err)
	s, err := config.Open(context.Background(), d.dir, one, d.auth, nil)
	require.NoError(t, err)
	_, err = s.Apply(asAdmin(), []byte(`{"b":5}`), "", nil)
	require.NoError(t, err)
	two, err := config.For[hardened](nil)
	require.NoError(t, err)
	s, err = config.Open(context.Background(), d.dir, two, d.auth, nil)
	require.NoError(t, err)
	doc, _, err := s.Document(asAdmin())
	require.NoError(t, err)
	assert.Equal(t, `{"a":2,"b":5}`, string(doc))
}
