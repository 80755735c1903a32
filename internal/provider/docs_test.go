package provider_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// selfExplaining are messages that need no row in the guide.
var selfExplaining = map[string]string{
	"error decoding configuration: %v": "comes with the summary Invalid Istio configuration, or as its detail",
}

// The guide explains exactly the messages of the code.
func TestTroubleshooting(t *testing.T) {
	t.Parallel()
	var code strings.Builder
	if err := filepath.WalkDir("..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		data, err := os.ReadFile(path)
		code.Write(data)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	guide, err := os.ReadFile("../../templates/guides/troubleshooting.md.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	fragment := regexp.MustCompile("`([^`]+)`")
	rows := regexp.MustCompile(`(?m)^\| (.+?) \|`).FindAllStringSubmatch(string(guide), -1)
	if len(rows) < 30 {
		t.Errorf("the guide has %d rows", len(rows))
	}
	explained := make([][]string, len(rows))
	for i, row := range rows {
		for _, words := range fragment.FindAllStringSubmatch(row[1], -1) {
			explained[i] = append(explained[i], words[1])
			if !strings.Contains(code.String(), words[1]) {
				t.Errorf("no message contains %q", words[1])
			}
		}
	}
	summaries := readMessages(t, "..")
	if len(summaries) < 100 {
		t.Errorf("only %d messages", len(summaries))
	}
	for summary := range summaries {
		if selfExplaining[summary] == "" && !slices.ContainsFunc(explained, func(row []string) bool {
			return !slices.ContainsFunc(parts(summary), func(part string) bool { return !slices.Contains(row, part) })
		}) {
			t.Errorf("no row has %q of the message %q: add one to templates/guides/troubleshooting.md.tmpl", parts(summary), summary)
		}
	}
}

// Links between pages work, both relative ones and those that must be absolute for the registry.
func TestDocs_links(t *testing.T) {
	t.Parallel()
	const docs = "../../docs"
	link := regexp.MustCompile(`\]\((?:(https://registry\.terraform\.io/providers/magneticio/lamia/latest/docs/[^)#]+)|([^)#:]+\.md))(?:#[^)]*)?\)`)
	found := 0
	if err := filepath.WalkDir(docs, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".md" {
			return err
		}
		data, err := os.ReadFile(path)
		for _, to := range link.FindAllStringSubmatch(string(data), -1) {
			found++
			page := filepath.Join(filepath.Dir(path), to[2])
			if to[1] != "" {
				_, name, _ := strings.Cut(to[1], "/latest/docs/")
				page = filepath.Join(docs, name+".md")
			}
			if _, err := os.Stat(page); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if found < 50 {
		t.Errorf("only %d links", found)
	}
}
