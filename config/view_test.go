package config_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/config"
)

func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t, nil)
		ctx, cancel := context.WithCancel(context.Background())
		var seen []string
		go func() {
			for s := range d.view.Watch(ctx) {
				seen = append(seen, s.Name)
			}
			seen = append(seen, "end")
		}()
		synctest.Wait()
		d.mustPatch(`{"name":"a"}`)
		synctest.Wait()
		_, err := d.patch(`{"name":"?"}`)
		require.Error(t, err)
		synctest.Wait()
		d.mustPatch(`{"name":"b"}`)
		synctest.Wait()
		cancel()
		synctest.Wait()
		assert.Equal(t, []string{"sensor", "a", "b", "end"}, seen)
		for range d.view.Watch(ctx) {
			t.Fatal("the context was at its end")
		}
		for s := range d.view.Watch(context.Background()) {
			assert.Equal(t, "b", s.Name)
			break
		}
	})
}

// Every snapshot is of one revision: both fields always change together.
func TestSnapshotsAreConsistent(t *testing.T) {
	d := newDevice(t, nil)
	d.mustPatch(`{"name":"n1","network":{"port":1}}`)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				if s := d.view.Load(); s.Name != fmt.Sprintf("n%d", s.Network.Port) {
					t.Errorf("torn: %s and %d", s.Name, s.Network.Port)
				}
			}
		})
	}
	for range 2 {
		wg.Go(func() {
			for s := range d.view.Watch(ctx) {
				if s.Name != fmt.Sprintf("n%d", s.Network.Port) {
					t.Errorf("torn: %s and %d", s.Name, s.Network.Port)
				}
			}
		})
	}
	var writers sync.WaitGroup
	for w := range 2 {
		writers.Go(func() {
			for i := range 100 {
				n := 1 + w*1000 + i
				d.mustPatch(fmt.Sprintf(`{"name":"n%d","network":{"port":%d}}`, n, n), "/network/port")
				d.settings.Stats()
				assert.NoError(t, d.settings.Health(ctx))
			}
		})
	}
	writers.Wait()
	cancel()
	wg.Wait()
}

func TestSecretRedactsItself(t *testing.T) {
	s := struct {
		Key  config.Secret
		Keys map[string]config.Secret
	}{"hunter2", map[string]config.Secret{"a": "hunter2"}}
	var b strings.Builder
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "s", s, "key", s.Key)
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "s", s, "key", s.Key)
	text, err := json.Marshal(s)
	require.NoError(t, err)
	b.Write(text)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%10.3s"} {
		fmt.Fprintf(&b, verb, s)
		fmt.Fprintf(&b, verb, s.Key)
	}
	fmt.Fprint(&b, s.Key.String(), s.Key.GoString())
	assert.NotContains(t, b.String(), "hunter2")
	assert.NotContains(t, b.String(), fmt.Sprintf("%x", "hunter2"))
	assert.Equal(t, "hunter2", s.Key.Reveal())
}

// Nothing that leaves the package tells a secret, and events name no person where
// the vocabulary says that they do not.
func TestNoSecretLeaves(t *testing.T) {
	d := newDevice(t, nil)
	d.mustPatch(`{"network":{"key":"hunter2hunter2hunter2"},"users":{"ann":{"role":"admin","pin":"80915172"}}}`)
	_, err := d.patch(`{"network":{"key":"hunter2"}}`)
	require.ErrorIs(t, err, config.ErrInvalid)
	d.applier.refuse = func(*Sensor) error { return errNo }
	_, refused := d.patch(`{"network":{"key":"hunter2hunter2hunter3"},"name":"x"}`)
	require.Error(t, refused)
	all := fmt.Sprint(d.document(), err, refused, d.notices, d.settings.Health(context.Background()), d.events.String())
	assert.NotContains(t, all, "hunter2")
	assert.NotContains(t, all, "80915172")

	for line := range strings.Lines(d.events.String()) {
		var event map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &event))
		assert.NotContains(t, event["path"], "ann", "a path of class device")
	}
	assert.Contains(t, d.events.String(), `"resource":"/network/key /users/ann /users/ann/role`)
	assert.Contains(t, d.events.String(), `"path":"/network/key /users/* /users/*/role`)
}
