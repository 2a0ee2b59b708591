package eventlog_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect/eventlog"
)

// pseudonym is a stable name that is not the person's.
func pseudonym(_ context.Context, subject string) (string, error) {
	if subject == "erased" {
		return "", fs.ErrNotExist
	}
	return fmt.Sprintf("p-%x", []byte(subject)), nil
}

// written makes a log of n records of persons, closes it, and returns its records and
// an export, as they would be read by somebody else.
func written(t testing.TB, n int, opts *eventlog.Options) (records []durable.Record, export []byte) {
	opts.Pseudonym = pseudonym
	m := powercut.New()
	l, dir, err := openOn(t.Context(), m, opts)
	require.NoError(t, err)
	for i := range n {
		logger(l).Info(access.EventAssigned, access.KeySubject, fmt.Sprint("ann", i), access.KeyRoles, "owner")
	}
	var b bytes.Buffer
	_, err = l.Export(somebody(t.Context()), &b, 0)
	require.NoError(t, err)
	require.NoError(t, l.Close())
	raw, err := dir.OpenLog(t.Context(), "eventlog", nil)
	require.NoError(t, err)
	for r, err := range raw.Records(t.Context(), 0) {
		require.NoError(t, err)
		records = append(records, durable.Record{Seq: r.Seq, Data: bytes.Clone(r.Data)})
	}
	return records, b.Bytes()
}

// seq gives records to Verify.
func seq(records []durable.Record) iter.Seq2[durable.Record, error] {
	return func(yield func(durable.Record, error) bool) {
		for i, r := range records {
			if !yield(durable.Record{Seq: records[0].Seq + uint64(i), Data: r.Data}, nil) {
				return
			}
		}
	}
}

// note returns the last checkpoint of a log.
func noteOf(records []durable.Record) []byte {
	_, rest, _ := strings.Cut(string(records[len(records)-1].Data), `"note":"`)
	text, _, _ := strings.Cut(rest, `","prev"`)
	return []byte(strings.ReplaceAll(text, `\n`, "\n"))
}

func TestVerify(t *testing.T) {
	records, _ := written(t, 5, options())
	s, err := eventlog.Verify(seq(records), publicKey(), noteOf(records))
	require.NoError(t, err)
	now, quality := someTime()
	assert.Equal(t, "gateway-7", s.Origin)
	assert.Equal(t, []uint64{1, 9, 8}, []uint64{s.First, s.Last, s.Signed})
	assert.Equal(t, 1, s.Checkpoints)
	assert.Equal(t, now, s.Time)
	assert.Equal(t, quality, s.Quality)

	assert.Equal(t, uint64(1), s.Oldest)
	_, err = eventlog.Verify(seq(records[3:]), publicKey(), nil)
	require.ErrorIs(t, err, eventlog.ErrTampered, "nobody gave up the oldest")
	s, err = eventlog.Verify(seq(nil), publicKey(), nil)
	require.NoError(t, err)
	assert.Equal(t, &eventlog.Summary{}, s)
}

// TestTamperedRecordIsNamed: what an intruder does who can write the medium with right
// checksums, and has not the key.
func TestTamperedRecordIsNamed(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(r [][]byte) [][]byte
		seq    uint64
	}{
		{"content", func(r [][]byte) [][]byte { r[3] = bytes.Replace(r[3], []byte("owner"), []byte("guest"), 1); return r }, 4},
		{"content of the first", func(r [][]byte) [][]byte {
			r[0] = bytes.Replace(r[0], []byte("started"), []byte("stopped"), 1)
			return r
		}, 1},
		{"content before a checkpoint", func(r [][]byte) [][]byte { r[7] = bytes.Replace(r[7], []byte("closed"), []byte("opened"), 1); return r }, 8},
		{"who", func(r [][]byte) [][]byte { r[2] = bytes.Replace(r[2], []byte(`"ann1"`), []byte(`"bob1"`), 1); return r }, 3},
		{"who is left out", func(r [][]byte) [][]byte { r[2], _, _ = bytes.Cut(r[2], []byte("\n")); return r }, 3},
		{"level of the checkpoint", func(r [][]byte) [][]byte {
			r[8] = bytes.Replace(r[8], []byte(`"level":0`), []byte(`"level":1`), 1)
			return r
		}, 9},
		{"removed", func(r [][]byte) [][]byte { return slices.Delete(r, 3, 4) }, 4},
		{"reordered", func(r [][]byte) [][]byte { r[3], r[4] = r[4], r[3]; return r }, 4},
		{"twice", func(r [][]byte) [][]byte { return slices.Insert(r, 3, r[3]) }, 5},
		{"cut at its head", func(r [][]byte) [][]byte { return r[3:] }, 3},
		{"cut", func(r [][]byte) [][]byte { return r[:5] }, 6},
		{"cut by one", func(r [][]byte) [][]byte { return r[:7] }, 8},
		{"renumbered and chained anew", forge, 6},
		{"of another log", func(r [][]byte) [][]byte {
			opts := options()
			opts.Origin = "gateway-8"
			other, _ := written(t, 5, opts)
			r[4] = other[4].Data
			return r
		}, 5},
	} {
		t.Run(tc.name, func(t *testing.T) {
			records, _ := written(t, 5, options())
			cp := noteOf(records)
			raw := make([][]byte, 0, len(records)+1)
			for _, r := range records {
				raw = append(raw, r.Data)
			}
			var changed []durable.Record
			after := tc.change(raw)
			first := 1
			if tc.name == "cut at its head" {
				first = 4
			}
			for i, data := range after {
				changed = append(changed, durable.Record{Seq: uint64(first + i), Data: data})
			}
			_, err := eventlog.Verify(seq(changed), publicKey(), cp)
			require.ErrorIs(t, err, eventlog.ErrTampered)
			require.ErrorIs(t, err, durable.ErrCorrupt)
			var bad *eventlog.RecordError
			require.ErrorAs(t, err, &bad)
			assert.Equal(t, tc.seq, bad.Seq, "%v", err)
		})
	}
}

// forge changes record 4 and chains what follows to it, up to the checkpoint, which it
// cannot sign: record 6 and 7 are left out.
func forge(r [][]byte) [][]byte {
	r[3] = bytes.Replace(r[3], []byte("owner"), []byte("guest"), 1)
	line, _, _ := bytes.Cut(r[3], []byte("\n"))
	at := bytes.Index(r[4], []byte(`"prev":"`)) + len(`"prev":"`)
	copy(r[4][at:], eventlog.HexHash(line))
	return r[:5]
}

// TestKeyCounts: a log of another key is no log of this one.
func TestKeyCounts(t *testing.T) {
	records, export := written(t, 2, options())
	other, _, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	var bad *eventlog.RecordError
	_, err = eventlog.Verify(seq(records), other, nil)
	require.ErrorAs(t, err, &bad)
	require.Equal(t, uint64(len(records)), bad.Seq, "that of the checkpoint")
	_, err = eventlog.Verify(seq(records), other, noteOf(records))
	require.ErrorIs(t, err, eventlog.ErrTampered)
	_, err = eventlog.VerifyExport(bytes.NewReader(export), other)
	require.ErrorIs(t, err, eventlog.ErrTampered)
}
