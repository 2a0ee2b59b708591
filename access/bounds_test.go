package access_test

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
)

// flood asks for 10 minutes, every 50 ms, for what it has never asked before.
func flood(t *testing.T, d *device, ctx context.Context) (lines, counted int) {
	before := len(d.log.records)
	for i := range 600 * 20 {
		_, err := access.Check(ctx, d.Guard, access.LogRead, fmt.Sprintf("a/%d", i))
		require.ErrorIs(t, err, access.ErrDenied)
		<-time.After(50 * time.Millisecond)
	}
	for _, rec := range d.log.records[before:] {
		n := 1
		rec.Attrs(func(a slog.Attr) bool {
			if a.Key == access.KeyRepeated {
				n = int(a.Value.Int64())
			}
			return true
		})
		counted += n
	}
	return len(d.log.records) - before, counted
}

func TestFloodOfAStrangerIsOneLineIn10Seconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, other := commissioned(t), commissioned(t)
		lines, counted := flood(t, d, t.Context())
		t.Logf("stranger: 12000 requests, %d lines in 10 minutes, %d counted in them", lines, counted)
		assert.LessOrEqual(t, lines, 61)
		assert.Greater(t, counted, 11_700)
		lines, _ = flood(t, d, other.as("eve"))
		t.Logf("entity of another guard: %d lines in 10 minutes", lines)
		assert.LessOrEqual(t, lines, 62)
		for _, l := range d.log.named(access.EventDenied) {
			require.NotContains(t, l, access.KeyEntity)
			require.NotContains(t, l, access.KeyResource)
			require.Equal(t, "log.*", l[access.KeyPermission])
		}
	})
}

func TestFloodOfAnEntityIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := commissioned(t)
		d.assign("bob", "viewer")
		lines, counted := flood(t, d, d.as("bob"))
		t.Logf("entity: 12000 requests, %d lines in 10 minutes, %d counted in them", lines, counted)
		assert.LessOrEqual(t, lines, 5*61)
		assert.Greater(t, counted, 11_000)
		for _, l := range d.log.named(access.EventDenied) {
			require.Equal(t, "bob", l[access.KeyEntity])
		}
	})
}

// TestPolicyIsBounded: a policy of a few kilobytes must not take seconds or
// megabytes, accepted or not.
func TestPolicyIsBounded(t *testing.T) {
	for _, n := range []int{32, 64, 96, 224, 656, 1500} {
		var grants []string
		for k := 0; k < n; k += 16 {
			var p []string
			for i := range 16 {
				p = append(p, fmt.Sprintf(`"*/%d","%d/*"`, k+i, k+i))
			}
			grants = append(grants, `{"role":"r","permission":"config.*","resources":[`+strings.Join(p, ",")+`]}`)
		}
		doc := []byte(`{"roles":[{"name":"r"}],"grants":[` + strings.Join(grants, ",") + `]}`)
		var a, b, c runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&a)
		start := time.Now()
		p, err := access.ParsePolicy(doc, nil)
		took := time.Since(start)
		runtime.ReadMemStats(&b)
		runtime.GC()
		runtime.ReadMemStats(&c)
		t.Logf("n=%d bytes=%d accepted=%v took=%v allocated=%dKiB kept=%dKiB", n, len(doc), err == nil, took, (b.TotalAlloc-a.TotalAlloc)>>10, (int64(c.HeapAlloc)-int64(a.HeapAlloc))>>10)
		require.Less(t, b.TotalAlloc-a.TotalAlloc, uint64(100<<20))
		require.Less(t, int64(c.HeapAlloc)-int64(a.HeapAlloc), int64(16<<20))
		require.Equal(t, n <= 96, err == nil, "n=%d", n)
		runtime.KeepAlive(p)
	}
}
