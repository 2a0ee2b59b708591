package integrity_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/protect/integrity"
	"github.com/iot-device-baseline/baseline/receipt"
)

func empty() fstest.MapFS { return fstest.MapFS{"a": {}, "b/c": {}} }

// TestUnsigned: whoever else signed, or nobody, is not believed, and nothing of the
// manifest is in the report.
func TestUnsigned(t *testing.T) {
	lines := []byte(file("a") + file("b/c"))
	good := forge(t, lines, nil)
	require.True(t, check(t, empty(), good, expect()).Whole(), "what is forged below is refused for its fault alone")
	envelope, _, _ := bytes.Cut(good, []byte("\n"))
	in, err := receipt.Inspect(envelope)
	require.NoError(t, err)
	none, err := receipt.Unsigned(in.Statement, "no key at hand")
	require.NoError(t, err)
	two := expect()
	two.Keys, two.Threshold = append(two.Keys, key("second").Public()), 2
	replaced := func(old, with string) []byte { return bytes.Replace(good, []byte(old), []byte(with), 1) }

	for name, c := range map[string]struct {
		manifest []byte
		expect   integrity.Expect
	}{
		"nothing":          {nil, expect()},
		"no lines":         {envelope, expect()},
		"lines alone":      {lines, expect()},
		"other key":        {forge(t, lines, nil, key("somebody")), expect()},
		"no signature":     {append(append(none, '\n'), lines...), expect()},
		"signatures gone":  {removeSignatures(t, good), expect()},
		"one of two":       {good, two},
		"same twice":       {forge(t, lines, nil, key("vendor"), key("vendor")), two},
		"two others":       {forge(t, lines, nil, key("x"), key("y")), expect()},
		"payload type":     {replaced("application/vnd.in-toto+json", "application/vnd.in-toto+jsom"), expect()},
		"other statement":  {forge(t, lines, func(_ map[string]any, st *receipt.Statement) { st.PredicateType = "https://example.com/x" }), expect()},
		"other lines":      {replaced(file("a"), file("x")), expect()},
		"line more":        {append(bytes.Clone(good), file("d")...), expect()},
		"line less":        {good[:len(good)-len(file("b/c"))], expect()},
		"lines of another": {append(append(bytes.Clone(envelope), '\n'), write(t, software(), key("vendor"), release)...), expect()},
		"digest of nothing": {forge(t, lines, func(_ map[string]any, st *receipt.Statement) {
			st.Subject[0].Digest["sha256"] = strings.Repeat("0", 64)
		}), expect()},
		"too long": {make([]byte, integrity.MaxManifest+1), expect()},
		"length":   {forge(t, lines, func(p map[string]any, _ *receipt.Statement) { p["bytes"] = len(lines) + 1 }), expect()},
	} {
		t.Run(name, func(t *testing.T) {
			r := check(t, empty(), c.manifest, c.expect)
			require.Equal(t, []string{"unsigned"}, found(r))
			assert.NotEmpty(t, r.Findings[0].Got)
			r.Findings, r.Total = nil, 0
			assert.Equal(t, &integrity.Report{}, r)
			assert.False(t, r.Whole())
		})
	}
}

func removeSignatures(t *testing.T, manifest []byte) []byte {
	t.Helper()
	first, lines, _ := bytes.Cut(manifest, []byte("\n"))
	var env map[string]any
	require.NoError(t, json.Unmarshal(first, &env))
	env["signatures"] = []any{}
	out, err := json.Marshal(env)
	require.NoError(t, err)
	return append(append(out, '\n'), lines...)
}

func TestSignatures(t *testing.T) {
	lines := []byte(file("a") + file("b/c"))
	two := expect()
	two.Keys, two.Threshold = append(two.Keys, key("second").Public()), 2
	assert.True(t, check(t, empty(), forge(t, lines, nil, key("vendor"), key("second")), two).Whole())
	assert.True(t, check(t, empty(), forge(t, lines, nil, key("somebody"), key("vendor")), expect()).Whole(), "a foreign signature beside ours does no harm")

	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	rsa2048, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	for _, signer := range []crypto.Signer{p256, rsa2048} {
		x := expect()
		x.Keys = []crypto.PublicKey{signer.Public()}
		assert.True(t, check(t, software(), write(t, software(), signer, release), x).Whole())
	}
}

// TestVerify: a function may vouch instead of a key, or beside one.
func TestVerify(t *testing.T) {
	lines := []byte(file("a") + file("b/c"))
	foreign := forge(t, lines, nil, key("somebody"))
	var asked []byte
	yes := func(_ context.Context, m []byte) error { asked = m; return nil }
	no := func(context.Context, []byte) error { return errors.New("target is\nnot of this root") }

	assert.True(t, check(t, empty(), foreign, integrity.Expect{Verify: yes}).Whole())
	assert.Equal(t, foreign, asked, "the whole manifest is vouched for")
	r := check(t, empty(), forge(t, lines, nil), integrity.Expect{Verify: no})
	assert.Equal(t, []integrity.Finding{{Kind: integrity.Unsigned, Got: "target is\uFFFDnot of this root"}}, r.Findings)
	x := expect()
	x.Verify = yes
	assert.Equal(t, []string{"unsigned"}, found(check(t, empty(), foreign, x)), "both must agree")
	x.Verify = no
	assert.Equal(t, []string{"unsigned"}, found(check(t, empty(), forge(t, lines, nil), x)))
	assert.Equal(t, []string{"unsigned"}, found(check(t, empty(), []byte("{}\n"), integrity.Expect{Verify: yes})))
}

// TestMalformed: what the right key signed is still checked.
func TestMalformed(t *testing.T) {
	sum := strings.Repeat("0", 64)
	for name, lines := range map[string]string{
		"path traversal":       file("../x"),
		"traversal inside":     file("a/../../x"),
		"absolute":             file("/etc/passwd"),
		"dot":                  file("."),
		"empty path":           file(""),
		"empty element":        file("a//b"),
		"trailing slash":       file("a/"),
		"zero byte":            `{"path":"a\u0000b","size":0,"sha256":"` + sum + `"}` + "\n",
		"too long":             file(strings.Repeat("x", integrity.MaxPath+1)),
		"twice":                file("a") + file("a"),
		"unsorted":             file("b") + file("a"),
		"below a file":         file("a") + file("a-b") + file("a/b"),
		"below a link":         link("a", "b") + file("a/b"),
		"not UTF-8":            `{"path":"a` + "\xff" + `","size":0,"sha256":"` + sum + `"}` + "\n",
		"surrogate":            `{"path":"a\ud800","size":0,"sha256":"` + sum + `"}` + "\n",
		"excluded":             file("var"),
		"excluded below":       file("var/x/y"),
		"link out":             link("a", "../x"),
		"link out, deeper":     link("a/b", "../../x"),
		"link to parent":       link("a", ".."),
		"absolute link":        link("a", "/bin/sh"),
		"link through":         link("a", "b/../../../x"),
		"link not clean":       link("a", "b//c"),
		"file and link":        `{"path":"a","size":0,"sha256":"` + sum + `","target":"b"}` + "\n",
		"neither":              `{"path":"a"}` + "\n",
		"negative":             `{"path":"a","size":-1,"sha256":"` + sum + `"}` + "\n",
		"number":               `{"path":"a","size":1e1,"sha256":"` + sum + `"}` + "\n",
		"sum":                  `{"path":"a","size":1,"sha256":"00"}` + "\n",
		"long sum":             `{"path":"a","size":1,"sha256":"` + sum + `00"}` + "\n",
		"upper case":           `{"path":"a","size":1,"sha256":"` + strings.Repeat("A", 64) + `"}` + "\n",
		"mode":                 `{"path":"a","size":1,"sha256":"` + sum + `","mode":"w"}` + "\n",
		"mode order":           `{"path":"a","size":1,"sha256":"` + sum + `","mode":"ux"}` + "\n",
		"mode twice":           `{"path":"a","size":1,"sha256":"` + sum + `","mode":"xx"}` + "\n",
		"empty mode":           `{"path":"a","size":1,"sha256":"` + sum + `","mode":""}` + "\n",
		"unknown member":       `{"path":"a","size":1,"sha256":"` + sum + `","owner":0}` + "\n",
		"member twice":         `{"path":"a","path":"b","size":1,"sha256":"` + sum + `"}` + "\n",
		"space":                `{"path": "a","size":1,"sha256":"` + sum + `"}` + "\n",
		"escaped":              `{"path":"\u0061","size":1,"sha256":"` + sum + `"}` + "\n",
		"order of members":     `{"size":1,"path":"a","sha256":"` + sum + `"}` + "\n",
		"empty line":           "\n",
		"not JSON":             "path a\n",
		"line end":             strings.TrimSuffix(file("a"), "\n") + "\r\n",
		"sizes add up to much": strings.Repeat(`{"path":"a","size":4611686018427387904,"sha256":"`+sum+`"}`+"\n", 2),
	} {
		t.Run(name, func(t *testing.T) {
			r := check(t, empty(), forge(t, []byte(lines), nil), expect())
			require.Equal(t, []string{"malformed"}, found(r))
			assert.Contains(t, r.Findings[0].Got, "lin")
			assert.False(t, r.Checked)
		})
	}
	r := check(t, empty(), forge(t, []byte(file("a")+file("b/c")+strings.TrimSuffix(file("d"), "\n")), nil), expect())
	assert.Equal(t, []string{"malformed"}, found(r), "the last line has no end")
}

func TestMalformedHeader(t *testing.T) {
	lines := []byte(file("a") + file("b/c"))
	set := func(member string, value any) func(map[string]any, *receipt.Statement) {
		return func(p map[string]any, _ *receipt.Statement) { p[member] = value }
	}
	for name, edit := range map[string]func(map[string]any, *receipt.Statement){
		"number 0":       set("number", 0),
		"number":         set("number", uint64(integrity.MaxNumber)+1),
		"number is text": set("number", "7"),
		"version":        set("version", ""),
		"version text":   set("version", "1\n2"),
		"entries":        set("entries", 1),
		"no entries":     set("entries", 0),
		"many entries":   set("entries", integrity.MaxEntries+1),
		"unknown":        set("expires", "2030"),
		"pattern":        set("exclude", []string{"[a"}),
		"all patterns":   set("exclude", []string{"."}),
		"pattern out":    set("exclude", []string{"../*"}),
		"patterns":       set("exclude", make([]string, integrity.MaxExclude+1)),
		"long pattern":   set("exclude", []string{strings.Repeat("a", integrity.MaxPattern+1)}),
		"product": func(_ map[string]any, st *receipt.Statement) {
			st.Subject[0].Name = strings.Repeat("x", integrity.MaxText+1)
		},
		"two subjects": func(_ map[string]any, st *receipt.Statement) { st.Subject = append(st.Subject, st.Subject[0]) },
		"two digests": func(_ map[string]any, st *receipt.Statement) {
			st.Subject[0].Digest["sha512"] = strings.Repeat("0", 128)
		},
		"other digest": func(_ map[string]any, st *receipt.Statement) {
			st.Subject[0].Digest = map[string]string{"sha512": strings.Repeat("0", 128)}
		},
		"no members": func(_ map[string]any, st *receipt.Statement) { st.Predicate = json.RawMessage(`{}`) },
	} {
		t.Run(name, func(t *testing.T) {
			r := check(t, empty(), forge(t, lines, edit), expect())
			require.Equal(t, []string{"malformed"}, found(r))
		})
	}
}

// TestMaxEntries: the largest manifest is read, one entry more is not.
func TestMaxEntries(t *testing.T) {
	var b bytes.Buffer
	for i := range integrity.MaxEntries {
		b.WriteString(file(fmt.Sprintf("d%03d/f%06d", i/1000, i)))
	}
	r := check(t, fstest.MapFS{}, forge(t, b.Bytes(), nil), expect())
	assert.Equal(t, integrity.MaxEntries, r.Total)
	assert.Equal(t, integrity.Missing, r.Findings[0].Kind)
	b.WriteString(file("e"))
	assert.Equal(t, []string{"malformed"}, found(check(t, fstest.MapFS{}, forge(t, b.Bytes(), nil), expect())))

	tree := fstest.MapFS{}
	for i := range integrity.MaxEntries + 1 {
		tree[fmt.Sprintf("f%06d", i)] = &fstest.MapFile{}
	}
	err := integrity.WriteManifest(t.Context(), &b, tree, key("vendor"), release)
	require.ErrorIs(t, err, integrity.ErrInvalid)
	assert.ErrorContains(t, err, "more than 100000")
}
