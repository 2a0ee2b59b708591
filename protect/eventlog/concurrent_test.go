package eventlog_test

import (
	"bytes"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect/eventlog"
)

// TestConcurrent: many log at all levels while others export, sign, verify and prune:
// nothing is lost, and the chain holds.
func TestConcurrent(t *testing.T) {
	opts := options()
	opts.MaxSize, opts.Pseudonym, opts.CheckpointEvery = 4<<20, pseudonym, 16
	l := open(t, powercut.New(), opts)
	ctx := somebody(t.Context())
	var wg sync.WaitGroup
	const loggers, each = 4, 50
	for range loggers {
		log := logger(l).With(access.KeyEntity, "ann")
		wg.Go(func() {
			for i := range each {
				log.Info("test.later")
				if i%10 == 0 {
					log.Log(ctx, access.LevelAudit, "test.now")
				}
			}
		})
	}
	wg.Go(func() {
		for range 5 {
			var b bytes.Buffer
			_, err := l.Export(ctx, &b, 0)
			assert.NoError(t, err)
			_, err = eventlog.VerifyExport(&b, publicKey())
			assert.NoError(t, err)
		}
	})
	wg.Go(func() {
		for range 5 {
			note, err := l.Checkpoint(ctx)
			assert.NoError(t, err)
			_, err = l.Verify(ctx, note)
			assert.NoError(t, err)
			assert.NoError(t, l.Prune(ctx, 10))
			assert.NoError(t, l.Configure(ctx, eventlog.Settings{}))
		}
	})
	wg.Wait()
	require.NoError(t, l.Sync(ctx))
	logged := 0
	for _, e := range read(t, l) {
		if e.Event == "test.later" || e.Event == "test.now" {
			logged++
		}
	}
	assert.GreaterOrEqual(t, logged, loggers*(each+each/10)-9, "but for what was pruned")
	require.NoError(t, l.Close())
}
