package eventlog_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect/eventlog"
)

// FuzzRecord: whatever lies where a record should be is refused as tampered, or is one
// with the hash of its first line.
func FuzzRecord(f *testing.F) {
	records, _ := written(f, 2, options())
	for _, r := range records {
		f.Add(r.Data)
	}
	f.Add([]byte(`{"seq":1,"clock":"set","level":0,"event":"a.b","prev":""}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, head, err := eventlog.ParseFrame(1, raw)
		if err != nil {
			require.ErrorIs(t, err, eventlog.ErrTampered)
			require.Less(t, len(err.Error()), 1000)
			return
		}
		line, _, _ := bytes.Cut(raw, []byte("\n"))
		require.Equal(t, [32]byte(tlog.RecordHash(line)), head)
		s, err := eventlog.Verify(seq([]durable.Record{{Seq: 1, Data: raw}}), publicKey(), nil)
		if err == nil { // alone it is chained to nothing, and signed only if it is ours
			require.Equal(t, uint64(1), s.Last)
		}
	})
}

// FuzzExport: nothing passes for an export but what was exported.
func FuzzExport(f *testing.F) {
	_, export := written(f, 2, options())
	f.Add(export)
	f.Add([]byte("{\"of\":1}\n"))
	f.Add([]byte("{\"checkpoint\":\"\"}\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := eventlog.VerifyExport(bytes.NewReader(raw), publicKey())
		if err != nil {
			require.ErrorIs(t, err, eventlog.ErrTampered)
			return
		}
		require.Equal(t, "gateway-7", s.Origin, "only who has the key makes one")
		require.Equal(t, s.Last, s.Signed)
	})
}

// FuzzCheckpoint: what verifies is a note that is written the same way again.
func FuzzCheckpoint(f *testing.F) {
	records, _ := written(f, 1, options())
	f.Add(noteOf(records))
	f.Add([]byte("a\n1\n\ntime \n\n— a \n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := eventlog.ParseCheckpoint(raw, publicKey())
		if err != nil {
			require.ErrorIs(t, err, eventlog.ErrTampered)
			return
		}
		require.Equal(t, "gateway-7", c.Origin)
	})
}

// FuzzHandle: whatever is logged, the record is whole and verifies.
func FuzzHandle(f *testing.F) {
	f.Add("access.login", "group", "ann", "text\x00\x1b\u2028\"\\")
	f.Add("a message", "", "\xff\xfe", "…")
	f.Fuzz(func(t *testing.T, message, group, person, text string) {
		opts := options()
		opts.Reserve, opts.Pseudonym = -1, pseudonym
		l := open(t, powercut.New(), opts)
		r := slog.NewRecord(time.Unix(1e9, 0), access.LevelAudit, message, 0)
		r.AddAttrs(slog.String(access.KeyEntity, person), slog.String(access.KeyReason, text), slog.String(text, person),
			slog.Group(group, slog.String(access.KeySubject, person), slog.String(access.KeyPath, text)))
		require.NoError(t, l.Handler().WithGroup(text).Handle(t.Context(), r))
		require.NoError(t, l.Handler().Handle(t.Context(), r))
		require.Len(t, read(t, l), 3)
		var b bytes.Buffer
		_, err := l.Export(somebody(t.Context()), &b, 0)
		require.NoError(t, err)
		_, err = eventlog.VerifyExport(&b, publicKey())
		require.NoError(t, err)
	})
}

// FuzzProof: nothing passes for a proof but what the log has proved.
func FuzzProof(f *testing.F) {
	l := open(f, powercut.New(), options())
	l.Guard(allow{})
	for range 5 {
		require.NoError(f, l.Handler().Handle(f.Context(), record("test.filler", access.LevelAudit)))
	}
	older, err := l.Checkpoint(somebody(f.Context()))
	require.NoError(f, err)
	require.NoError(f, l.Handler().Handle(f.Context(), record("test.filler", access.LevelAudit)))
	one, err := l.ProveRecord(somebody(f.Context()), 3)
	require.NoError(f, err)
	grown, err := l.ProveGrowth(somebody(f.Context()), older)
	require.NoError(f, err)
	for _, p := range []any{one, grown} {
		raw, err := json.Marshal(p)
		require.NoError(f, err)
		f.Add(raw)
	}
	f.Add([]byte(`{"checkpoint":"","line":"","path":[]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if p, err := eventlog.ParseRecordProof(raw); err != nil {
			require.ErrorIs(t, err, eventlog.ErrTampered)
		} else if c, e, err := p.Verify(publicKey()); err == nil {
			require.Equal(t, "gateway-7", c.Origin)
			require.LessOrEqual(t, e.Seq, c.Size)
		} else {
			require.ErrorIs(t, err, eventlog.ErrTampered)
		}
		if p, err := eventlog.ParseGrowthProof(raw); err != nil {
			require.ErrorIs(t, err, eventlog.ErrTampered)
		} else if err := p.Verify(older, publicKey()); err != nil {
			require.ErrorIs(t, err, eventlog.ErrTampered)
		}
	})
}
