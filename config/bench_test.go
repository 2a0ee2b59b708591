package config_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
)

// Gateway is the shape that reference/libraries.md measured: 8 interfaces and 16
// users in a document of 1.25 KB.
type Gateway struct {
	Name       string             `json:"name" setting:"doc=Name; default=gw; charset=host; maxlen=64"`
	Interfaces []Interface        `json:"interfaces" setting:"doc=Interfaces; maxitems=16"`
	Users      map[string]Account `json:"users" setting:"doc=Users; maxitems=20000; keys=id"`
}

type Interface struct {
	Name    string        `json:"name" setting:"doc=Name; required; charset=id; minlen=1; maxlen=16"`
	Address string        `json:"address" setting:"doc=Address; required; charset=host; maxlen=64"`
	MTU     int           `json:"mtu" setting:"doc=MTU; default=1500; min=576; max=9216"`
	Up      bool          `json:"up" setting:"doc=In use; default=false"`
	Retry   time.Duration `json:"retry" setting:"doc=Pause; default=1s; min=1s; max=1m"`
}

type Account struct {
	Role  string `json:"role" setting:"doc=Role; required; enum=reader|writer|admin; warn=admin: may do all"`
	Level int    `json:"level" setting:"doc=Level; default=1; min=0; max=10"`
}

func gatewayDocument() []byte {
	var list, users []string
	for i := range 8 {
		list = append(list, fmt.Sprintf(`{"name":"eth%d","address":"192.0.2.%d:8443","mtu":1500,"up":true,"retry":"5s"}`, i, i))
	}
	for i := range 16 {
		users = append(users, fmt.Sprintf(`"user%02d":{"role":"writer","level":3}`, i))
	}
	return []byte(`{"name":"gw-7.example.net","interfaces":[` + strings.Join(list, ",") + `],"users":{` + strings.Join(users, ",") + `}}`)
}

// BenchmarkValidate also times what encoding/json alone takes to decode the same
// document in the same run; ratio is ours to that.
func BenchmarkValidate(b *testing.B) {
	schema, err := config.For[Gateway](nil)
	require.NoError(b, err)
	doc := gatewayDocument()
	plain := plainDecode(b, doc)
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := schema.Validate(doc); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/plain, "ratio")
}

// plainDecode returns the nanoseconds that encoding/json takes.
func plainDecode(b *testing.B, doc []byte) float64 {
	type iface struct {
		Name    string `json:"name"`
		Address string `json:"address"`
		MTU     int    `json:"mtu"`
		Up      bool   `json:"up"`
		Retry   string `json:"retry"`
	}
	type account struct {
		Role  string `json:"role"`
		Level int    `json:"level"`
	}
	const rounds = 2000
	start := time.Now()
	for range rounds {
		var g struct {
			Name       string             `json:"name"`
			Interfaces []iface            `json:"interfaces"`
			Users      map[string]account `json:"users"`
		}
		require.NoError(b, json.Unmarshal(doc, &g))
	}
	return float64(time.Since(start).Nanoseconds()) / rounds
}

// BenchmarkRead reads while somebody changes settings without end, at most 1,000
// times a second: the medium in memory would take a core otherwise.
func BenchmarkRead(b *testing.B) {
	d := newDevice(b, nil)
	ctx, cancel := context.WithCancel(context.Background())
	pace := time.NewTicker(time.Millisecond)
	defer pace.Stop()
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			d.events.Reset()
			d.mustPatch(fmt.Sprintf(`{"name":"n%d"}`, i))
			<-pace.C
		}
	})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		sum := 0
		for pb.Next() {
			sum += d.view.Load().Network.Port
		}
		runtime.KeepAlive(sum)
	})
	cancel()
	wg.Wait()
}

func TestReadAllocatesNothing(t *testing.T) {
	d := newDevice(t, nil)
	assert.Zero(t, testing.AllocsPerRun(100, func() { runtime.KeepAlive(d.view.Load()) }))
}

func TestDocumentSize(t *testing.T) {
	assert.InDelta(t, 1250, len(gatewayDocument()), 100)
}

func TestHeapOfTenThousandSettings(t *testing.T) {
	dir, err := durable.OpenFS(powercut.New().FS(), nil)
	require.NoError(t, err)
	ctx := context.Background()
	before := heap()
	schema, err := config.For[Gateway](nil)
	require.NoError(t, err)
	s, err := config.Open(ctx, dir, schema, allowAdmin, nil)
	require.NoError(t, err)
	var users []string
	for i := range 5000 {
		users = append(users, fmt.Sprintf(`"user%04d":{"role":"reader","level":%d}`, i, i%10))
	}
	_, err = s.Apply(asAdmin(), []byte(`{"users":{`+strings.Join(users, ",")+`}}`), "", nil)
	require.NoError(t, err)
	users = nil
	grown := heap() - before
	view, err := config.NewView[Gateway](s)
	require.NoError(t, err)
	assert.Len(t, view.Load().Users, 5000)
	runtime.KeepAlive(users)
	t.Logf("heap=%d KiB, the medium in memory included", grown>>10)
	assert.Less(t, grown, int64(8<<20))
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
