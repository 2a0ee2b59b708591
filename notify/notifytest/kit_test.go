package notifytest_test

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/notify"
	"github.com/iot-device-baseline/baseline/notify/notifytest"
)

// fake is a channel and its receiver; broken says how it breaks the rules.
type fake struct {
	broken string
	end    chan struct{} // of the test
	mu     sync.Mutex
	answer notifytest.Answer
	got    []notifytest.Receipt
	tries  uint64
}

func harness(broken string) notifytest.Harness {
	return notifytest.Harness{
		Open: func(t testing.TB) notifytest.Setup {
			f := &fake{broken: broken, end: make(chan struct{})}
			t.Cleanup(func() { close(f.end) })
			return notifytest.Setup{Notifier: f, Received: f.received, Answer: f.set}
		},
		Abilities: notifytest.Abilities{Refuse: true, Fail: true, Later: true, Hang: true},
		Patience:  200 * time.Millisecond,
	}
}

func (f *fake) set(a notifytest.Answer) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = a
	return true
}

func (f *fake) received() []notifytest.Receipt {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]notifytest.Receipt(nil), f.got...)
}

func (f *fake) Notify(ctx context.Context, n notify.Notice) error {
	if err := ctx.Err(); err != nil && f.broken != "ignores a done context" {
		return err
	}
	if err := n.Check(); err != nil && f.broken != "sends anything" {
		if f.broken != "refuses but for now" {
			err = notify.Permanent(err)
		}
		if f.broken == "sends and refuses" {
			f.take(n)
		}
		return err
	}
	f.mu.Lock()
	answer := f.answer
	f.tries++
	f.mu.Unlock()
	return f.respond(ctx, answer, n)
}

func (f *fake) respond(ctx context.Context, answer notifytest.Answer, n notify.Notice) error {
	err := errors.New("no")
	switch answer {
	case notifytest.Refuse:
		if f.broken == "retries for ever" {
			return err
		}
		return notify.Permanent(err)
	case notifytest.Fail:
		if f.broken == "swallows failures" {
			return nil
		}
		if f.broken == "gives up" {
			return notify.Permanent(err)
		}
		return err
	case notifytest.Later:
		if f.broken == "comes back at once" {
			return err
		}
		return notify.RetryAfter(err, notifytest.Delay)
	case notifytest.Hang:
		return f.hang(ctx)
	}
	return f.take(n)
}

func (f *fake) hang(ctx context.Context) error {
	<-ctx.Done()
	switch f.broken {
	case "hides the context's error":
		return errors.New("timed out")
	case "hangs":
		<-f.end
	}
	return ctx.Err()
}

func (f *fake) take(n notify.Notice) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := notifytest.Receipt{ID: n.ID, Sequence: n.Sequence, Data: maps.Clone(n.Data)}
	switch f.broken {
	case "drops":
		return nil
	case "numbers tries":
		r.Sequence = f.tries
	case "refuses duplicates":
		for _, old := range f.got {
			if old.ID == n.ID && old.Sequence == n.Sequence {
				return errors.New("known already")
			}
		}
	case "changes data":
		n.Data["a"] = "2"
	case "keeps data":
		r.Data = n.Data
	case "one at a time":
		if len(f.got) > 3 {
			return errors.New("busy")
		}
	}
	f.got = append(f.got, r)
	return nil
}

func TestGoodFakePasses(t *testing.T) { notifytest.TestNotifier(t, harness("")) }

// TestRulesCatch shows that each rule can fail.
func TestRulesCatch(t *testing.T) {
	catches := map[string][]string{
		"accepted":   {"drops"},
		"again":      {"swallows failures", "numbers tries", "drops"},
		"duplicate":  {"refuses duplicates"},
		"permanent":  {"retries for ever", "gives up"},
		"later":      {"comes back at once"},
		"context":    {"ignores a done context", "hides the context's error", "hangs"},
		"limits":     {"sends anything", "refuses but for now", "sends and refuses"},
		"unchanged":  {"changes data", "keeps data"},
		"concurrent": {"one at a time", "drops"},
	}
	for _, r := range notifytest.Rules() {
		require.NotEmpty(t, catches[r.Name], "rule %s has no broken fake", r.Name)
		for _, broken := range catches[r.Name] {
			err := r.Check(t, harness(broken))
			assert.Error(t, err, "rule %s does not catch %q", r.Name, broken)
			t.Logf("rule %s: fake that %s: caught: %v", r.Name, broken, err)
		}
		delete(catches, r.Name)
	}
	assert.Empty(t, catches, "fakes for rules that there are not")
}

func TestAbilitiesCatch(t *testing.T) {
	h := harness("")
	require.NoError(t, notifytest.CheckAbilities(t, h))
	h.Abilities.Later = false
	require.Error(t, notifytest.CheckAbilities(t, h), "present, not declared")
	h = harness("")
	open := h.Open
	h.Open = func(t testing.TB) notifytest.Setup {
		s := open(t)
		s.Answer = nil
		return s
	}
	require.Error(t, notifytest.CheckAbilities(t, h), "declared, absent")
}

// TestSentences: the rules are the bullets of the interface's documentation.
func TestSentences(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../channel.go", nil, parser.ParseComments)
	require.NoError(t, err)
	var bullets []string
	for _, decl := range file.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.TYPE || gen.Specs[0].(*ast.TypeSpec).Name.Name != "Notifier" {
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
	for _, r := range notifytest.Rules() {
		sentences = append(sentences, r.Sentence)
	}
	require.NotEmpty(t, bullets)
	assert.Equal(t, bullets, sentences)
}
