package password_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access/password"
)

const good = "correct horse battery"

// quick is a Hasher for tests: no security, no waiting.
func quick(t testing.TB) *password.Hasher {
	t.Helper()
	h, err := password.NewHasher(&password.HasherOptions{Params: password.Params{Memory: 8, Time: 1, Threads: 1}})
	require.NoError(t, err)
	return h
}

func TestHashAndVerify(t *testing.T) {
	h := quick(t)
	hash, err := h.Hash(t.Context(), password.New(good))
	require.NoError(t, err)
	require.Regexp(t, `^\$argon2id\$v=19\$m=8,t=1,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`, hash)
	other, err := h.Hash(t.Context(), password.New(good))
	require.NoError(t, err)
	require.NotEqual(t, hash, other, "salted")
	match, upgrade, err := h.Verify(t.Context(), hash, password.New(good))
	require.NoError(t, err)
	require.True(t, match)
	require.False(t, upgrade)
	for _, wrong := range []string{"correct horse batterY", good + " ", "x"} {
		match, _, err = h.Verify(t.Context(), hash, password.New(wrong))
		require.NoError(t, err)
		require.False(t, match)
	}
	require.ErrorIs(t, h.Dummy(t.Context(), password.New(good)), password.ErrWrong)
}

func TestCheaperHashesAreUpgraded(t *testing.T) {
	old, err := quick(t).Hash(t.Context(), password.New(good))
	require.NoError(t, err)
	h, err := password.NewHasher(&password.HasherOptions{Params: password.Params{Memory: 64, Time: 1, Threads: 1}})
	require.NoError(t, err)
	match, upgrade, err := h.Verify(t.Context(), old, password.New(good))
	require.NoError(t, err)
	require.True(t, match && upgrade)
	_, upgrade, err = h.Verify(t.Context(), old, password.New("wrong"))
	require.NoError(t, err)
	require.False(t, upgrade, "only who knows it")
	costly, err := h.Hash(t.Context(), password.New(good))
	require.NoError(t, err)
	_, upgrade, err = quick(t).Verify(t.Context(), costly, password.New(good))
	require.NoError(t, err)
	require.False(t, upgrade, "never down")
}

func TestWeakAndInvalidPasswords(t *testing.T) {
	h := quick(t)
	for p, want := range map[string]error{
		"": password.ErrInvalid, "\xff" + good: password.ErrInvalid, strings.Repeat("x", 257): password.ErrInvalid,
		"short": password.ErrWeak, "fourteen chars": password.ErrWeak, strings.Repeat("é", 14): password.ErrWeak, strings.Repeat("e", 20): password.ErrWeak,
		"fifteen  chars!": nil, "пароль из пятнадцати": nil,
	} {
		_, err := h.Hash(t.Context(), password.New(p))
		require.ErrorIs(t, err, want, "%q", p)
		if len(p) > 5 && err != nil {
			require.NotContains(t, err.Error(), p)
		}
	}
	_, err := h.Hash(t.Context(), password.Password{})
	require.ErrorIs(t, err, password.ErrInvalid)
	_, _, err = h.Verify(t.Context(), "x", password.New(""))
	require.ErrorIs(t, err, password.ErrInvalid)
	require.ErrorIs(t, h.Dummy(t.Context(), password.New("\xff")), password.ErrInvalid)
	eight, err := password.NewHasher(&password.HasherOptions{Params: h.Params(), MinLength: 8})
	require.NoError(t, err)
	_, err = eight.Hash(t.Context(), password.New("8 chars!"))
	require.NoError(t, err)
}

// A Hasher that nobody made gives errors; it neither waits nor says who knows what.
func TestZeroHasher(t *testing.T) {
	_, err := new(password.Hasher).Hash(t.Context(), password.New(good))
	require.ErrorContains(t, err, "NewHasher")
	h := quick(t)
	encoded, err := h.Hash(t.Context(), password.New(good))
	require.NoError(t, err)
	match, _, err := new(password.Hasher).Verify(t.Context(), encoded, password.New(good))
	require.ErrorContains(t, err, "NewHasher")
	require.False(t, match)
}

func TestHasherOptions(t *testing.T) {
	h, err := password.NewHasher(nil)
	require.NoError(t, err)
	require.Equal(t, password.Params{Memory: 19 << 10, Time: 2, Threads: 1}, h.Params())
	for _, o := range []password.HasherOptions{
		{Slots: 17}, {Slots: -1}, {MinLength: 7}, {MinLength: 65}, {Params: password.Params{Memory: 1}},
		{Params: password.Params{Memory: 8, Time: 17, Threads: 1}}, {Params: password.Params{Memory: 1 << 20, Time: 1, Threads: 1}},
		{Params: password.Params{Memory: 64, Time: 1, Threads: 5}}, {Params: password.Params{Memory: 15, Time: 1, Threads: 2}},
	} {
		_, err := password.NewHasher(&o)
		require.Error(t, err, "%+v", o)
	}
}

// TestSlotsAreBounded: a login waits for its turn, until its context is done, and
// gives the slot back.
func TestSlotsAreBounded(t *testing.T) {
	h, err := password.NewHasher(&password.HasherOptions{Params: password.Params{Memory: 1 << 10, Time: 4, Threads: 1}, Slots: 2})
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { assert.ErrorIs(t, h.Dummy(t.Context(), password.New(good)), password.ErrWrong) })
	}
	wg.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, h.Dummy(ctx, password.New(good)), context.Canceled)
	_, err = h.Hash(ctx, password.New(good))
	require.ErrorIs(t, err, context.Canceled)
}

func TestWaitingForASlotEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := quick(t)
		release := password.Occupy(h)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, h.Dummy(ctx, password.New(good)), context.DeadlineExceeded)
		release()
		require.ErrorIs(t, h.Dummy(t.Context(), password.New(good)), password.ErrWrong)
	})
}

func TestMalformedHashes(t *testing.T) {
	h := quick(t)
	const salt, sum = "c29tZXNhbHRzb21lc2FsdA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	ok := "$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + sum
	_, _, err := h.Verify(t.Context(), ok, password.New(good))
	require.NoError(t, err)
	for _, bad := range []string{
		"", "$", good, ok + "$", "x" + ok, strings.Replace(ok, "argon2id", "argon2i", 1), strings.Replace(ok, "v=19", "v=16", 1),
		strings.Replace(ok, "m=8", "m=4194304", 1), strings.Replace(ok, "m=8", "m=99999999999999999999", 1), strings.Replace(ok, "m=8", "m=7", 1),
		strings.Replace(ok, "m=8", "m=08", 1), strings.Replace(ok, "m=8", "m=+8", 1), strings.Replace(ok, "m=8", "m=-8", 1),
		strings.Replace(ok, "t=1", "t=0", 1), strings.Replace(ok, "t=1", "t=1000", 1), strings.Replace(ok, "p=1", "p=255", 1),
		strings.Replace(ok, "m=8,t=1", "t=1,m=8", 1), strings.Replace(ok, "p=1", "p=1,x=2", 1), strings.Replace(ok, salt, salt+"==", 1),
		strings.Replace(ok, salt, "c2hvcnQ", 1), strings.Replace(ok, salt, strings.Repeat("A", 120), 1), strings.Replace(ok, sum, sum[:42]+"B", 1),
		strings.Replace(ok, sum, sum[:20], 1), strings.Replace(ok, sum, "AA\nA"+sum[3:], 1), ok + strings.Repeat("A", 300),
	} {
		_, _, err := h.Verify(t.Context(), bad, password.New(good))
		require.ErrorIs(t, err, password.ErrMalformed, "%q", bad)
		if len(bad) > 10 {
			require.NotContains(t, err.Error(), sum)
		}
	}
}

func FuzzPHC(f *testing.F) {
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$argon2id$v=19$m=99999999,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$argon2id$v=19$m=8,t=1,p=1$$")
	f.Fuzz(func(t *testing.T, s string) {
		again, p, err := password.ReadPHC(s)
		if err != nil {
			require.ErrorIs(t, err, password.ErrMalformed)
			return
		}
		require.Equal(t, s, again)
		require.LessOrEqual(t, p.Memory, 64<<10)
		require.LessOrEqual(t, p.Time, 16)
		require.LessOrEqual(t, p.Threads, 4)
	})
}

func TestCalibrate(t *testing.T) {
	// A device on which one pass over 1 MiB takes the given time.
	speed := func(perMiB time.Duration) func(password.Params) time.Duration {
		return func(p password.Params) time.Duration { return perMiB * time.Duration(p.Time*p.Memory) / 1024 }
	}
	for _, c := range []struct {
		per    time.Duration
		target time.Duration
		memory int
		want   password.Params
	}{
		{time.Millisecond, 50 * time.Millisecond, 0, password.Params{Memory: 46 << 10, Time: 1, Threads: 1}},
		{time.Millisecond, 500 * time.Millisecond, 0, password.Params{Memory: 46 << 10, Time: 10, Threads: 1}},
		{time.Millisecond, time.Hour, 0, password.Params{Memory: 46 << 10, Time: 16, Threads: 1}},
		{time.Millisecond, 40 * time.Millisecond, 0, password.Params{Memory: 19 << 10, Time: 2, Threads: 1}},
		{time.Millisecond, 80 * time.Millisecond, 20 << 10, password.Params{Memory: 19 << 10, Time: 4, Threads: 1}},
		{time.Millisecond, time.Second, 10 << 10, password.Params{Memory: 9 << 10, Time: 16, Threads: 1}},
		{time.Second, time.Second, 0, password.Params{Memory: 7 << 10, Time: 5, Threads: 1}},
		{time.Millisecond, time.Second, 1, password.Params{Memory: 7 << 10, Time: 5, Threads: 1}},
	} {
		require.Equal(t, c.want, password.CalibrateWith(c.target, c.memory, speed(c.per)), "%+v", c)
	}
	p := password.Calibrate(time.Nanosecond, 8<<10)
	_, err := password.NewHasher(&password.HasherOptions{Params: p})
	require.NoError(t, err)
}

func TestPasswordRedactsItself(t *testing.T) {
	p := password.New("hunter2-hunter2-hunter2")
	type holder struct {
		Public  password.Password
		private password.Password
	}
	h := holder{p, p}
	var shown []string
	for _, v := range []any{p, &p, h, &h, []password.Password{p}, map[string]any{"p": p}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			shown = append(shown, fmt.Sprintf(verb, v))
		}
		text, err := json.Marshal(v)
		require.NoError(t, err)
		shown = append(shown, string(text))
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "p", p, "h", h)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "p", p, "h", h)
	for _, s := range append(shown, log.String()) {
		require.NotContains(t, s, "hunter2")
		require.NotContains(t, s, fmt.Sprintf("%x", "hunter2"))
	}
	require.Equal(t, "[redacted]", fmt.Sprint(p))
	_ = h.private
}

func BenchmarkVerify(b *testing.B) {
	h, err := password.NewHasher(nil)
	require.NoError(b, err)
	hash, err := h.Hash(b.Context(), password.New(good))
	require.NoError(b, err)
	for b.Loop() {
		h.Verify(b.Context(), hash, password.New(good))
	}
}
