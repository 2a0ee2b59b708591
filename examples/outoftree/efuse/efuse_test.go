package efuse_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"example.com/acme/keystore/efuse"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
	"github.com/iot-device-baseline/baseline/protect/protecttest"
)

// bench is keys with the machine that plays their fuse medium.
type bench struct {
	*efuse.Keys
	fuses *powercut.Machine
}

// Unwrap lets the kit find the abilities of the keys themselves.
func (b *bench) Unwrap() protect.KeyStore { return b.Keys }

func openKeys(ctx context.Context, fuses *powercut.Machine, opts *efuse.Options) (*efuse.Keys, error) {
	dir, err := durable.OpenFS(fuses.FS(), nil)
	if err != nil {
		return nil, err
	}
	return efuse.Open(ctx, dir, opts)
}

func burn(ctx context.Context, fuses *powercut.Machine) error {
	dir, err := durable.OpenFS(fuses.FS(), nil)
	if err != nil {
		return err
	}
	return efuse.Burn(ctx, dir)
}

func burned(t testing.TB) *powercut.Machine {
	t.Helper()
	fuses := powercut.New()
	must(t, burn(t.Context(), fuses))
	return fuses
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mustBe(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error is %v, want %v", err, want)
	}
}

// TestKit is the one call by which a key store shows that it keeps the rules.
func TestKit(t *testing.T) {
	for name, opts := range map[string]*efuse.Options{"plain": nil, "sealed": {Sealed: true}} {
		t.Run(name, func(t *testing.T) { protecttest.TestKeyStore(t, harness(opts)) })
	}
}

func harness(opts *efuse.Options) protecttest.Harness {
	on := func(t testing.TB, fuses *powercut.Machine) protect.KeyStore {
		keys, err := openKeys(t.Context(), fuses, opts)
		must(t, err)
		return &bench{keys, fuses}
	}
	open := func(t testing.TB) protect.KeyStore { return on(t, burned(t)) }
	reopen := func(t testing.TB, ks protect.KeyStore) protect.KeyStore {
		fuses := ks.(*bench).fuses
		fuses.Drop()
		return on(t, fuses)
	}
	return protecttest.Harness{
		Open: open, Other: open, Reopen: reopen,
		Interrupt: func(t testing.TB, ks protect.KeyStore, n int, act func()) (protect.KeyStore, bool) {
			fuses := ks.(*bench).fuses
			fuses.Cut(n)
			act()
			cut := fuses.Step("probe", "power") != nil
			return reopen(t, ks), cut
		},
		Abilities: protecttest.Abilities{Revoker: true},
	}
}

func TestInfoClaimsWhatIsVouchedFor(t *testing.T) {
	for _, sealed := range []bool{false, true} {
		keys, err := openKeys(t.Context(), burned(t), &efuse.Options{Sealed: sealed})
		must(t, err)
		if info := keys.Info(); info.Hardware != sealed || (info.Advance == protect.ReachCopies) != sealed {
			t.Errorf("sealed %v: %+v", sealed, info)
		}
	}
}

func TestBurnOnce(t *testing.T) {
	ctx, fuses := t.Context(), powercut.New()
	_, err := openKeys(ctx, fuses, nil)
	mustBe(t, err, protect.ErrMissing)
	must(t, burn(ctx, fuses))
	before := fuses.Files()["fuses"]
	mustBe(t, burn(ctx, fuses), fs.ErrExist)
	if !slices.Equal(before, fuses.Files()["fuses"]) {
		t.Error("burned again")
	}
}

// TestDamagedFuses flips every bit of the bank: it says so, or works as before.
func TestDamagedFuses(t *testing.T) {
	ctx, fuses := t.Context(), burned(t)
	keys, err := openKeys(ctx, fuses, nil)
	must(t, err)
	must(t, keys.Advance(ctx, 1))
	blob, err := keys.Seal(ctx, []byte("secret"))
	must(t, err)
	fuses.Settle()
	flips := 0
	powercut.Flip(fuses, nil, func(m *powercut.Machine, where string) {
		if !strings.HasPrefix(where, "fuses") || strings.Contains(where, "!") { // its own record, without the reserve
			return
		}
		flips++
		if _, err := openKeys(ctx, m, nil); err != nil {
			if !errors.Is(err, protect.ErrTampered) {
				t.Errorf("%s: %v", where, err)
			}
			mustBe(t, burn(ctx, m), protect.ErrTampered)
			return
		}
		keys, err := openKeys(ctx, m, nil)
		must(t, err)
		if secret, err := keys.Unseal(ctx, blob); err != nil || string(secret) != "secret" {
			t.Errorf("%s: %q, %v", where, secret, err)
		}
	})
	if flips < 500 {
		t.Errorf("only %d bits were flipped", flips)
	}
}

func TestFusesThatDoNotAnswer(t *testing.T) {
	ctx := t.Context()
	_, err := efuse.Open(ctx, silent{}, nil)
	mustBe(t, err, protect.ErrUnavailable)
	mustBe(t, efuse.Burn(ctx, silent{}), protect.ErrUnavailable)
}

// silent is a medium that does not answer.
type silent struct{ durable.Store }

func (silent) Get(context.Context, string) ([]byte, error) { return nil, errors.New("bus error") }

// TestFailedAdvance: after a write that failed the keys look at the fuses again.
func TestFailedAdvance(t *testing.T) {
	ctx := t.Context()
	for n := range 40 {
		fuses := burned(t)
		keys, err := openKeys(ctx, fuses, nil)
		must(t, err)
		fuses.Fail(n, powercut.Fail)
		failed := keys.Advance(ctx, 1)
		gen, err := keys.Generation(ctx)
		must(t, err)
		if failed == nil && gen != 1 {
			t.Fatalf("step %d: acknowledged, and the generation is %d", n, gen)
		}
		must(t, keys.Advance(ctx, 1))
		blob, err := keys.Seal(ctx, []byte("s"))
		must(t, err)
		fuses.Drop() // what was told must be on the medium
		keys, err = openKeys(ctx, fuses, nil)
		must(t, err)
		_, err = keys.Unseal(ctx, blob)
		must(t, err)
	}
}

func TestNothingShowsTheRoot(t *testing.T) {
	fuses := burned(t)
	keys, err := openKeys(t.Context(), fuses, nil)
	must(t, err)
	_, text, _ := strings.Cut(string(fuses.Files()["fuses"][12:]), "{") // behind the frame, in which any byte may stand
	var stored struct{ Root []byte }
	must(t, json.NewDecoder(strings.NewReader("{"+text)).Decode(&stored))
	for _, v := range []any{keys, struct{ K *efuse.Keys }{keys}, struct{ k *efuse.Keys }{keys}} {
		out, err := json.Marshal(v)
		must(t, err)
		for _, shown := range []string{fmt.Sprintf("%v %+v %s %x", v, v, v, v), fmt.Sprintf("%#v", v), string(out)} {
			for _, secret := range []string{hex.EncodeToString(stored.Root[:4]), strings.Trim(fmt.Sprint(stored.Root[:4]), "[]")} {
				if strings.Contains(shown, secret) {
					t.Errorf("shown: %s", shown)
				}
			}
		}
	}
}

func FuzzUnseal(f *testing.F) {
	ctx, fuses := context.Background(), powercut.New()
	must(f, burn(ctx, fuses))
	keys, err := openKeys(ctx, fuses, nil)
	must(f, err)
	blob, err := keys.Seal(ctx, []byte("secret"))
	must(f, err)
	next, err := keys.SealFor(ctx, 1, []byte("secret"))
	must(f, err)
	for _, seed := range [][]byte{nil, []byte("efs\x01"), blob[:len(blob)-1], blob[:28], append(slices.Clone(blob), 0), next, make([]byte, 1<<12)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		secret, err := keys.Unseal(ctx, data)
		if err == nil || secret != nil {
			t.Fatalf("opened %x", data) // nobody but the keys makes a blob
		}
		if !errors.Is(err, protect.ErrTampered) && !errors.Is(err, protect.ErrForeign) && !errors.Is(err, protect.ErrPolicy) {
			t.Fatal(err)
		}
	})
}
