package eventlog_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"log/slog"
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
func note(records []durable.Record) []byte {
	_, rest, _ := strings.Cut(string(records[len(records)-1].Data), `"note":"`)
	text, _, _ := strings.Cut(rest, `","prev"`)
	return []byte(strings.ReplaceAll(text, `\n`, "\n"))
}

func TestVerify(t *testing.T) {
	records, _ := written(t, 5, options())
	s, err := eventlog.Verify(seq(records), publicKey(), note(records))
	require.NoError(t, err)
	now, quality := someTime()
	assert.Equal(t, "gateway-7", s.Origin)
	assert.Equal(t, []uint64{1, 9, 8}, []uint64{s.First, s.Last, s.Signed})
	assert.Equal(t, 1, s.Checkpoints)
	assert.Equal(t, now, s.Time)
	assert.Equal(t, quality, s.Quality)

	_, err = eventlog.Verify(seq(records[3:]), publicKey(), nil)
	require.NoError(t, err, "the oldest may be gone")
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
			cp := note(records)
			raw := make([][]byte, 0, len(records)+1)
			for _, r := range records {
				raw = append(raw, r.Data)
			}
			var changed []durable.Record
			for i, data := range tc.change(raw) {
				changed = append(changed, durable.Record{Seq: uint64(i + 1), Data: data})
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
	_, err = eventlog.Verify(seq(records), other, note(records))
	require.ErrorIs(t, err, eventlog.ErrTampered)
	_, err = eventlog.VerifyExport(bytes.NewReader(export), other)
	require.ErrorIs(t, err, eventlog.ErrTampered)
}

// TestEveryByte flips every byte of a small log, as its records are and as its files
// are, and of its export: it is always noticed.
func TestEveryByte(t *testing.T) {
	records, export := written(t, 4, options())
	cp := note(records)
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
	for i := range b {
		for _, mask := range masks {
			b[i] ^= mask
			f(fmt.Sprintf("byte %d of %d ^ %#x", i, len(b), mask))
			b[i] ^= mask
		}
	}
	return len(b) * len(masks)
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

// TestTamperedExport: no part of an export, nor parts of two, pass for one.
func TestTamperedExport(t *testing.T) {
	_, export := written(t, 5, options())
	opts := options()
	opts.Origin = "gateway-8"
	_, other := written(t, 5, opts)
	lines, others := bytes.SplitAfter(export, []byte("\n")), bytes.SplitAfter(other, []byte("\n"))
	last := len(lines) - 2 // behind it is what follows the last newline
	for name, changed := range map[string][][]byte{
		"empty":             {},
		"first removed":     lines[1:],
		"record removed":    slices.Concat(lines[:2], lines[4:]),
		"names removed":     slices.Concat(lines[:2], lines[3:]),
		"last names":        slices.Concat(lines[:10], lines[11:]),
		"names moved":       slices.Concat(lines[:2], lines[3:4], lines[2:3], lines[4:]),
		"names twice":       slices.Concat(lines[:3], lines[2:]),
		"reordered":         slices.Concat(lines[:1], lines[3:5], lines[1:3], lines[5:]),
		"truncated":         lines[:last],
		"truncated, signed": slices.Concat(lines[:last-2], lines[last:]),
		"spliced":           slices.Concat(lines[:5], others[5:]),
		"signed by another": slices.Concat(lines[:last], others[last:]),
		"more behind":       slices.Concat(lines, lines[:1]),
		"no newline":        {bytes.TrimSuffix(export, []byte("\n"))},
		"a long line":       slices.Concat(lines[:1], [][]byte{bytes.Repeat([]byte("x"), 9000)}, lines[1:]),
	} {
		_, err := eventlog.VerifyExport(bytes.NewReader(slices.Concat(changed...)), publicKey())
		var bad *eventlog.RecordError
		assert.ErrorAs(t, err, &bad, name)
		t.Logf("%s: %v", name, err)
	}
	_, err := eventlog.VerifyExport(bytes.NewReader(export), publicKey()[:3])
	require.ErrorIs(t, err, eventlog.ErrTampered)
}

func TestExportLeavesPersonsBehind(t *testing.T) {
	m := powercut.New()
	opts := options()
	opts.Pseudonym = pseudonym
	l := open(t, m, opts)
	log := logger(l)
	log.Info(access.EventLogin, access.KeyEntity, "ann", access.KeySource, "192.0.2.7", access.KeyMethod, "password")
	log.WithGroup("job").Info(access.EventEraseDone, access.KeySubject, "erased", access.KeyEntity, "bob")
	var b bytes.Buffer
	next, err := l.Export(somebody(t.Context()), &b, 0)
	require.NoError(t, err)
	require.Equal(t, uint64(5), next)
	text := b.String()
	for _, person := range []string{"ann", "192.0.2.7", `"erased"`, "bob", "salt"} {
		assert.NotContains(t, text, person)
	}
	assert.Contains(t, text, `{"of":2,"names":{"entity":"p-616e6e"}`)
	assert.Contains(t, text, `{"of":3,"names":{"job.entity":"p-626f62"}`)
	assert.Contains(t, text, `"method":"password"`)
	first, err := eventlog.VerifyExport(strings.NewReader(text), publicKey())
	require.NoError(t, err)

	log.Warn("test.more")
	b.Reset()
	next, err = l.Export(somebody(t.Context()), &b, next)
	require.NoError(t, err)
	require.Equal(t, uint64(7), next)
	second, err := eventlog.VerifyExport(&b, publicKey())
	require.NoError(t, err)
	assert.Equal(t, []uint64{1, 4, 5, 6}, []uint64{first.First, first.Last, second.First, second.Last})
	assert.Equal(t, first.Head, second.Before, "the two exports join")
	_, err = l.Export(somebody(t.Context()), &b, 99)
	require.ErrorIs(t, err, fs.ErrInvalid)
}

// TestCommitmentHides: the same person has another commitment in each record, so that
// two records cannot be told to be of one, and no guess can be confirmed.
func TestCommitmentHides(t *testing.T) {
	l := open(t, powercut.New(), options())
	log := logger(l).With(access.KeyEntity, "ann")
	log.Info(access.EventLogin)
	log.Info(access.EventLogin)
	var b bytes.Buffer
	_, err := l.Export(somebody(t.Context()), &b, 0)
	require.NoError(t, err)
	seen := map[string]bool{}
	for line := range strings.Lines(b.String()) {
		if _, rest, ok := strings.Cut(line, `"entity":"`); ok {
			seen[rest[:44]] = true
		}
	}
	assert.Len(t, seen, 3, "two logins and the export")
}

func TestPermissions(t *testing.T) {
	l := open(t, powercut.New(), options())
	for name, f := range map[string]func(ctx context.Context) error{
		"read": func(ctx context.Context) error {
			for _, err := range l.Records(ctx, 0) {
				return err
			}
			return nil
		},
		"verify":     func(ctx context.Context) error { _, err := l.Verify(ctx, nil); return err },
		"export":     func(ctx context.Context) error { _, err := l.Export(ctx, &bytes.Buffer{}, 0); return err },
		"checkpoint": func(ctx context.Context) error { _, err := l.Checkpoint(ctx); return err },
		"prune":      func(ctx context.Context) error { return l.Prune(ctx, 1) },
	} {
		require.NoError(t, l.Sync(t.Context()))
		l.Guard(allow{})
		require.NoError(t, f(somebody(t.Context())), name)
		require.ErrorIs(t, f(t.Context()), access.ErrDenied, name)
		l.Guard(nil)
		require.ErrorIs(t, f(somebody(t.Context())), access.ErrDenied, name)
	}
}

// TestKeyIsHidden: nothing that is printed of a Log shows its key.
func TestKeyIsHidden(t *testing.T) {
	l := open(t, powercut.New(), options())
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		assert.Equal(t, "eventlog.Log[redacted]", fmt.Sprintf(verb, l))
	}
	assert.Equal(t, "eventlog.Log[redacted]", slog.AnyValue(l).Resolve().String())
}
