package provider_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// makers are the functions that create diagnostics, with the index of the summary's argument. Functions of the provider that pass an argument on
// to one of them are added, by package and name.
var makers = map[string]int{
	"AddError": 0, "AddWarning": 0, "NewErrorDiagnostic": 0, "NewWarningDiagnostic": 0,
	"AddAttributeError": 1, "AddAttributeWarning": 1, "NewAttributeErrorDiagnostic": 1, "NewAttributeWarningDiagnostic": 1,
}

// fields are the fields that contain summaries, by their struct.
var fields = map[string][]string{
	"Diagnostic": {"Summary"}, "Problem": {"Summary"}, "ArgumentError": {"Summary"}, "Finding": {"Summary", "Message"}, "problem": {"what"},
}

// messages collects the summaries of the provider's errors and warnings from its source, as formats.
type messages struct {
	makers map[string]int
	funcs  map[string][]*ast.FuncDecl // by package and name
	consts map[string]ast.Expr        // by name
	found  map[string]bool
}

func readMessages(t *testing.T, root string) map[string]bool {
	t.Helper()
	m := &messages{makers: maps.Clone(makers), funcs: map[string][]*ast.FuncDecl{}, consts: map[string]ast.Expr{}, found: map[string]bool{}}
	if err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if d.IsDir() && slices.Contains([]string{"acctest", "bench", "controlplane", "demo", "generate"}, d.Name()) {
			return filepath.SkipDir
		}
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if general, isGeneral := decl.(*ast.GenDecl); isGeneral { // function literals in variables
				f = &ast.FuncDecl{Name: ast.NewIdent("var"), Type: &ast.FuncType{Params: &ast.FieldList{}}, Body: &ast.BlockStmt{List: []ast.Stmt{&ast.DeclStmt{Decl: general}}}}
				for _, s := range general.Specs {
					if s, ok := s.(*ast.ValueSpec); ok && len(s.Values) == 1 {
						m.consts[s.Names[0].Name] = s.Values[0]
					}
				}
			} else if !ok {
				continue
			}
			name := filepath.Dir(path) + "." + f.Name.Name
			m.funcs[name] = append(m.funcs[name], f)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for known := 0; known < len(m.makers); { // until no more functions are added
		known = len(m.makers)
		for name, funcs := range m.funcs {
			for _, f := range funcs {
				ast.Inspect(f, func(n ast.Node) bool {
					m.visit(strings.TrimSuffix(name, f.Name.Name), f, n)
					return true
				})
			}
		}
	}
	return m.found
}

func (m *messages) visit(pkg string, f *ast.FuncDecl, n ast.Node) {
	add := func(summary ast.Expr) {
		for _, text := range m.texts(pkg, f, summary) {
			if len(parts(text)) > 0 {
				m.found[text] = true
			}
		}
	}
	fieldsOf := func(lit *ast.CompositeLit, of ast.Expr) {
		for _, e := range lit.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok && slices.Contains(fields[ident(of)], ident(kv.Key)) {
				add(kv.Value)
			}
		}
	}
	switch n := n.(type) {
	case *ast.CallExpr:
		for _, name := range []string{ident(n.Fun), pkg + ident(n.Fun)} {
			if i, ok := m.makers[name]; ok && i < len(n.Args) {
				add(n.Args[i])
			}
		}
	case *ast.CompositeLit:
		fieldsOf(n, n.Type)
		if array, ok := n.Type.(*ast.ArrayType); ok {
			for _, e := range n.Elts {
				if e, ok := e.(*ast.CompositeLit); ok && e.Type == nil {
					fieldsOf(e, array.Elt)
				}
			}
		}
	}
}

// texts returns the formats that an expression in a function can have. %s represents unknown parts.
func (m *messages) texts(pkg string, f *ast.FuncDecl, e ast.Expr) (all []string) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, _ := strconv.Unquote(e.Value)
		return []string{text}
	case *ast.BinaryExpr:
		for _, x := range m.texts(pkg, f, e.X) {
			for _, y := range m.texts(pkg, f, e.Y) {
				all = append(all, x+y)
			}
		}
		return all
	case *ast.CallExpr:
		if ident(e.Fun) == "Sprintf" {
			return m.texts(pkg, f, e.Args[0])
		}
	case *ast.Ident:
		i := 0
		for _, p := range f.Type.Params.List {
			for _, name := range p.Names {
				if name.Name == e.Name {
					m.makers[pkg+f.Name.Name] = i
					return []string{"%s"}
				}
				i++
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if a, ok := n.(*ast.AssignStmt); ok {
				if i := slices.IndexFunc(a.Lhs, func(to ast.Expr) bool { return ident(to) == e.Name }); i >= 0 {
					all = append(all, m.assigned(pkg, f, a, i)...)
				}
			}
			return true
		})
		if value := m.consts[e.Name]; len(all) == 0 && value != nil {
			return m.texts(pkg, f, value)
		}
	}
	if len(all) == 0 {
		return []string{"%s"}
	}
	return all
}

// assigned returns the formats of the i-th value of an assignment.
func (m *messages) assigned(pkg string, f *ast.FuncDecl, a *ast.AssignStmt, i int) (all []string) {
	if len(a.Lhs) == len(a.Rhs) {
		return m.texts(pkg, f, a.Rhs[i])
	}
	call, ok := a.Rhs[0].(*ast.CallExpr)
	if !ok {
		return nil
	}
	for _, f := range m.funcs[pkg+ident(call.Fun)] {
		ast.Inspect(f, func(n ast.Node) bool {
			if r, ok := n.(*ast.ReturnStmt); ok && i < len(r.Results) {
				all = append(all, m.texts(pkg, f, r.Results[i])...)
			}
			return true
		})
	}
	return all
}

// ident returns the name of a variable, a function or a type, without its package.
func ident(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.StarExpr:
		return ident(e.X)
	}
	return ""
}

var value = regexp.MustCompile(`%[a-z]\S*`)

// parts returns the words of a format between its values. Parts of a single word are included only if there are no others.
func parts(format string) (all []string) {
	for _, part := range value.Split(format, -1) {
		if part = strings.Trim(part, " ,:"); part != "" {
			all = append(all, part)
		}
	}
	if several := slices.DeleteFunc(slices.Clone(all), func(part string) bool { return !strings.Contains(part, " ") }); len(several) > 0 {
		return several
	}
	return all
}
