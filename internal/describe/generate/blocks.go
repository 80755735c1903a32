package main

import (
	"regexp"
	"strings"
)

// block is a paragraph, a list or a code block of a comment.
type block struct {
	kind  blockKind
	lines []string // one line of a paragraph; list items, indented; lines of code
}

type blockKind int

const (
	paragraph blockKind = iota
	list
	code
)

var (
	htmlComment = regexp.MustCompile(`(?s)<!--.*?-->`)
	// marker matches a line for generators, not for readers.
	marker   = regexp.MustCompile(`^\s*(\+[a-zA-Z0-9]+([-:=].*)?|\$hide_from_docs|Next available field number.*|Deprecated: Marked as deprecated in .*\.proto\.)$`)
	listItem = regexp.MustCompile(`^(\s*)([-*]|\d+\.)\s+(.*)$`)
)

// parseBlocks splits a comment into blocks. It removes markers and joins lines that were wrapped in the source.
func parseBlocks(comment string) []block {
	var blocks []block
	var kind blockKind
	open := false // whether the next line may continue the last block
	fence := false
	for line := range strings.SplitSeq(htmlComment.ReplaceAllString(comment, ""), "\n") {
		trimmed := strings.TrimSpace(strings.TrimPrefix(line, "# ")) // gofmt turns some sentences into headings
		switch {
		case strings.HasPrefix(trimmed, "```"):
			if fence = !fence; fence {
				blocks = append(blocks, block{kind: code})
			}
			open = false
		case fence:
			last := &blocks[len(blocks)-1]
			last.lines = append(last.lines, strings.ReplaceAll(line, "\t", "  "))
		case trimmed == "" || marker.MatchString(line):
			open = false
		case listItem.MatchString(line):
			m := listItem.FindStringSubmatch(line)
			bullet := strings.Replace(m[2], "*", "-", 1)
			if len(blocks) == 0 || kind != list || blocks[len(blocks)-1].kind != list {
				blocks = append(blocks, block{kind: list})
			}
			kind, open = list, true
			last := &blocks[len(blocks)-1]
			last.lines = append(last.lines, m[1]+bullet+" "+m[3])
		case open:
			last := &blocks[len(blocks)-1]
			last.lines[len(last.lines)-1] += " " + trimmed
		default:
			blocks = append(blocks, block{kind: paragraph, lines: []string{trimmed}})
			kind, open = paragraph, true
		}
	}
	return blocks
}

// render renders blocks as Markdown for a list item: all lines except the first are indented by two spaces.
func render(blocks []block) string {
	var b strings.Builder
	for i, block := range blocks {
		if i > 0 {
			b.WriteString("\n\n  ")
		}
		indent := ""
		for j, line := range block.lines {
			content := strings.TrimLeft(line, " ")
			if j == 0 {
				indent = line[:len(line)-len(content)]
			} else {
				b.WriteString("\n  " + strings.TrimPrefix(line[:len(line)-len(content)], indent))
			}
			b.WriteString(content)
		}
	}
	return b.String()
}
