package erasetest_test

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/access"
	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/durable/powercut"
	"github.com/iot-device-baseline/baseline/erase"
	"github.com/iot-device-baseline/baseline/erase/erasetest"
)

// guard is one for all tests: the service "may" may everything, "may-not" nothing.
var guard = sync.OnceValue(func() *access.Guard {
	policy, err := access.NewPolicy(access.PolicySpec{
		Roles:  []access.Role{{Name: "eraser"}, {Name: "other"}},
		Grants: []access.Grant{{Role: "eraser", Permission: "erase.*", Resources: []string{"**"}}},
	}, nil)
	if err != nil {
		panic(err)
	}
	dir, err := durable.OpenFS(powercut.New().FS(), nil)
	if err != nil {
		panic(err)
	}
	g, err := access.OpenGuard(context.Background(), dir, policy, &access.GuardOptions{
		Services: map[string][]string{"may": {"eraser"}, "may-not": {"other"}},
	})
	if err != nil {
		panic(err)
	}
	return g
})

func as(name string) func(context.Context) context.Context {
	return func(ctx context.Context) context.Context {
		ctx, err := access.AsService(ctx, guard().Issuer("service"), name)
		if err != nil {
			panic(err)
		}
		return ctx
	}
}

// harness gives stores of files, wrapped so that they break a rule.
func harness(broken string) erasetest.Harness {
	start := func(t testing.TB, m *powercut.Machine, boots int) erasetest.Setup {
		dir, err := durable.OpenFS(m.FS(), nil)
		require.NoError(t, err)
		f, err := erase.NewFiles("photos", dir, "photos", guard())
		require.NoError(t, err)
		var s erase.Store = f
		if broken != "" {
			s = &fake{Files: f, dir: dir, broken: broken, boots: boots}
		}
		return erasetest.Setup{
			Store: s, Device: device{m, boots}, May: as("may"), MayNot: as("may-not"),
			Plant: func(ctx context.Context, subject, secret string) error {
				own, err := f.Of(subject)
				if err != nil {
					return err
				}
				return errors.Join(own.Put(ctx, "face", []byte(secret)), own.Put(ctx, "voice", []byte(secret)))
			},
			Find: func(_ context.Context, _, secret string) (bool, error) {
				for _, raw := range m.Files() {
					if strings.Contains(string(raw), secret) {
						return true, nil
					}
				}
				return false, nil
			},
		}
	}
	open := func(t testing.TB) erasetest.Setup { return start(t, powercut.New(), 0) }
	reopen := func(t testing.TB, s erasetest.Setup) erasetest.Setup {
		d := s.Device.(device)
		d.m.Drop()
		return start(t, d.m, d.boots+1)
	}
	return erasetest.Harness{
		Open: open, Reopen: reopen, Everybody: true,
		Interrupt: func(t testing.TB, s erasetest.Setup, n int, act func()) (erasetest.Setup, bool) {
			m := s.Device.(device).m
			m.Cut(n)
			act()
			cut := m.Step("probe", "power") != nil
			return reopen(t, s), cut
		},
	}
}

type device struct {
	m     *powercut.Machine
	boots int
}

// TestFiles: the store of files of package erase keeps every rule.
func TestFiles(t *testing.T) { erasetest.TestStore(t, harness("")) }

// fake breaks one rule.
type fake struct {
	*erase.Files
	dir    *durable.Dir
	broken string
	boots  int
	mu     sync.Mutex
	erased int
	calls  int
}

func (f *fake) Name() string {
	switch {
	case f.broken == "has a name of a person":
		return "Photos of Ann"
	case f.broken == "changes its name" && f.boots > 0:
		return "photos-2"
	}
	return f.Files.Name()
}

func (f *fake) Erase(ctx context.Context, subject string) (string, error) {
	f.mu.Lock()
	f.calls++
	first, busy := f.erased == 0, f.calls > 3
	f.erased++
	f.mu.Unlock()
	switch f.broken {
	case "says so only":
		return erase.MethodUnlink, nil
	case "leaves a part":
		own, err := f.Of(subject)
		if err != nil {
			return "", err
		}
		return erase.MethodUnlink, own.Delete(ctx, "face")
	case "erases everybody":
		return f.EraseAll(ctx)
	case "asks nobody":
		ctx = as("may")(ctx)
	case "denies late":
		if _, err := access.Check(ctx, guard(), access.EraseSubject, subject); err != nil {
			_, eraseErr := f.Files.Erase(as("may")(ctx), subject)
			return "", errors.Join(err, eraseErr)
		}
	case "takes any id":
		if !erase.ValidSubject(subject) {
			return erase.MethodUnlink, nil
		}
	case "takes a bad id for everybody":
		if !erase.ValidSubject(subject) {
			_, err := f.EraseAll(ctx)
			return "", errors.Join(errors.New("bad id"), err)
		}
	case "erases once":
		if !first {
			return "", errors.New("erased already")
		}
	case "wants data":
		if f.Files.Verify(ctx, subject) == nil {
			return "", errors.New("nothing there")
		}
	case "one at a time":
		if busy {
			return "", errors.New("busy")
		}
	}
	method, err := f.Files.Erase(ctx, subject)
	switch f.broken {
	case "has no words":
		method = ""
	case "talks too much":
		method = strings.Repeat("very ", 30)
	case "hides a failure":
		return erase.MethodUnlink, nil
	}
	return method, err
}

func (f *fake) Verify(ctx context.Context, subject string) error {
	switch f.broken {
	case "never looks":
		return nil
	case "looks once":
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.erased > 0 {
			return nil
		}
	case "never believes":
		return errors.New("not sure")
	case "erases to verify":
		_, err := f.Files.Erase(ctx, subject)
		return err
	}
	return f.Files.Verify(ctx, subject)
}

// TestRulesCatch shows that each rule can fail.
func TestRulesCatch(t *testing.T) {
	catches := map[string][]string{
		"name":       {"has a name of a person", "changes its name"},
		"gone":       {"says so only", "leaves a part"},
		"method":     {"has no words", "talks too much"},
		"others":     {"erases everybody"},
		"again":      {"erases once", "wants data", "hides a failure"},
		"permission": {"asks nobody", "denies late"},
		"subject":    {"takes any id", "takes a bad id for everybody"},
		"verify":     {"never looks", "looks once", "never believes"},
		"unchanged":  {"erases to verify"},
		"concurrent": {"one at a time"},
	}
	for _, r := range erasetest.Rules() {
		require.NotEmpty(t, catches[r.Name], "rule %s has no broken fake", r.Name)
		for _, broken := range catches[r.Name] {
			err := r.Check(t, harness(broken))
			assert.Error(t, err, "rule %s does not catch a store that %s", r.Name, broken)
			t.Logf("rule %s: a store that %s: caught: %v", r.Name, broken, err)
		}
		delete(catches, r.Name)
	}
	assert.Empty(t, catches, "fakes for rules that there are not")
}

// partly erases only one of all.
type partly struct{ *erase.Files }

func (p partly) EraseAll(ctx context.Context) (string, error) {
	if _, err := access.Check(ctx, guard(), access.EraseAll, ""); err != nil {
		return "", err
	}
	return p.Erase(ctx, "bob")
}
func (p partly) VerifyAll(ctx context.Context) error {
	if p.Verify(ctx, "bob") != nil {
		return errors.New("bob is there")
	}
	return nil
}

func TestEverybodyCatches(t *testing.T) {
	h := harness("")
	require.NoError(t, erasetest.CheckEverybody(t, h))
	h.Everybody = false
	require.Error(t, erasetest.CheckEverybody(t, h), "present, not declared")
	h.Everybody = true
	wrap := func(w func(*erase.Files) erase.Store) erasetest.Harness {
		h := harness("")
		open := h.Open
		h.Open = func(t testing.TB) erasetest.Setup {
			s := open(t)
			s.Store = w(s.Store.(*erase.Files))
			return s
		}
		return h
	}
	require.Error(t, erasetest.CheckEverybody(t, wrap(func(f *erase.Files) erase.Store { return struct{ erase.Store }{f} })), "declared, absent")
	require.ErrorContains(t, erasetest.CheckEverybody(t, wrap(func(f *erase.Files) erase.Store { return partly{f} })), "Alice.1")
}

// TestSentences: the rules are the bullets of the interface's documentation.
func TestSentences(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../store.go", nil, parser.ParseComments)
	require.NoError(t, err)
	var bullets []string
	for _, decl := range file.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.TYPE || gen.Specs[0].(*ast.TypeSpec).Name.Name != "Store" {
			continue
		}
		for i, part := range strings.Split(gen.Doc.Text(), "  - ") {
			if i > 0 {
				bullet, _, _ := strings.Cut(part, "\n\n")
				bullets = append(bullets, strings.Join(strings.Fields(bullet), " "))
			}
		}
	}
	var sentences []string
	for _, r := range erasetest.Rules() {
		sentences = append(sentences, r.Sentence)
	}
	require.NotEmpty(t, bullets)
	assert.Equal(t, bullets, sentences)
}
