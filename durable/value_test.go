package durable_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

type stateV1 struct {
	Name string `json:"name"`
}

type stateV2 struct {
	First string `json:"first"`
	Last  string `json:"last"`
}

func v2(s durable.Store) *durable.Value[stateV2] {
	return durable.NewValue[stateV2](s, "state", &durable.ValueOptions[stateV2]{
		Format: 2,
		Upgrade: func(format int, old []byte) (stateV2, error) {
			var v1 stateV1
			err := json.Unmarshal(old, &v1)
			return stateV2{First: v1.Name}, err
		},
		Downgrade: func(s stateV2) (int, any, error) { return 1, stateV1{s.First}, nil },
		Check: func(s stateV2) error {
			if s.First == "" {
				return errors.New("/first: empty")
			}
			return nil
		},
	})
}

// A release on trial writes what the one before it reads, until it is committed.
func TestValueMigration(t *testing.T) {
	ctx := t.Context()
	m := powercut.New()
	d, err := durable.OpenFS(m.FS(), nil)
	require.NoError(t, err)
	v1 := durable.NewValue[stateV1](d, "state", nil)
	_, err = v1.Load(ctx)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, v1.Store(ctx, stateV1{"ada"}))

	d, err = durable.OpenFS(m.FS(), &durable.Options{Format: 2})
	require.NoError(t, err)
	got, err := v2(d).Load(ctx)
	require.NoError(t, err)
	assert.Equal(t, stateV2{First: "ada"}, got)
	require.NoError(t, v2(d).Store(ctx, stateV2{"grace", "hopper"}))
	old, err := durable.NewValue[stateV1](d, "state", nil).Load(ctx)
	require.NoError(t, err, "the release before still reads it")
	assert.Equal(t, "grace", old.Name)
	strict := durable.NewValue[stateV2](d, "state", &durable.ValueOptions[stateV2]{Format: 2})
	require.ErrorIs(t, strict.Store(ctx, stateV2{}), durable.ErrFormat, "nothing to write before the commit")
	_, err = strict.Load(ctx)
	require.ErrorIs(t, err, durable.ErrFormat, "nothing to read the old one with")

	require.NoError(t, d.Commit(ctx, 2))
	require.NoError(t, v2(d).Store(ctx, stateV2{"grace", "hopper"}))
	_, err = durable.NewValue[stateV1](d, "state", nil).Load(ctx)
	require.ErrorIs(t, err, durable.ErrFormat)
	got, err = v2(d).LoadOr(ctx, stateV2{})
	require.NoError(t, err)
	assert.Equal(t, "hopper", got.Last)
	require.ErrorIs(t, v2(d).Store(ctx, stateV2{}), fs.ErrInvalid)
}

func TestValueRefusesDamage(t *testing.T) {
	ctx := t.Context()
	d, _ := openMem(t)
	v := durable.NewValue[stateV1](d, "state", nil)
	for text, want := range map[string]error{
		``:                              durable.ErrCorrupt,
		`{"name":"a"}`:                  durable.ErrCorrupt,
		`0 {"name":"a"}`:                durable.ErrCorrupt,
		`x {"name":"a"}`:                durable.ErrCorrupt,
		`1 {"name":"a"`:                 durable.ErrCorrupt,
		`1 {"name":"a","more":1}`:       durable.ErrCorrupt,
		`1 {"name":"a","name":"b"}`:     durable.ErrCorrupt,
		`1 {"Name":"a"}`:                durable.ErrCorrupt,
		`1 {"name":null}`:               durable.ErrCorrupt,
		`1 {"name":"a"} `:               nil,
		`1 {"name":"a"} x`:              durable.ErrCorrupt,
		`2 {"name":"a"}`:                durable.ErrFormat,
		`65535 {"name":"from the far"}`: durable.ErrFormat,
	} {
		require.NoError(t, d.Put(ctx, "state", []byte(text)))
		got, err := v.Load(ctx)
		if want == nil {
			require.NoError(t, err, text)
			continue
		}
		require.ErrorIs(t, err, want, text)
		assert.Zero(t, got)
		_, err = v.LoadOr(ctx, stateV1{"fallback"})
		require.ErrorIs(t, err, want, "damage is not absence")
	}
}

// What cannot be loaded again is not stored.
func TestValueStoresOnlyWhatItCanLoad(t *testing.T) {
	ctx := t.Context()
	d, _ := openMem(t)
	type record struct {
		Text string   `json:"text"`
		List []string `json:"list"`
	}
	v := durable.NewValue[record](d, "r", &durable.ValueOptions[record]{MaxItems: 4})
	require.NoError(t, v.Store(ctx, record{Text: "ok"}))
	for name, bad := range map[string]record{
		"not UTF-8": {Text: "\xff"}, "replaced": {Text: "\ufffd"}, "too many": {List: make([]string, 9)},
	} {
		require.ErrorIs(t, v.Store(ctx, bad), fs.ErrInvalid, name)
	}
	got, err := v.Load(ctx)
	require.NoError(t, err)
	assert.Equal(t, record{Text: "ok"}, got)
}

func TestClock(t *testing.T) {
	at := func(year int) time.Time { return time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC) }
	open := func(t *testing.T, d *durable.Dir, system int, rtc bool) *durable.Clock {
		c, err := durable.OpenClock(t.Context(), d, &durable.ClockOptions{
			Build: at(2025), HardwareClock: rtc, System: func() time.Time { return at(system) },
		})
		require.NoError(t, err)
		return c
	}
	now := func(c *durable.Clock) string {
		tm, q := c.Now()
		return tm.UTC().Format("2006-01-02 15:04:05 ") + q.String()
	}
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		d, _ := openMem(t)
		c := open(t, d, 1970, true)
		assert.Equal(t, "2025-06-01 00:00:00 lower bound", now(c), "a hardware clock behind the build was never set")
		time.Sleep(time.Minute)
		assert.Equal(t, "2025-06-01 00:01:00 lower bound", now(c))

		require.NoError(t, c.Learn(ctx, at(2100), durable.Set))
		assert.Equal(t, "2100-06-01 00:00:00 set", now(c))
		require.NoError(t, c.Learn(ctx, at(2026), durable.Set), "set back: nothing is locked")
		require.ErrorIs(t, c.Learn(ctx, at(2026), durable.LowerBound), fs.ErrInvalid)
		require.ErrorIs(t, c.Learn(ctx, at(2024), durable.Set), fs.ErrInvalid, "before the build")
		require.ErrorIs(t, c.Learn(ctx, at(2026), durable.Quality(7)), fs.ErrInvalid)
		names, err := d.List(ctx, "")
		require.NoError(t, err)
		assert.Empty(t, names, "a set clock is not kept")
		puts := d.Stats().Puts

		require.NoError(t, c.Learn(ctx, at(2027), durable.Authenticated))
		require.NoError(t, c.Learn(ctx, at(2027).Add(time.Minute), durable.Authenticated))
		assert.Equal(t, puts+1, d.Stats().Puts, "at most one an hour")
		require.ErrorIs(t, c.Learn(ctx, at(2026), durable.Set), fs.ErrInvalid)
		require.ErrorIs(t, c.Learn(ctx, at(2026), durable.Authenticated), fs.ErrInvalid)

		assert.Equal(t, "2027-06-01 00:00:00 lower bound", now(open(t, d, 1970, false)), "kept")
		assert.Equal(t, "2028-06-01 00:00:00 set", now(open(t, d, 2028, true)))
		c = open(t, d, 2028, false)
		assert.Equal(t, "2028-06-01 00:00:00 lower bound", now(c))
		require.NoError(t, c.Learn(ctx, at(2029), durable.LowerBound))
		require.NoError(t, c.Learn(ctx, at(2028), durable.LowerBound))
		assert.Equal(t, "2029-06-01 00:00:00 lower bound", now(c))
	})
}
