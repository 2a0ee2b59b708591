package disclosure

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxText bounds one text of a part, a setting or a vendor, in bytes.
const maxText = 1000

// clean makes one line of printable text: space for whatever breaks lines, nothing for
// what is not printed or changes the direction of writing.
func clean(s string) string {
	var b strings.Builder
	gap := false
	for _, r := range s {
		switch {
		case unicode.IsSpace(r):
			gap = true
			continue
		case r == utf8.RuneError || !unicode.IsPrint(r):
			continue
		}
		if gap && b.Len() > 0 {
			b.WriteByte(' ')
		}
		gap = false
		if b.Len()+utf8.RuneLen(r) > maxText {
			b.WriteString("...")
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}

// active are the characters that mean something in CommonMark, in the tables and links
// of GitHub's variant, or in its kin, within a line that begins with our own text. A
// backslash takes that from each of them. Those that mean something only at the
// beginning of a line, or beside one of these, are not here.
const active = "\\`*_{}[]<>#~|&$^"

// markdown escapes clean text.
func markdown(s string) string {
	s = clean(s)
	var b strings.Builder
	for i, r := range s {
		// A colon before text makes links of bare URLs.
		colon := r == ':' && i+1 < len(s) && s[i+1] != ' '
		if colon || strings.ContainsRune(active, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	// GitHub links a bare www. and e-mail addresses.
	return strings.NewReplacer("www.", `www\.`, "@", `\@`).Replace(b.String())
}
