package eventlog_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect/eventlog"
)

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
	for _, person := range []string{`"ann"`, "192.0.2.7", `"erased"`, `"bob"`, `"salt"`} { // in quotes: letters alone come up by chance in base64
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
	assert.Equal(t, first.Root, second.Before, "the two exports join")
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

// pruning gives up records while an export is written.
type pruning struct {
	bytes.Buffer
	prune func()
}

func (p *pruning) Write(b []byte) (int, error) {
	if p.prune != nil && p.Len() > 100<<10 {
		p.prune()
		p.prune = nil
	}
	return p.Buffer.Write(b)
}

// TestGivenUpMeanwhile: an export that the log's own pruning overtakes is to be begun again; it
// is no tampering, and what is written then is none.
func TestGivenUpMeanwhile(t *testing.T) {
	ctx := somebody(t.Context())
	opts := options()
	opts.MaxSize = 1 << 20
	l := open(t, powercut.New(), opts)
	for range 2000 {
		require.NoError(t, l.Handler().Handle(ctx, record("test.filler", slog.LevelInfo)))
	}
	require.NoError(t, l.Sync(ctx))
	var err error
	w := &pruning{prune: func() { err = l.Prune(ctx, 1900) }}
	_, eerr := l.Export(ctx, w, 0)
	require.NoError(t, err)
	require.ErrorIs(t, eerr, fs.ErrNotExist)
	require.NotErrorIs(t, eerr, eventlog.ErrTampered)
	w = &pruning{}
	_, err = l.Export(ctx, w, 0)
	require.NoError(t, err)
	s, err := eventlog.VerifyExport(&w.Buffer, publicKey())
	require.NoError(t, err)
	require.Equal(t, uint64(1900), s.First)
}
