package disclosure_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/clause"
	"github.com/iot-device-baseline/baseline/config"
	"github.com/iot-device-baseline/baseline/disclosure"
	"github.com/iot-device-baseline/baseline/risk"
)

// pageWith has text in every place where parts, settings, statements and vendors have
// some.
func pageWith(text string) *disclosure.Page {
	v := *vendor()
	v.Product, v.Model, v.Name, v.Erase, v.Reset, v.Support.Text = text, text, text, text, text, text
	v.Duties = []string{text}
	v.Interfaces = []disclosure.Interface{{Name: text, Where: text, Who: text, Purpose: text}}
	set := []clause.Setting{{Name: text, Value: text}}
	feature := disclosure.Feature{ID: text, Summary: text, Clauses: []clause.ID{clause.C5_2_4_1_1}, Settings: set}
	return &disclosure.Page{
		Vendor: v, Version: text, Assessment: text, Composition: text, Warnings: []string{text}, Storage: set, Scopes: []string{text},
		Protections: []disclosure.Area{{Area: clause.AreaErase, Features: []disclosure.Feature{feature}}},
		Choices:     []disclosure.Choice{{Path: text, Doc: text, Default: text, Grades: []config.Grade{{Condition: "=" + text, Reason: text}}}},
		Left: []disclosure.Left{{
			Clause: clause.C5_2_7_1_1, Title: text, Status: risk.Status(text), Responsibility: risk.Responsibility(text), Reason: text,
		}},
	}
}

// FuzzPage: whatever text there is, the page has the structure of one with harmless
// text: as an XML parser sees the HTML, and by the characters of the Markdown that mean
// something.
func FuzzPage(f *testing.F) {
	for _, s := range attacks {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if text == "" {
			text = " " // what is not there has no place on the page
		}
		hostile, harmless := pageWith(text), pageWith("x")
		var got, want bytes.Buffer
		require.NoError(t, hostile.WriteHTML(&got))
		require.NoError(t, harmless.WriteHTML(&want))
		tags, values := tokens(t, got.Bytes())
		harmlessTags, _ := tokens(t, want.Bytes())
		require.Equal(t, harmlessTags, tags)
		for _, v := range values {
			require.True(t, printable(v), "%q", v)
		}
		got.Reset()
		want.Reset()
		require.NoError(t, hostile.WriteMarkdown(&got))
		require.NoError(t, harmless.WriteMarkdown(&want))
		require.Equal(t, markup(want.String()), markup(got.String()), got.String())
		require.NotRegexp(t, `[a-zA-Z]:[^ \n]`, strings.NewReplacer("<https://", "", "<mailto:", "").Replace(got.String()), "a bare URL")
	})
}

var attacks = []string{
	"", "x", "<script>alert(1)</script>", "</td></tr></table><h1>owned</h1>", "&lt;b&gt;", `" onmouseover="alert(1)`,
	"]]>", "<!--", "--> <?php", "[link](https://evil.example)", "![i](https://evil.example/x.png)", "<https://evil.example>",
	"| a | b |", `\| \\| \`, "**bold** __b__ ~~s~~ `code` $math$ ^1^", "\n# heading\n\n- item\n> quote\n", "\r\n\r\n<b>", "\u2028# x",
	"\u202egnp.exe\u2066", "\x00\x1b[31m", "https://evil.example www.evil.example a@evil.example", "\xff\xfe", "1. a", "===", "---\n---",
	strings.Repeat("<b>", 1000), "ﬁ \U000e0041", "{{ .X }} ${y} :smile:", "  spaced  ",
}

// TestAttacksAreInert runs the corpus also where nobody fuzzes.
func TestAttacksAreInert(t *testing.T) {
	for _, s := range attacks {
		var b bytes.Buffer
		require.NoError(t, pageWith(s).WriteMarkdown(&b))
		for line := range strings.Lines(b.String()) {
			first := strings.TrimRight(line, "\n")
			ok := first == "" || strings.HasPrefix(first, "# Security of") || strings.HasPrefix(first, "## ") || strings.HasPrefix(first, "|") ||
				strings.HasPrefix(first, "- ") || unicode.IsUpper(rune(first[0]))
			assert.True(t, ok, "%q begins %q", s, first)
		}
		assert.NotContains(t, b.String(), "<script>")
	}
}

// tokens are the tags with their attributes, and the text between them.
func tokens(t *testing.T, page []byte) (tags, text []string) {
	t.Helper()
	body, ok := strings.CutPrefix(string(page), "<!DOCTYPE html>\n")
	require.True(t, ok)
	d := xml.NewDecoder(strings.NewReader(body))
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return tags, text
		}
		require.NoError(t, err, body)
		switch x := tok.(type) {
		case xml.StartElement:
			tag := x.Name.Local
			for _, a := range x.Attr {
				tag += " " + a.Name.Local + "=" + a.Value
			}
			tags = append(tags, tag)
		case xml.EndElement:
			tags = append(tags, "/"+x.Name.Local)
		case xml.CharData:
			text = append(text, string(x))
		default:
			require.Fail(t, "neither tag nor text", "%T", tok)
		}
	}
}

func printable(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) < 0
}

// markup is what is left of Markdown when what is escaped and what means nothing is
// taken away.
func markup(s string) string {
	var b strings.Builder
	escaped := false
	for _, r := range s {
		switch {
		case escaped:
			escaped = false
		case r == '\\':
			escaped = true
		case strings.ContainsRune("`*_{}[]<>#~|&$^@\n", r):
			b.WriteRune(r)
		}
	}
	return b.String()
}
