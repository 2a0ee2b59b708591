package protecttest

import (
	"context"
	"crypto"
	"errors"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/protect"
)

// TestRulesAreQuoted shows that each rule stands in the documentation.
func TestRulesAreQuoted(t *testing.T) {
	source, err := os.ReadFile("../keystore.go")
	require.NoError(t, err)
	doc := strings.Join(strings.Fields(strings.ReplaceAll(string(source), "\n//", "\n")), " ")
	quoted := 0
	for _, r := range Rules() {
		assert.Contains(t, doc, "- "+r.Sentence, r.Interface+"/"+r.Name)
		quoted++
	}
	assert.Equal(t, quoted, strings.Count(doc, " - "), "a rule of the documentation has no check")
}

// TestBrokenFakes shows that each rule catches a key store that breaks it.
func TestBrokenFakes(t *testing.T) {
	caught := 0
	for _, r := range Rules() {
		name := r.Interface + "/" + r.Name
		f, ok := flaws()[name]
		if !assert.True(t, ok, "no broken fake for %s", name) {
			continue
		}
		require.NoError(t, r.Check(t, harnessOf(flaw{})), "%s: the fake without flaw", name)
		if err := r.Check(t, harnessOf(f)); assert.Error(t, err, "%s: the broken fake was not caught", name) {
			t.Logf("%s: %v", name, err)
			caught++
		}
	}
	t.Logf("rules=%d caught=%d", len(Rules()), caught)
	assert.Len(t, flaws(), len(Rules()))
}

// TestAbilities shows that what is declared must be there, and what is there declared.
func TestAbilities(t *testing.T) {
	h := harnessOf(flaw{})
	info := keyStoreRules()[10]
	require.Equal(t, "Info", info.Name)
	require.NoError(t, info.Check(t, h))
	for _, change := range []func(*Abilities){
		func(a *Abilities) { a.SigningKeys = false }, func(a *Abilities) { a.Counter = false },
		func(a *Abilities) { a.Revoker = false }, func(a *Abilities) { a.Attester = true },
		func(a *Abilities) { a.Measurer = true },
	} {
		wrong := h
		change(&wrong.Abilities)
		assert.Error(t, info.Check(t, wrong), "%+v", wrong.Abilities)
	}
	h.Interrupt = nil
	assert.Error(t, info.Check(t, h))
}

// flaw changes what a fake does; nil is what the token does.
type flaw struct {
	info       func(protect.Info) protect.Info
	seal       func(f *fake, ctx context.Context, secret []byte) ([]byte, error)
	unseal     func(f *fake, ctx context.Context, blob []byte) ([]byte, error)
	close      func() error
	generation func(f *fake, gen uint64) uint64
	sealFor    func(f *fake, ctx context.Context, gen uint64, secret []byte) ([]byte, error)
	advance    func(f *fake, ctx context.Context, gen uint64) error
	value      func(f *fake, v uint64) uint64
	increment  func(f *fake, ctx context.Context) (uint64, error)
	createKey  func(f *fake, ctx context.Context, alg protect.Algorithm) ([]byte, error)
	openKey    func(f *fake, ctx context.Context, blob []byte) (protect.Signer, error)
}

// fake is a token with a flaw.
type fake struct {
	*Token
	flaw  flaw
	boots int
	calls atomic.Int64
}

func (f *fake) Info() protect.Info {
	if f.flaw.info != nil {
		return f.flaw.info(f.Token.Info())
	}
	return f.Token.Info()
}

func (f *fake) Seal(ctx context.Context, secret []byte) ([]byte, error) {
	if f.flaw.seal != nil {
		return f.flaw.seal(f, ctx, secret)
	}
	return f.Token.Seal(ctx, secret)
}

func (f *fake) Unseal(ctx context.Context, blob []byte) ([]byte, error) {
	if f.flaw.unseal != nil {
		return f.flaw.unseal(f, ctx, blob)
	}
	return f.Token.Unseal(ctx, blob)
}

func (f *fake) Close() error {
	if f.flaw.close != nil {
		return f.flaw.close()
	}
	return f.Token.Close()
}

func (f *fake) Generation(ctx context.Context) (uint64, error) {
	gen, err := f.Token.Generation(ctx)
	if f.flaw.generation != nil {
		gen = f.flaw.generation(f, gen)
	}
	return gen, err
}

func (f *fake) SealFor(ctx context.Context, gen uint64, secret []byte) ([]byte, error) {
	if f.flaw.sealFor != nil {
		return f.flaw.sealFor(f, ctx, gen, secret)
	}
	return f.Token.SealFor(ctx, gen, secret)
}

func (f *fake) Advance(ctx context.Context, gen uint64) error {
	if f.flaw.advance != nil {
		return f.flaw.advance(f, ctx, gen)
	}
	return f.Token.Advance(ctx, gen)
}

func (f *fake) Value(ctx context.Context) (uint64, error) {
	v, err := f.Token.Value(ctx)
	if f.flaw.value != nil {
		v = f.flaw.value(f, v)
	}
	return v, err
}

func (f *fake) Increment(ctx context.Context) (uint64, error) {
	if f.flaw.increment != nil {
		return f.flaw.increment(f, ctx)
	}
	return f.Token.Increment(ctx)
}

func (f *fake) CreateKey(ctx context.Context, alg protect.Algorithm) ([]byte, error) {
	if f.flaw.createKey != nil {
		return f.flaw.createKey(f, ctx, alg)
	}
	return f.Token.CreateKey(ctx, alg)
}

func (f *fake) OpenKey(ctx context.Context, blob []byte) (protect.Signer, error) {
	if f.flaw.openKey != nil {
		return f.flaw.openKey(f, ctx, blob)
	}
	return f.Token.OpenKey(ctx, blob)
}

// store writes the state of the token: one step.
func (f *fake) store(change func(*state)) error {
	s, err := f.begin(context.Background())
	if err != nil {
		return err
	}
	change(&s)
	return f.keep(s)
}

func harnessOf(f flaw) Harness {
	open := func(testing.TB) protect.KeyStore { return &fake{Token: NewToken(powercut.New()), flaw: f} }
	reopen := func(_ testing.TB, ks protect.KeyStore) protect.KeyStore {
		old := ks.(*fake)
		old.m.Drop()
		return &fake{Token: NewToken(old.m), flaw: f, boots: old.boots + 1}
	}
	return Harness{
		Open: open, Other: open, Reopen: reopen,
		Interrupt: func(t testing.TB, ks protect.KeyStore, n int, act func()) (protect.KeyStore, bool) {
			m := ks.(*fake).m
			m.Cut(n)
			act()
			cut := m.Step("probe", "power") != nil
			return reopen(t, ks), cut
		},
		Abilities: Abilities{SigningKeys: true, Counter: true, Revoker: true},
	}
}

// deafSigner cannot be closed.
type deafSigner struct{ protect.Signer }

func (deafSigner) Close() error { return nil }

// shortSigner knows one digest.
type shortSigner struct{ protect.Signer }

func (s shortSigner) Sign(r io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if opts.HashFunc() != crypto.SHA256 {
		return nil, errors.New("only SHA-256")
	}
	return s.Signer.Sign(r, digest, opts)
}
