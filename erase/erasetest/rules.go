package erasetest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/erase"
)

// Rules returns the rules of [erase.Store], all of them.
func Rules() []Rule {
	return []Rule{
		{"name", "Name is 1 to 32 bytes of [a-z0-9-], and always the same.", checkName},
		{"gone", "Erase returning nil means that no restart brings the subject's data back.", checkGone},
		{"method", "Erase answers with the method that was really used, in words: 1 to 120 bytes of printable ASCII.", checkMethod},
		{"others", "Erase touches no other subject's data.", checkOthers},
		{"again", "Erase may be repeated, also after a power cut; a subject without data is no error.", checkAgain},
		{"permission", "Erase asks for erase.subject on the subject: who lacks it gets an error that is access.ErrDenied, and nothing is erased.", checkPermission},
		{"subject", "An id that cannot be a subject's gives an error, and nothing is erased.", checkSubject},
		{"verify", "Verify reads the medium again: nil says that nothing of the subject is there.", checkVerify},
		{"unchanged", "Verify changes nothing.", checkUnchanged},
		{"concurrent", "Methods may be called concurrently.", checkConcurrent},
	}
}

func checkName(k *kit) error {
	s, err := k.open()
	if err != nil {
		return err
	}
	name := s.Store.Name()
	if name == "" || len(name) > 32 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return fmt.Errorf("the name is %q", name)
	}
	if _, err := s.Store.Erase(s.May(k.ctx), alice); err != nil {
		return err
	}
	if again := k.h.Reopen(k.TB, s).Store.Name(); again != name || s.Store.Name() != name {
		return fmt.Errorf("the name was %q and is %q", name, again)
	}
	return nil
}

// erased opens a store and erases alice.
func (k *kit) erased() (s Setup, method string, err error) {
	if s, err = k.open(); err == nil {
		method, err = s.Store.Erase(s.May(k.ctx), alice)
	}
	return s, method, err
}

func checkGone(k *kit) error {
	s, _, err := k.erased()
	if err != nil {
		return err
	}
	for range 2 {
		if found, err := s.Find(k.ctx, alice, secretOf(alice)); err != nil || found {
			return fmt.Errorf("the data is found: %t, error %v", found, err)
		}
		s = k.h.Reopen(k.TB, s)
	}
	return nil
}

func checkMethod(k *kit) error {
	_, method, err := k.erased()
	if err != nil {
		return err
	}
	unprintable := strings.ContainsFunc(method, func(r rune) bool { return r < ' ' || r > '~' })
	if method == "" || len(method) > erase.MaxMethod || unprintable {
		return fmt.Errorf("the method is %q", method)
	}
	return nil
}

func checkOthers(k *kit) error {
	s, _, err := k.erased()
	if err != nil {
		return err
	}
	if err := k.has(k.h.Reopen(k.TB, s), bob); err != nil {
		return err
	}
	return nil
}

func checkAgain(k *kit) error {
	s, _, err := k.erased()
	if err != nil {
		return err
	}
	for _, who := range []string{alice, "nobody"} {
		if method, err := s.Store.Erase(s.May(k.ctx), who); err != nil || method == "" {
			return fmt.Errorf("erasing %s again: method %q, error %v", who, method, err)
		}
	}
	cut := true
	for n := 0; cut; n++ {
		if cut, err = k.again(n); err != nil {
			return fmt.Errorf("power cut before step %d: %w", n, err)
		}
	}
	return nil
}

// again cuts the power in an erasure, and erases once more.
func (k *kit) again(n int) (cut bool, err error) {
	s, err := k.open()
	if err != nil {
		return false, err
	}
	s, cut = k.h.Interrupt(k.TB, s, n, func() { _, err = s.Store.Erase(s.May(k.ctx), alice) })
	if err == nil { // acknowledged
		if err := k.has(s, bob); err != nil {
			return cut, fmt.Errorf("acknowledged: %w", err)
		}
	}
	if _, err := s.Store.Erase(s.May(k.ctx), alice); err != nil {
		return cut, fmt.Errorf("erasing again: %w", err)
	}
	return cut, k.has(s, bob)
}

func checkPermission(k *kit) error {
	s, err := k.open()
	if err != nil {
		return err
	}
	for name, ctx := range map[string]func() error{
		"somebody without it": func() error { _, err := s.Store.Erase(s.MayNot(k.ctx), alice); return err },
		"nobody":              func() error { _, err := s.Store.Erase(k.ctx, alice); return err },
	} {
		if err := ctx(); !errors.Is(err, access.ErrDenied) {
			return fmt.Errorf("%s gets the error %v", name, err)
		}
	}
	return k.has(k.h.Reopen(k.TB, s), alice, bob)
}

func checkSubject(k *kit) error {
	s, err := k.open()
	if err != nil {
		return err
	}
	for _, id := range []string{"", ".", "..", "a/b", "../bob", "*", "**", "a b", "b\x00b", strings.Repeat("a", 65)} {
		if _, err := s.Store.Erase(s.May(k.ctx), id); err == nil {
			return fmt.Errorf("%q is taken for a subject", id)
		}
	}
	return k.has(k.h.Reopen(k.TB, s), alice, bob)
}

func checkVerify(k *kit) error {
	s, err := k.open()
	if err != nil {
		return err
	}
	if s.Store.Verify(s.May(k.ctx), alice) == nil {
		return errors.New("by Verify nothing is there before the erasure")
	}
	if _, err := s.Store.Erase(s.May(k.ctx), alice); err != nil {
		return err
	}
	for range 2 {
		if err := s.Store.Verify(s.May(k.ctx), alice); err != nil {
			return fmt.Errorf("after the erasure: %w", err)
		}
		if s.Store.Verify(s.May(k.ctx), bob) == nil {
			return errors.New("by Verify nothing is there of somebody who was not erased")
		}
		s = k.h.Reopen(k.TB, s)
	}
	if err := s.Plant(k.ctx, alice, secretOf(alice)); err != nil {
		return err
	}
	if s.Store.Verify(s.May(k.ctx), alice) == nil {
		return errors.New("by Verify nothing is there of what came after the erasure")
	}
	return nil
}

func checkUnchanged(k *kit) error {
	s, err := k.open()
	if err != nil {
		return err
	}
	for _, who := range []string{alice, bob, "nobody"} {
		_ = s.Store.Verify(s.May(k.ctx), who) // what it says is another rule's
	}
	if err := k.has(s, alice, bob); err != nil {
		return err
	}
	return k.has(k.h.Reopen(k.TB, s), alice, bob)
}

func checkConcurrent(k *kit) error {
	s, err := k.open()
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		all.Go(func() {
			if _, errs[i] = s.Store.Erase(s.May(k.ctx), alice); errs[i] == nil {
				errs[i] = s.Store.Verify(s.May(k.ctx), alice)
			}
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return k.has(s, bob)
}

// CheckEverybody reports the ability [erase.Everybody] when it is declared and absent,
// present and not declared, or leaves somebody's data.
func CheckEverybody(t testing.TB, h Harness) error {
	k := &kit{TB: t, h: h, ctx: t.Context()}
	s, err := k.open()
	if err != nil {
		return err
	}
	all, ok := s.Store.(erase.Everybody)
	if ok != h.Everybody {
		return fmt.Errorf("everybody: declared %t, present %t", h.Everybody, ok)
	}
	if !ok {
		return nil
	}
	if _, err := all.EraseAll(s.MayNot(k.ctx)); !errors.Is(err, access.ErrDenied) {
		return fmt.Errorf("EraseAll: somebody without erase.all gets the error %v", err)
	}
	if err := k.has(s, alice, bob); err != nil {
		return err
	}
	if all.VerifyAll(s.May(k.ctx)) == nil {
		return errors.New("VerifyAll says that nothing is there before the erasure")
	}
	if method, err := all.EraseAll(s.May(k.ctx)); err != nil || method == "" {
		return fmt.Errorf("EraseAll: method %q, error %v", method, err)
	}
	if err := all.VerifyAll(s.May(k.ctx)); err != nil {
		return err
	}
	return k.has(k.h.Reopen(k.TB, s))
}
