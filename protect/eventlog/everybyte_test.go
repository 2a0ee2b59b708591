package eventlog_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect/eventlog"
)

// TestEveryByte flips every byte of a small log, as its records are and as its files
// are, and of its export: it is always noticed.
func TestEveryByte(t *testing.T) {
	records, export := written(t, 4, options())
	cp := noteOf(records)
	_, err := eventlog.Verify(seq(records), publicKey(), cp)
	require.NoError(t, err)
	flips := 0
	for i := range records {
		flips += flipAll(records[i].Data, func(what string) {
			_, err := eventlog.Verify(seq(records), publicKey(), cp)
			require.ErrorIs(t, err, eventlog.ErrTampered, "record %d %s", i+1, what)
		})
	}
	t.Logf("eventlog: records: flips=%d detected=%d", flips, flips)

	_, err = eventlog.VerifyExport(bytes.NewReader(export), publicKey())
	require.NoError(t, err)
	flips = flipAll(export, func(what string) {
		_, err := eventlog.VerifyExport(bytes.NewReader(export), publicKey())
		require.ErrorIs(t, err, eventlog.ErrTampered, "export %s", what)
	})
	t.Logf("eventlog: export: flips=%d detected=%d", flips, flips)
}

// flipAll calls f with each byte of b changed in four ways.
func flipAll(b []byte, f func(what string)) int {
	masks := []byte{1, 0x20, 0x80, 0xff}
	step := 1
	if underRace {
		masks, step = masks[:1], 16
	}
	flips := 0
	for i := 0; i < len(b); i += step {
		for _, mask := range masks {
			b[i] ^= mask
			f(fmt.Sprintf("byte %d of %d ^ %#x", i, len(b), mask))
			b[i] ^= mask
			flips++
		}
	}
	return flips
}

// TestEveryByteOfTheMedium flips every byte of the log's files. What is neither refused
// at Open nor found by Verify changed no record: it is the mark of durable.Log behind
// the last one.
func TestEveryByteOfTheMedium(t *testing.T) {
	opts := options()
	opts.Reserve = -1
	fsys, name, want := smallMedium(t, opts)
	raw := readFile(t, fsys, name)
	flips, found, harmless := 0, 0, 0
	for i := range raw {
		changed := bytes.Clone(raw)
		changed[i] ^= 1 << (i % 8)
		writeFile(t, fsys, name, changed)
		flips++
		n, err := verifyMedium(t.Context(), fsys, opts)
		if err != nil {
			require.ErrorIs(t, err, durable.ErrCorrupt, "byte %d", i)
			found++
			continue
		}
		require.Equal(t, want, n, "byte %d: records were lost in silence", i)
		harmless++
	}
	t.Logf("eventlog: medium: flips=%d detected=%d harmless=%d", flips, found, harmless)
	require.NotZero(t, found)
	require.LessOrEqual(t, harmless, 17, "only the mark, 17 bytes")
}

// smallMedium is a directory with a closed log of one file.
func smallMedium(t *testing.T, opts *eventlog.Options) (fsys durable.FS, name string, records int) {
	m := powercut.New()
	l, dir, err := openOn(t.Context(), m, opts)
	require.NoError(t, err)
	for i := range 3 {
		logger(l).Info(access.EventAssigned, access.KeySubject, fmt.Sprint("ann", i))
	}
	require.NoError(t, l.Close())
	require.NoError(t, dir.Close())
	files, err := m.FS().List("eventlog+log")
	require.NoError(t, err)
	require.Len(t, files, 1)
	return m.FS(), "eventlog+log/" + files[0].Name, 6 // started, 3, closed, checkpoint
}

func readFile(t *testing.T, fsys durable.FS, name string) []byte {
	f, err := fsys.Open(name, durable.ReadOnly)
	require.NoError(t, err)
	defer f.Close()
	raw, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<20))
	require.NoError(t, err)
	return raw
}

func writeFile(t *testing.T, fsys durable.FS, name string, raw []byte) {
	f, err := fsys.Open(name, durable.ReadWrite)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, f.Truncate(0))
	_, err = f.WriteAt(raw, 0)
	require.NoError(t, err)
}

// verifyMedium returns the number of records if all is well. It leaves the medium as
// it is: it opens the log, but not for logging.
func verifyMedium(ctx context.Context, fsys durable.FS, opts *eventlog.Options) (int, error) {
	dir, err := durable.OpenFS(fsys, nil)
	if err != nil {
		return 0, err
	}
	defer dir.Close()
	l, err := eventlog.Open(ctx, dir, logKey(), opts)
	if err != nil {
		return 0, err
	}
	defer l.Close()
	l.Guard(allow{})
	s, err := l.Verify(somebody(ctx), nil)
	if err != nil {
		return 0, err
	}
	return int(s.Last), nil
}
