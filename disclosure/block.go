package disclosure

import (
	"html"
	"strings"
)

// text is a piece of a line. With link it is a link to itself: a URL that was checked.
type text struct {
	value string
	link  bool
}

// line is a run of pieces.
type line []text

func plain(s string) line { return line{{value: s}} }

// block is a part of a document. One of its fields is set.
type block struct {
	heading string
	para    line
	list    []line
	table   [][]string // the first row is the head
}

// markdownOf writes blocks as CommonMark with tables.
func markdownOf(title string, blocks []block) string {
	var b strings.Builder
	b.WriteString("# " + markdown(title) + "\n")
	for _, x := range blocks {
		b.WriteByte('\n')
		switch {
		case x.heading != "":
			b.WriteString("## " + markdown(x.heading) + "\n")
		case x.list != nil:
			for _, l := range x.list {
				b.WriteString("- " + markdownLine(l) + "\n")
			}
		case x.table != nil:
			markdownTable(&b, x.table)
		default:
			// A sentence of ours begins the line, so that no text can begin a block.
			b.WriteString(markdownLine(x.para) + "\n")
		}
	}
	return b.String()
}

func markdownLine(l line) string {
	var b strings.Builder
	for _, t := range l {
		if t.link {
			b.WriteString("<" + t.value + ">")
		} else {
			b.WriteString(spaced(t.value, markdown(t.value)))
		}
	}
	return b.String()
}

// spaced keeps the blank at the ends of a piece, which clean takes.
func spaced(raw, escaped string) string {
	if strings.HasPrefix(raw, " ") {
		escaped = " " + escaped
	}
	if strings.HasSuffix(raw, " ") {
		escaped += " "
	}
	return escaped
}

func markdownTable(b *strings.Builder, rows [][]string) {
	for i, row := range rows {
		cells := make([]string, len(row))
		for j, c := range row {
			cells[j] = markdown(c)
		}
		b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
		if i == 0 {
			b.WriteString("|" + strings.Repeat(" --- |", len(row)) + "\n")
		}
	}
}

// htmlOf writes blocks as a page that is well-formed XML, too, without script, style
// or anything from elsewhere.
func htmlOf(title string, blocks []block) string {
	var b strings.Builder
	b.WriteString("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n")
	b.WriteString("<meta name=\"viewport\" content=\"width=device-width\"/>\n")
	b.WriteString("<title>" + escape(title) + "</title>\n</head>\n<body>\n<h1>" + escape(title) + "</h1>\n")
	for _, x := range blocks {
		switch {
		case x.heading != "":
			b.WriteString("<h2>" + escape(x.heading) + "</h2>\n")
		case x.list != nil:
			b.WriteString("<ul>\n")
			for _, l := range x.list {
				b.WriteString("<li>" + htmlLine(l) + "</li>\n")
			}
			b.WriteString("</ul>\n")
		case x.table != nil:
			htmlTable(&b, x.table)
		default:
			b.WriteString("<p>" + htmlLine(x.para) + "</p>\n")
		}
	}
	b.WriteString("</body>\n</html>\n")
	return b.String()
}

func htmlLine(l line) string {
	var b strings.Builder
	for _, t := range l {
		if t.link {
			b.WriteString(`<a href="` + html.EscapeString(t.value) + `">` + html.EscapeString(t.value) + "</a>")
		} else {
			b.WriteString(spaced(t.value, escape(t.value)))
		}
	}
	return b.String()
}

func htmlTable(b *strings.Builder, rows [][]string) {
	b.WriteString("<table>\n")
	for i, row := range rows {
		cell := "td"
		if i == 0 {
			cell = "th"
		}
		b.WriteString("<tr>")
		for _, c := range row {
			b.WriteString("<" + cell + ">" + escape(c) + "</" + cell + ">")
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("</table>\n")
}

// escape is for text between tags.
func escape(s string) string { return html.EscapeString(clean(s)) }
