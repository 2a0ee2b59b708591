package notify_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/durable"
	"github.com/iot-device-baseline/baseline/notify"
)

type badNotice struct {
	name, path string
	notice     notify.Notice
}

func breaking(name, path string, change func(n *notify.Notice)) badNotice {
	n := notice("key")
	change(&n)
	return badNotice{name, path, n}
}

// badNotices break one rule each, at its boundary where it has one.
func badNotices() []badNotice { return append(badNames(), badContents()...) }

func badNames() []badNotice {
	return []badNotice{
		breaking("no type", "/type", func(n *notify.Notice) { n.Type = "" }),
		breaking("long type", "/type", func(n *notify.Notice) { n.Type = strings.Repeat("a", 65) }),
		breaking("type with empty word", "/type", func(n *notify.Notice) { n.Type = "a..b" }),
		breaking("upper-case type", "/type", func(n *notify.Notice) { n.Type = "a.B" }),
		breaking("type of many words", "/type", func(n *notify.Notice) { n.Type = "a" + strings.Repeat(".a", 16) }),
		breaking("type of a path", "/type", func(n *notify.Notice) { n.Type = "a/b" }),
		breaking("long key", "/key", func(n *notify.Notice) { n.Key = strings.Repeat("k", 129) }),
		breaking("key with space", "/key", func(n *notify.Notice) { n.Key = "a b" }),
		breaking("key of the Center", "/key", func(n *notify.Notice) { n.Key = "~more.owner" }),
		breaking("no severity", "/severity", func(n *notify.Notice) { n.Severity = 0 }),
		breaking("severity beyond", "/severity", func(n *notify.Notice) { n.Severity = 4 }),
		breaking("no audience", "/audience", func(n *notify.Notice) { n.Audience = "" }),
		breaking("long audience", "/audience", func(n *notify.Notice) { n.Audience = notify.Audience(strings.Repeat("a", 33)) }),
		breaking("subject of dots", "/subject", func(n *notify.Notice) { n.Subject = ".." }),
		breaking("subject with slash", "/subject", func(n *notify.Notice) { n.Subject = "a/b" }),
	}
}

func badContents() []badNotice {
	many := map[string]string{}
	for i := range notify.MaxData + 1 {
		many[fmt.Sprintf("k%d", i)] = ""
	}
	return []badNotice{
		breaking("no title", "/title", func(n *notify.Notice) { n.Title = "" }),
		breaking("long title", "/title", func(n *notify.Notice) { n.Title = strings.Repeat("t", notify.MaxTitle+1) }),
		breaking("two lines of title", "/title", func(n *notify.Notice) { n.Title = "a\nb" }),
		breaking("broken UTF-8", "/title", func(n *notify.Notice) { n.Title = "a\xff" }),
		breaking("replacement character", "/title", func(n *notify.Notice) { n.Title = "a\ufffd" }),
		breaking("long text", "/text", func(n *notify.Notice) { n.Text = strings.Repeat("t", notify.MaxText+1) }),
		breaking("escape sequence", "/text", func(n *notify.Notice) { n.Text = "\x1b[2J" }),
		breaking("right-to-left override", "/text", func(n *notify.Notice) { n.Text = "exe\u202egpj" }),
		breaking("much data", "/data", func(n *notify.Notice) { n.Data = many }),
		breaking("bad key of data", "/data", func(n *notify.Notice) { n.Data = map[string]string{"A": ""} }),
		breaking("long value", "/data/a", func(n *notify.Notice) { n.Data = map[string]string{"a": strings.Repeat("v", notify.MaxValue+1)} }),
		breaking("line in value", "/data/a", func(n *notify.Notice) { n.Data = map[string]string{"a": "x\r\ny"} }),
		breaking("quick repeat", "/repeatAfter", func(n *notify.Notice) { n.RepeatAfter = time.Minute - time.Second }),
		breaking("negative repeat", "/repeatAfter", func(n *notify.Notice) { n.RepeatAfter = -time.Minute }),
		breaking("negative expiry", "/expires", func(n *notify.Notice) { n.Expires = -time.Second }),
		breaking("split second", "/expires", func(n *notify.Notice) { n.Expires = time.Millisecond }),
		breaking("long expiry", "/expires", func(n *notify.Notice) { n.Expires = 87601 * time.Hour }),
		breaking("depends on itself", "/dependsOn", func(n *notify.Notice) { n.DependsOn = n.Type }),
		breaking("depends on nonsense", "/dependsOn", func(n *notify.Notice) { n.DependsOn = "-" }),
	}
}

// full is a notice at every limit.
func full() notify.Notice {
	data := map[string]string{}
	for i := range notify.MaxData {
		data[fmt.Sprintf("k%d", i)] = strings.Repeat("<", notify.MaxValue)
	}
	return notify.Notice{
		Type: strings.Repeat("t", 64), Key: strings.Repeat("k", 128), Severity: notify.Critical,
		Audience: notify.Audience(strings.Repeat("a", 32)), Subject: strings.Repeat("s", 64),
		Title: strings.Repeat("<", notify.MaxTitle), Text: strings.Repeat("<", notify.MaxText), Data: data,
		RepeatAfter: 87600 * time.Hour, Expires: 87600 * time.Hour, DependsOn: strings.Repeat("d", 64),
	}
}

func TestCheck(t *testing.T) {
	for _, bad := range badNotices() {
		var input *notify.InputError
		require.ErrorAs(t, bad.notice.Check(), &input, bad.name)
		assert.Equal(t, bad.path, input.Path, bad.name)
		_, err := json.Marshal(bad.notice)
		if bad.name != "key of the Center" {
			assert.Error(t, err, "%s was encoded", bad.name)
		}
	}
	n := full()
	require.NoError(t, n.Check())
	text, err := json.Marshal(n)
	require.NoError(t, err)
	assert.LessOrEqual(t, len(text), 40<<10)
	back, err := notify.ParseNotice(text)
	require.NoError(t, err)
	assert.Equal(t, n, back)

	c := open(t, newDir(), nil)
	raise(t, c, n)
	assert.Equal(t, n.Title, one(t, c).Title)
}

func TestParseNoticeRefuses(t *testing.T) {
	const good = `"type":"a.b","severity":"info","audience":"owner","title":"T"`
	for text, path := range map[string]string{
		``:                           "input",
		`{` + good + `} x`:           "input",
		`{` + good + `,"title":"U"}`: "/title",
		`{` + good + `,"Text":"x"}`:  "/Text",
		`{` + good + `,"data":{"a":"b","a":"c"}}`:                                "/data/a",
		`{` + good + `,"data":{"a":{"b":"c"}}}`:                                  "/data/a",
		`{` + good + `,"expires":3}`:                                             "input",
		`{` + good + `,"expires":"soon"}`:                                        "input",
		`{` + good + `,"sequence":9007199254740993}`:                             "/sequence",
		`{` + good + `,"count":-1}`:                                              "/count",
		`{` + good + `,"id":"a b"}`:                                              "/id",
		`{` + good + `,"first":"9999-12-31T23:59:59-01:00"}`:                     "/first",
		`{` + good + `,"acknowledged":{"by":"a b","at":"2026-01-01T00:00:00Z"}}`: "/acknowledged/by",
		`{"type":"a.b","severity":"loud","audience":"owner","title":"T"}`:        "input",
		strings.Repeat(" ", notify.MaxNoticeBytes+1):                             "input",
	} {
		_, err := notify.ParseNotice([]byte(text))
		var input *notify.InputError
		require.ErrorAs(t, err, &input, text)
		assert.True(t, input.Path == path || path == "input", "%.80s: %v", text, err)
	}
}

func TestClean(t *testing.T) {
	assert.Equal(t, "a?[2Jb", notify.Clean("a\x1b[2Jb", 20))
	assert.Equal(t, "??x", notify.Clean("\u202e\xffx", 20))
	assert.Equal(t, "ää", notify.Clean("äää", 5), "no half rune")
	n := notice("a")
	n.Title = notify.Clean(strings.Repeat("\u2028", 500), notify.MaxTitle)
	require.NoError(t, n.Check())
}

func TestSeverityText(t *testing.T) {
	for s := notify.Info; s <= notify.Critical; s++ {
		text, err := s.MarshalText()
		require.NoError(t, err)
		var back notify.Severity
		require.NoError(t, back.UnmarshalText(text))
		assert.Equal(t, s, back)
	}
	_, err := notify.Severity(0).MarshalText()
	require.Error(t, err)
	assert.Equal(t, "none", notify.Severity(9).String())
}

// attacks are what strangers send where a text is shown.
func attacks() []string {
	return []string{
		"\x1b[2J\x1b[1;1H", "\x1b]0;title\x07", "\x9b31m", "a\r\nFrom: b", "a\nlevel=info ok", "a\x00b", "\x7f\x08\x08",
		"exe\u202egpj.", "\u2066a\u2069", "a\u2028b\u2029c", "\ufeffa", "a\u200bb", "\xff\xfe", "\xed\xa0\x80",
		"\U000e0041", "\u0085", `"},{"type":"x`, `</script><script>alert(1)</script>`, `${jndi:ldap://x}`, "%n%s%x", "; rm -rf /", "' or 1=1",
	}
}

// TestAttackCorpus puts every attack into every text of a notice. What gets out,
// by any output, is one line of printable characters.
func TestAttackCorpus(t *testing.T) {
	fields := map[string]func(n *notify.Notice, s string){
		"type": func(n *notify.Notice, s string) { n.Type = s }, "key": func(n *notify.Notice, s string) { n.Key = s },
		"audience": func(n *notify.Notice, s string) { n.Audience = notify.Audience(s) },
		"subject":  func(n *notify.Notice, s string) { n.Subject = s },
		"title":    func(n *notify.Notice, s string) { n.Title = s }, "text": func(n *notify.Notice, s string) { n.Text = s },
		"data":  func(n *notify.Notice, s string) { n.Data = map[string]string{"a": s} },
		"name":  func(n *notify.Notice, s string) { n.Data = map[string]string{s: "a"} },
		"id":    func(n *notify.Notice, s string) { n.ID = s },
		"by":    func(n *notify.Notice, s string) { n.Acknowledged.By = s },
		"clean": func(n *notify.Notice, s string) { n.Title = notify.Clean(s, notify.MaxTitle) },
	}
	passed := 0
	for field, set := range fields {
		for _, attack := range attacks() {
			n := notice("a")
			set(&n, attack)
			for _, text := range []bool{false, true} {
				var out strings.Builder
				err := notify.NewWriter(&out, &notify.WriterOptions{Text: text}).Notify(t.Context(), n)
				if err != nil {
					assert.True(t, notify.IsPermanent(err), "%s=%q: %v", field, attack, err)
					assert.Empty(t, out.String(), "%s=%q", field, attack)
					continue
				}
				passed++
				line, ok := strings.CutSuffix(out.String(), "\n")
				assert.True(t, ok)
				assert.Equal(t, -1, strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }), "%q", line)
				assert.False(t, !text && strings.ContainsAny(line, "<>&"), "JSON may stand in HTML: %s", line)
			}
		}
	}
	assert.Greater(t, passed, 20, "harmless ones go through")
}

func FuzzParseNotice(f *testing.F) {
	n := full()
	text, err := json.Marshal(n)
	require.NoError(f, err)
	f.Add(text)
	f.Add([]byte(`{"type":"a.b","severity":"info","audience":"owner","title":"T","data":{"a":"b"},"expires":"1h0m0s"}`))
	f.Add([]byte(`{"type":"a","severity":"critical","audience":"user","title":"T","first":"2026-01-01T00:00:00+02:00","acknowledged":{"at":"2026-01-01T00:00:00Z"}}`))
	f.Add([]byte(`{"type":"a","severity":"info","audience":"user","title":"\u202e"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := notify.ParseNotice(data)
		if err != nil {
			var input *notify.InputError
			require.ErrorAs(t, err, &input)
			return
		}
		again, err := json.Marshal(n)
		require.NoError(t, err)
		back, err := notify.ParseNotice(again)
		require.NoError(t, err)
		require.Equal(t, n, back)
		var out strings.Builder
		require.NoError(t, notify.NewWriter(&out, &notify.WriterOptions{Text: true}).Notify(t.Context(), n))
		require.Equal(t, 1, strings.Count(out.String(), "\n"))
	})
}

// FuzzStoredNotice puts any bytes where a notice is stored: they are a notice that
// passes its checks, or a damaged one.
func FuzzStoredNotice(f *testing.F) {
	const id = "abcdefghijklmnopqrstuvwxyz"
	f.Add([]byte(`1 {"notice":{"id":"` + id + `","type":"a","severity":"info","audience":"owner","title":"T","sequence":4,"count":1},"sent":4}`))
	f.Add([]byte(`1 {"notice":{"id":"` + id + `","type":"a","severity":"info","audience":"owner","title":"T","sequence":4,"count":1,"resolved":"2026-01-01T00:00:00Z"},"held":true,"missing":["hub"],"left":5,"again":6}`))
	f.Add([]byte(`2 {}`))
	f.Add([]byte(`1 {"notice":{},"sent":18446744073709551615}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d := newDir()
		require.NoError(t, d.Put(t.Context(), "notice/"+id, data))
		c, err := notify.Open(t.Context(), d, guard(), nil)
		if err != nil {
			require.ErrorIs(t, err, durable.ErrFormat, "of another release, or damaged and told")
			return
		}
		if c.Stats().Damaged > 0 {
			require.Error(t, c.Health(t.Context()))
			require.Empty(t, list(t, c))
			return
		}
		require.LessOrEqual(t, len(list(t, c)), 1)
		before := list(t, c)
		if _, err := c.Raise(as("part"), notice("more")); err != nil {
			require.Equal(t, uint64(1<<52), before[0].Sequence, "the end of all numbers: %v", err)
			return
		}
		require.NoError(t, c.Close())
		c = open(t, d, nil)
		require.Zero(t, c.Stats().Damaged)
		require.GreaterOrEqual(t, len(list(t, c)), len(before))
	})
}
