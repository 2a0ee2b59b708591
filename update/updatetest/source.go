package updatetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"testing"

	"github.com/iot-device-baseline/baseline/update"
)

// SourceHarness gives the kit sources. Every function fails t when it cannot do its
// work.
type SourceHarness struct {
	// Open gives a source of the files.
	Open func(t testing.TB, files map[string][]byte) update.Source
	// Remote says that the source can be out of reach, and break off. Then the kit
	// needs Unreachable and Breaking.
	Remote bool
	// Unreachable gives a source that cannot be reached now.
	Unreachable func(t testing.TB) update.Source
	// Breaking gives a source of the files each of whose readers breaks off after
	// about n bytes; of a source without ranges, only the first reader.
	Breaking func(t testing.TB, files map[string][]byte, n int) update.Source
}

func (h SourceHarness) lacks() string {
	if h.Open == nil || h.Remote && (h.Unreachable == nil || h.Breaking == nil) {
		return "Open, or Unreachable and Breaking of what is Remote"
	}
	return ""
}

// TestSource checks every rule of update.Source that applies, each as a subtest.
func TestSource(t *testing.T, h SourceHarness) {
	t.Helper()
	test(t, SourceRules(h.Remote), h)
}

type sourceKit = kit[SourceHarness]

// SourceRules returns the rules of update.Source: those of all, and those of remote ones.
func SourceRules(remote bool) []Rule[SourceHarness] {
	const of = "Source"
	rules := []Rule[SourceHarness]{
		{of, "Open", "Open returns the bytes of name from offset on, at most length of them (-1: to the end).", checkRanges},
		{of, "At", "at is where r really begins, at most offset: a source without ranges begins at 0, and the caller skips.", checkAt},
		{of, "Missing", "A name that is not there gives an error that is [io/fs.ErrNotExist];", checkMissing},
		{of, "Context", "ctx ends reading, too.", checkContext},
		{of, "Concurrent", "Who calls it: [Updater] and backends/tuf, concurrently.", checkConcurrentSource},
	}
	if remote {
		rules = append(rules,
			Rule[SourceHarness]{of, "Unreachable", "a source that cannot be reached now [ErrUnavailable].", checkUnreachable},
			Rule[SourceHarness]{of, "EndsEarly", "A read that ends early is an error of the reader or a short read; the caller asks again from where it stopped.", checkEndsEarly})
	}
	return rules
}

// files are those of the kit: more than one buffer, and nothing.
func files() map[string][]byte {
	return map[string][]byte{"targets/abc.system": sample(0x11, 200_000), "1.root.json": sample(0x2a, 300), "empty": {}}
}

// fetch reads the range as a caller does, who skips what comes before.
func fetch(k *sourceKit, s update.Source, name string, offset, length int64) ([]byte, error) {
	r, at, err := s.Open(k.ctx, name, offset, length)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if at < 0 || at > offset {
		return nil, fmt.Errorf("it begins at %d", at)
	}
	if _, err := io.CopyN(io.Discard, r, offset-at); err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func checkRanges(k *sourceKit) error {
	s := k.h.Open(k.TB, files())
	for name, all := range files() {
		size := int64(len(all))
		for _, c := range [][2]int64{{0, -1}, {0, size}, {0, size + 10}, {size / 2, -1}, {size / 2, 10}, {size / 3, size}, {size - 1, 1}, {0, 1}} {
			if c[0] < 0 || c[0] >= max(size, 1) {
				continue
			}
			want := all[c[0]:]
			if c[1] >= 0 {
				want = want[:min(c[1], int64(len(want)))]
			}
			got, err := fetch(k, s, name, c[0], c[1])
			if err == nil && !bytes.Equal(got, want) {
				err = fmt.Errorf("%d bytes, want %d, or they differ", len(got), len(want))
			}
			if err != nil {
				return fmt.Errorf("%s of %d bytes, offset %d, length %d: %w", name, size, c[0], c[1], err)
			}
		}
	}
	return nil
}

func checkAt(k *sourceKit) error {
	s := k.h.Open(k.TB, files())
	name := "targets/abc.system"
	all := files()[name]
	for _, offset := range []int64{0, 1, 4096, int64(len(all)) - 1} {
		r, at, err := s.Open(k.ctx, name, offset, -1)
		if err != nil {
			return err
		}
		got, err := io.ReadAll(r)
		if err = errors.Join(err, r.Close()); err != nil {
			return err
		}
		if at < 0 || at > offset || !bytes.Equal(got, all[at:]) {
			return fmt.Errorf("offset %d: at is %d, and %d bytes follow that are not those", offset, at, len(got))
		}
	}
	return nil
}

func checkMissing(k *sourceKit) error {
	s := k.h.Open(k.TB, files())
	for _, name := range []string{"targets/none", "2.root.json", "targets/abc.system.x"} {
		r, _, err := s.Open(k.ctx, name, 0, -1)
		if err == nil {
			r.Close()
		}
		if err := isOneOf(err, fs.ErrNotExist); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if errors.Is(err, update.ErrUnavailable) {
			return fmt.Errorf("%s: it says to come again: %w", name, err)
		}
	}
	return nil
}

func checkContext(k *sourceKit) error {
	s := k.h.Open(k.TB, files())
	ctx, cancel := context.WithCancel(k.ctx)
	defer cancel()
	r, _, err := s.Open(ctx, "targets/abc.system", 0, -1)
	if err != nil {
		return err
	}
	defer r.Close()
	if _, err := io.ReadFull(r, make([]byte, 100)); err != nil {
		return err
	}
	cancel()
	// What was received may still be read; the whole must not come.
	n, err := io.Copy(io.Discard, r)
	if err == nil {
		return fmt.Errorf("%d bytes and no error after the context was done", n)
	}
	r, _, err = s.Open(ctx, "targets/abc.system", 0, -1)
	if err == nil {
		defer r.Close()
		_, err = io.Copy(io.Discard, r)
	}
	if err == nil {
		return errors.New("it opens and reads with a context that is done")
	}
	return nil
}

func checkConcurrentSource(k *sourceKit) error {
	s := k.h.Open(k.TB, files())
	errs := make([]error, 8)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			name, offset := "targets/abc.system", int64(i*1000)
			if i%2 == 1 {
				name, offset = "1.root.json", int64(i)
			}
			got, err := fetch(k, s, name, offset, -1)
			if err == nil && !bytes.Equal(got, files()[name][offset:]) {
				err = errors.New("it got the bytes of another")
			}
			errs[i] = err
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

func checkUnreachable(k *sourceKit) error {
	s := k.h.Unreachable(k.TB)
	r, _, err := s.Open(k.ctx, "1.root.json", 0, -1)
	if err == nil {
		r.Close()
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("it says that there is no such file: %w", err)
	}
	return isOneOf(err, update.ErrUnavailable)
}

func checkEndsEarly(k *sourceKit) error {
	name := "targets/abc.system"
	all := files()[name]
	s := k.h.Breaking(k.TB, files(), len(all)/4)
	var got []byte
	breaks := 0
	for range maxSteps {
		part, err := fetchPart(k, s, name, int64(len(got)))
		got = append(got, part...)
		if err != nil || len(got) < len(all) {
			breaks++
		}
		if len(got) >= len(all) || !bytes.HasPrefix(all, got) || len(part) == 0 {
			break
		}
	}
	switch {
	case !bytes.Equal(got, all):
		return fmt.Errorf("%d of %d bytes, or they differ, after it broke off %d times", len(got), len(all), breaks)
	case breaks == 0:
		return errors.New("it never broke off")
	}
	return nil
}

// fetchPart gives what came, and the error.
func fetchPart(k *sourceKit, s update.Source, name string, offset int64) ([]byte, error) {
	r, at, err := s.Open(k.ctx, name, offset, -1)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if _, err := io.CopyN(io.Discard, r, offset-at); err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
