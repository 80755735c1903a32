package source_test

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/magneticio/terraform-provider-lamia/internal/source"
)

var (
	match = tftypes.Object{AttributeTypes: map[string]tftypes.Type{
		"uri":     tftypes.Object{AttributeTypes: map[string]tftypes.Type{"exact": tftypes.String, "prefix": tftypes.String}},
		"headers": tftypes.Map{ElementType: tftypes.Object{AttributeTypes: map[string]tftypes.Type{"exact": tftypes.String}}},
		"port":    tftypes.Number,
	}}
	retries = tftypes.Object{AttributeTypes: map[string]tftypes.Type{"attempts": tftypes.Number, "per_try_timeout": tftypes.String}}
	route   = tftypes.Object{AttributeTypes: map[string]tftypes.Type{
		"match": tftypes.List{ElementType: match}, "retries": retries, "timeout": tftypes.String,
	}}
	schema = tftypes.Object{AttributeTypes: map[string]tftypes.Type{
		"name": tftypes.String, "namespace": tftypes.String, "labels": tftypes.Map{ElementType: tftypes.String},
		"http": tftypes.List{ElementType: route},
	}}
)

// read reads a root module with these files.
func read(t *testing.T, files map[string]string) *source.Configuration {
	t.Helper()
	folder := t.TempDir()
	for name, content := range files {
		file := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(strings.ReplaceAll(content, "FOLDER", folder)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return source.Read(folder)
}

// lost returns the lost names of all blocks, with their places and suggestions.
func lost(c *source.Configuration) (all []string) {
	for _, b := range c.Blocks("lamia_vs") {
		for _, l := range b.LostNames(schema) {
			all = append(all, fmt.Sprintf("%s:%d:%d %s.%s %s", filepath.Base(l.At.Filename), l.At.Start.Line, l.At.Start.Column, l.In, l.Name, l.Nearest))
		}
	}
	slices.Sort(all)
	return all
}

func TestLostNames(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		http string
		want []string
	}{
		"all right":        {`[{ match = [{ uri = { exact = "/" }, "port" = 80, headers = { anything = { exact = "x" } } }], retries = null }]`, nil},
		"misspelt":         {`[{ matchs = [{}] }]`, []string{"4 http[0].matchs match"}},
		"camelCase":        {`[{ retries = { perTryTimeout = "1s" } }]`, []string{"16 http[0].retries.perTryTimeout per_try_timeout"}},
		"retry":            {`[{ retry = { attempts = 1 } }]`, []string{"4 http[0].retry retries"}},
		"like no other":    {`[{ bogus = 1 }]`, []string{"4 http[0].bogus "}},
		"quoted":           {`[{ "matchs" = [{}] }]`, []string{"4 http[0].matchs match"}},
		"in a map":         {`[{ match = [{ headers = { a = { exact = "x", exakt = "y" } } }] }]`, []string{`46 http[0].match[0].headers["a"].exakt exact`}},
		"for":              {`[for x in var.x : { timeouts = x }]`, []string{"21 http[*].timeouts timeout"}},
		"conditional":      {`var.x ? [{ matchs = [] }] : [{ timeout_ = "1s" }]`, []string{"12 http[0].matchs match", "32 http[0].timeout_ timeout"}},
		"parentheses":      {`([({ matchs = [] })])`, []string{"6 http[0].matchs match"}},
		"concat":           {`concat(var.x, [{ matchs = [] }], [for x in var.x : { match = x }])`, []string{"18 http[*].matchs match"}},
		"merge":            {`[merge(var.x, { retries = { attempt = 1 } })]`, []string{"29 http[0].retries.attempt attempts"}},
		"flatten":          {`flatten([for x in var.x : [{ matchs = [] }, [{ match = [] }]]])`, []string{"30 http[*].matchs match"}},
		"a template":       {`[{ match = "${[{ ury = {} }]}" }]`, []string{"18 http[0].match[0].ury uri"}},
		"a key to compute": {`[{ (var.x) = 1, "${var.x}" = 2, match = [] }]`, nil},
		"a variable":       {`[var.x, local.y, module.z.http[0], jsondecode("{\"matchs\": 1}")]`, nil},
		"a selection":      {`[{ matchs = [{ timeout = "1s" }] }.matchs[0], [{ matchs = [] }][0]]`, nil},
		"lookup":           {`[lookup({ matchs = { timeout = "1s" } }, var.x)]`, nil},
		"an expansion":     {`concat([[{ matchs = 1 }]]...)`, nil},
		"keys of a map":    {`[for k, v in { matchs = 1 } : { timeout = v }]`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := read(t, map[string]string{"main.tf": "resource \"lamia_vs\" \"a\" {\n  name   = \"a\"\n  labels = { anything = \"x\" }\nhttp=" + test.http + "\n}\n"})
			got := lost(c)
			for i, want := range test.want {
				column, rest, _ := strings.Cut(want, " ")
				n, err := strconv.Atoi(column)
				if err != nil {
					t.Fatal(err)
				}
				test.want[i] = fmt.Sprintf("main.tf:4:%d %s", n+len("http="), rest)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

const misspelt = `resource "lamia_vs" "a" { http = [{ matchs = [] }] }`

func TestRead(t *testing.T) {
	t.Parallel()
	manifest := `{"Modules": [{"Key": "", "Dir": "."}, {"Key": "a", "Dir": "modules/a"}, {"Key": "a.b", "Dir": "FOLDER/b"}, {"Key": "gone", "Dir": "gone"}]}`
	for name, test := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"JSON": {map[string]string{"main.tf.json": `{"resource": {"lamia_vs": {"a": {"http": [
{"//": "a comment", "matchs": [], "retries": "${{ attempt = 1 }}", "${var.x}": 1, "match": "${var.x}", "timeout": "1s"}]}}}}`},
			[]string{"main.tf.json:2:21 http[0].matchs match", "main.tf.json:2:51 http[0].retries.attempt attempts"}},
		"tofu":                        {map[string]string{"main.tofu": misspelt}, []string{"main.tofu:1:37 http[0].matchs match"}},
		"Terraform's, or OpenTofu's":  {map[string]string{"main.tf": misspelt, "main.tofu": misspelt, "a.tf.json": "{}", "a.tofu.json": "{}"}, nil},
		"other files":                 {map[string]string{"main.txt": misspelt, ".main.tf": misspelt, "main.tf~": misspelt, "sub/main.tf": misspelt, "a.tftest.hcl": misspelt}, nil},
		"other types":                 {map[string]string{"main.tf": `resource "other_vs" "a" { http = [{ matchs = [] }] }`}, nil},
		"meta-arguments":              {map[string]string{"main.tf": `resource "lamia_vs" "a" { for_each = { matchs = 1 }` + "\n" + `lifecycle { ignore_changes = [http] }` + "\n}"}, nil},
		"an override":                 {map[string]string{"main.tf": misspelt, "a_override.tf": `resource "lamia_vs" "a" { http = [{ retry = {} }] }`}, []string{"a_override.tf:1:37 http[0].retry retries"}},
		"a file that cannot be read":  {map[string]string{"main.tf": misspelt, "b.tf": "resource {{{"}, []string{"main.tf:1:37 http[0].matchs match"}},
		"modules that are called":     {map[string]string{".terraform/modules/modules.json": manifest, "main.tf": `module "a" { source = "./modules/a" }`, "modules/a/main.tf": `module "b" { source = "../../b" }`, "b/b.tf": misspelt}, []string{"b.tf:1:37 http[0].matchs match"}},
		"a module that is not called": {map[string]string{".terraform/modules/modules.json": manifest, "gone/main.tf": misspelt}, nil},
		"a manifest of nonsense":      {map[string]string{".terraform/modules/modules.json": "[", "main.tf": `module "a" { source = "./modules/a" }`}, nil},
		"nothing":                     {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := lost(read(t, test.files)); !slices.Equal(got, test.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

const several = `
resource "lamia_vs" "a" {
  name = "a"
  http = [{ timeout = "1s", match = [{ port = "80" }] }]
}
resource "lamia_vs" "b" {
  name      = "a"
  namespace = var.namespace
  http      = [{ timeout = "1s", match = [{ port = 80 }] }]
}
resource "lamia_vs" "c" {
  name      = var.name
  namespace = "prod"
  labels    = { app = "c" }
}
resource "lamia_vs" "d" {
  for_each = var.all
  name     = each.key
  labels   = { app = "d", other = var.x }
  http     = concat([{ timeout = "1s" }], var.x)
}
`

func TestFind(t *testing.T) {
	t.Parallel()
	c := read(t, map[string]string{"main.tf": several})
	text := func(s any) tftypes.Value { return tftypes.NewValue(tftypes.String, s) }
	labels := func(l any) tftypes.Value { return tftypes.NewValue(tftypes.Map{ElementType: tftypes.String}, l) }
	http := func(timeout string, port any) tftypes.Value {
		headers := tftypes.NewValue(match.AttributeTypes["headers"], nil)
		m := tftypes.NewValue(match, map[string]tftypes.Value{"uri": tftypes.NewValue(match.AttributeTypes["uri"], nil), "headers": headers, "port": tftypes.NewValue(tftypes.Number, port)})
		r := tftypes.NewValue(route, map[string]tftypes.Value{
			"timeout": text(timeout), "retries": tftypes.NewValue(retries, nil), "match": tftypes.NewValue(tftypes.List{ElementType: match}, []tftypes.Value{m}),
		})
		return tftypes.NewValue(schema.AttributeTypes["http"], []tftypes.Value{r})
	}
	none := tftypes.NewValue(schema.AttributeTypes["http"], nil)
	for name, test := range map[string]struct {
		name, namespace, labels, http tftypes.Value
		want                          string
	}{
		"a, or b":             {text("a"), text(nil), labels(nil), http("1s", 80), "a b"},
		"b, in validation":    {text("a"), text(tftypes.UnknownValue), labels(nil), http("1s", 80), "b"},
		"b":                   {text("a"), text("x"), labels(nil), http("1s", 80), "b"},
		"another timeout":     {text("a"), text("x"), labels(nil), http("2s", 80), ""},
		"another port":        {text("a"), text("x"), labels(nil), http("1s", 81), ""},
		"no port":             {text("a"), text("x"), labels(nil), http("1s", nil), ""},
		"a value in addition": {text("a"), text("x"), labels(map[string]tftypes.Value{}), http("1s", 80), ""},
		"c":                   {text("x"), text("prod"), labels(map[string]tftypes.Value{"app": text("c")}), none, "c"},
		"c by another label":  {text("x"), text("prod"), labels(map[string]tftypes.Value{"app": text("d")}), none, ""},
		"c by one more label": {text("x"), text("prod"), labels(map[string]tftypes.Value{"app": text("c"), "b": text("c")}), none, ""},
		"d":                   {text(tftypes.UnknownValue), text(nil), labels(map[string]tftypes.Value{"app": text("d"), "other": text("x")}), http("1s", 80), "d"},
		"a literal unknown":   {text("x"), text(tftypes.UnknownValue), labels(map[string]tftypes.Value{"app": text("c")}), none, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			value := tftypes.NewValue(schema, map[string]tftypes.Value{"name": test.name, "namespace": test.namespace, "labels": test.labels, "http": test.http})
			var got []string
			for _, b := range c.Find("lamia_vs", value) {
				got = append(got, strings.TrimPrefix(b.Address, "lamia_vs."))
			}
			slices.Sort(got)
			if strings.Join(got, " ") != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestPlace(t *testing.T) {
	t.Parallel()
	root := tftypes.NewAttributePath().WithAttributeName("http")
	timeout := root.WithElementKeyInt(1).WithAttributeName("timeout")
	for http, test := range map[string]struct {
		path *tftypes.AttributePath
		want string // the source text at the path
	}{
		`[{}, { timeout = "x" }]`:                            {timeout, `"x"`},
		`[{}, { retries = null }]`:                           {timeout, `{ retries = null }`},
		`[{}, { (var.x) = "y", timeout = "x" }]`:             {timeout, `{ (var.x) = "y", timeout = "x" }`},
		`concat([{}], ([{ timeout = "x" }]))`:                {timeout, `"x"`},
		`concat(var.x, [{ timeout = "x" }])`:                 {timeout, ""},
		`[for x in var.x : { timeout = x }]`:                 {timeout, "x"},
		`[{}, merge({ timeout = "a" }, { timeout = "x" })]`:  {timeout, `"x"`},
		`[{}, merge({ timeout = "x" }, { retries = null })]`: {timeout, `"x"`},
		`[{}, merge({ timeout = "x" }, var.x)]`:              {timeout, `merge({ timeout = "x" }, var.x)`},
		`[{}, var.x ? { timeout = "x" } : null]`:             {timeout, `"x"`},
		`[{}, var.x ? { timeout = "x" } : {timeout = "y"}]`:  {timeout, `var.x ? { timeout = "x" } : {timeout = "y"}`},
		`[{}]`:       {timeout, ""},
		`local.http`: {timeout, ""},
		`"${[{ timeout = "z"}, { timeout = "x" }]}"`: {timeout, `"x"`},
		`[{ match = [{ headers = { "x-a" = { exact = 1 } }}]}]`: {root.WithElementKeyInt(0).WithAttributeName("match").WithElementKeyInt(0).
			WithAttributeName("headers").WithElementKeyString("x-a").WithAttributeName("exact"), "1"},
	} {
		t.Run(http, func(t *testing.T) {
			t.Parallel()
			text := "resource \"lamia_vs\" \"a\" {\n  http = " + http + "\n}"
			at, ok := read(t, map[string]string{"main.tf": text}).Blocks("lamia_vs")[0].Place(test.path)
			got := ""
			if ok {
				got = text[at.Start.Byte:at.End.Byte]
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// An object's namespace and name are enough to find the labels in its block, if only one block can be the object's.
func TestNamed(t *testing.T) {
	t.Parallel()
	const block = "resource \"lamia_vs\" %q {\n%s\n}\n"
	for name, test := range map[string]struct {
		blocks []string
		want   string
	}{
		"literal":             {[]string{"namespace = \"a\"\nname = \"b\"\nlabels = { x = var.x, \"y/z\" = 1, (var.k) = 2 }"}, "[x y/z]"},
		"no labels":           {[]string{"namespace = \"a\"\nname = \"b\""}, "[]"},
		"labels from outside": {[]string{"namespace = \"a\"\nname = \"b\"\nlabels = var.x"}, "[]"},
		"no namespace":        {[]string{"name = \"b\"\nlabels = { x = 1 }"}, "[x]"},
		"null":                {[]string{"namespace = null\nname = \"b\"\nlabels = { x = 1 }"}, "[x]"},
		"computed":            {[]string{"namespace = each.key\nname = each.value\nlabels = { x = 1 }"}, "[x]"},
		"another namespace":   {[]string{"namespace = \"c\"\nname = \"b\"\nlabels = { x = 1 }"}, "none"},
		"another name":        {[]string{"namespace = \"a\"\nname = \"c\"\nlabels = { x = 1 }"}, "none"},
		"two":                 {[]string{"namespace = \"a\"\nname = \"b\"\nlabels = { x = 1 }", "namespace = \"a\"\nname = var.x\nlabels = { y = 1 }"}, "[x] [y]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var main strings.Builder
			for i, arguments := range test.blocks {
				fmt.Fprintf(&main, block, fmt.Sprint("r", i), arguments)
			}
			var got []string
			for _, b := range read(t, map[string]string{"main.tf": main.String()}).Named("lamia_vs", "a", "b") {
				got = append(got, fmt.Sprint(b.Keys("labels")))
			}
			slices.Sort(got)
			if all := cmp.Or(strings.Join(got, " "), "none"); all != test.want {
				t.Errorf("%s, want %s", all, test.want)
			}
		})
	}
}
