package eventlog_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect/eventlog"
)

// TestProofs: every record that was not given up is proved to be in the log, and every
// checkpoint to be of its beginning, at all sizes around those of complete trees, before
// and after the oldest were given up and a restart. tlog verifies.
func TestProofs(t *testing.T) {
	ctx := somebody(t.Context())
	m := powercut.New()
	large := options()
	large.MaxSize = 1 << 20
	l := open(t, m, large)
	l.Guard(allow{})
	var notes [][]byte
	for i := range 70 {
		require.NoError(t, l.Handler().Handle(ctx, record(fmt.Sprintf("test.r%d", i), access.LevelAudit)))
		note, err := l.Checkpoint(ctx)
		require.NoError(t, err)
		notes = append(notes, note)
	}
	for _, gone := range []uint64{1, 2, 33, 64, 97} {
		require.NoError(t, l.Prune(ctx, gone))
		require.NoError(t, l.Close())
		l = open(t, m, large)
		l.Guard(allow{})
		proveAll(t, l, gone)
		for _, note := range notes {
			c, err := eventlog.ParseCheckpoint(note, publicKey())
			require.NoError(t, err)
			p, err := l.ProveGrowth(ctx, note)
			if err != nil && c.Size < gone-1 { // some are proved even so
				require.ErrorIs(t, err, fs.ErrNotExist, "%d of %d", c.Size, gone)
				continue
			}
			require.NoError(t, err, "%d of %d", c.Size, gone)
			require.NoError(t, p.Verify(note, publicKey()))
		}
	}
}

func proveAll(t *testing.T, l *eventlog.Log, oldest uint64) {
	ctx := somebody(t.Context())
	for seq := uint64(1); seq < 110; seq += 3 {
		p, err := l.ProveRecord(ctx, seq)
		if seq < oldest {
			require.ErrorIs(t, err, fs.ErrNotExist, "%d", seq)
			continue
		}
		require.NoError(t, err, "%d", seq)
		raw, err := json.Marshal(p)
		require.NoError(t, err)
		p, err = eventlog.ParseRecordProof(raw)
		require.NoError(t, err)
		c, e, err := p.Verify(publicKey())
		require.NoError(t, err)
		require.Equal(t, seq, e.Seq)
		require.GreaterOrEqual(t, c.Size, seq)
	}
}

// TestForgedProofs: a proof of anything else is none.
func TestForgedProofs(t *testing.T) {
	ctx := somebody(t.Context())
	m := powercut.New()
	l := open(t, m, options())
	l.Guard(allow{})
	require.NoError(t, l.Handler().Handle(ctx, record("test.one", access.LevelAudit)))
	older, err := l.Checkpoint(ctx)
	require.NoError(t, err)
	for range 9 {
		require.NoError(t, l.Handler().Handle(ctx, record("test.more", access.LevelAudit)))
	}
	of, err := l.ProveRecord(ctx, 2)
	require.NoError(t, err)
	another, err := l.ProveRecord(ctx, 3)
	require.NoError(t, err)
	for name, forge := range map[string]func(p *eventlog.RecordProof){
		"another line":       func(p *eventlog.RecordProof) { p.Line = another.Line },
		"another path":       func(p *eventlog.RecordProof) { p.Path = another.Path },
		"a shorter path":     func(p *eventlog.RecordProof) { p.Path = p.Path[1:] },
		"a changed node":     func(p *eventlog.RecordProof) { p.Path[0][3] ^= 1 },
		"another checkpoint": func(p *eventlog.RecordProof) { p.Checkpoint = string(older) },
		"no checkpoint":      func(p *eventlog.RecordProof) { p.Checkpoint = "" },
	} {
		raw, err := json.Marshal(of)
		require.NoError(t, err)
		p, err := eventlog.ParseRecordProof(raw)
		require.NoError(t, err)
		forge(p)
		_, _, err = p.Verify(publicKey())
		require.ErrorIs(t, err, eventlog.ErrTampered, name)
	}
	grown, err := l.ProveGrowth(ctx, older)
	require.NoError(t, err)
	raw, err := json.Marshal(grown)
	require.NoError(t, err)
	grown, err = eventlog.ParseGrowthProof(raw)
	require.NoError(t, err)
	require.NoError(t, grown.Verify(older, publicKey()))
	grown.Path[0][0] ^= 1
	require.ErrorIs(t, grown.Verify(older, publicKey()), eventlog.ErrTampered)
	require.ErrorIs(t, grown.Verify([]byte(grown.Checkpoint+"x"), publicKey()), eventlog.ErrTampered)
	_, err = l.ProveGrowth(ctx, []byte("nothing"))
	require.ErrorIs(t, err, eventlog.ErrTampered)
}

// TestProofsNeedAPermission, as exports do.
func TestProofsNeedAPermission(t *testing.T) {
	l := open(t, powercut.New(), options())
	l.Guard(nil)
	_, err := l.ProveRecord(t.Context(), 1)
	require.ErrorIs(t, err, access.ErrDenied)
	note, err := l.Checkpoint(t.Context())
	require.ErrorIs(t, err, access.ErrDenied)
	require.Nil(t, note)
}
