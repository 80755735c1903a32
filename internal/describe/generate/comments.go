package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"reflect"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// readComments returns the comment of each message, field and enum value, which protoc-gen-go copied from the .proto files to the Go code.
func readComments(module string, messages []protoreflect.MessageDescriptor) (map[protoreflect.FullName]string, error) {
	packages := map[string]source{}
	docs := map[protoreflect.FullName]string{}
	read := func(t reflect.Type) (source, error) {
		if src, ok := packages[t.PkgPath()]; ok {
			return src, nil
		}
		// A package's path begins with its module's path.
		dir := filepath.Join(module, strings.TrimPrefix(t.PkgPath(), "istio.io/api"))
		src, err := parse(dir)
		packages[t.PkgPath()] = src
		return src, err
	}
	for _, md := range messages {
		mt, err := protoregistry.GlobalTypes.FindMessageByName(md.FullName())
		if err != nil {
			return nil, err
		}
		t := reflect.TypeOf(mt.Zero().Interface()).Elem()
		src, err := read(t)
		if err != nil {
			return nil, err
		}
		comment, ok := src[t.Name()]
		if !ok {
			return nil, fmt.Errorf("no Go type %s for %s", t, md.FullName())
		}
		docs[md.FullName()] = comment
		for fd := range each(md.Fields()) {
			comment, ok := src[path.Join(t.Name(), string(fd.Name()))]
			if !ok {
				return nil, fmt.Errorf("no Go field for %s", fd.FullName())
			}
			docs[fd.FullName()] = comment
			if fd.Enum() == nil {
				continue
			}
			et, err := protoregistry.GlobalTypes.FindEnumByName(fd.Enum().FullName())
			if err != nil {
				return nil, err
			}
			enum := reflect.TypeOf(et.New(0))
			src, err := read(enum)
			if err != nil {
				return nil, err
			}
			for vd := range each(fd.Enum().Values()) {
				comment, ok := src[path.Join(enum.Name(), fmt.Sprint(vd.Number()))]
				if !ok {
					return nil, fmt.Errorf("no Go constant for %s", vd.FullName())
				}
				docs[vd.FullName()] = comment
			}
		}
	}
	return docs, nil
}

// source contains the comments of a package of generated Go, by "Type" for a message, "Type/field_name" for a field and "Type/number" for an
// enum value.
type source map[string]string

func parse(dir string) (source, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.pb.go"))
	if err != nil {
		return nil, err
	}
	src := source{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, decl := range file.Decls {
			if decl, ok := decl.(*ast.GenDecl); ok {
				src.add(decl)
			}
		}
	}
	return src, nil
}

func (src source) add(decl *ast.GenDecl) {
	for _, spec := range decl.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			st, ok := spec.Type.(*ast.StructType)
			if !ok {
				continue
			}
			src[spec.Name.Name] = decl.Doc.Text()
			for _, f := range st.Fields.List {
				name, oneof := protobufName(f)
				if name == "" {
					continue
				}
				message := spec.Name.Name
				if oneof { // the type Message_Field has the only field of this member
					message = strings.TrimSuffix(strings.TrimRight(message, "_"), "_"+strings.TrimRight(f.Names[0].Name, "_"))
				}
				src[path.Join(message, name)] = f.Doc.Text() + f.Comment.Text()
			}
		case *ast.ValueSpec:
			enum, ok := spec.Type.(*ast.Ident)
			if !ok || len(spec.Values) != 1 {
				continue
			}
			if number, ok := spec.Values[0].(*ast.BasicLit); ok {
				src[path.Join(enum.Name, number.Value)] = spec.Doc.Text() + spec.Comment.Text()
			}
		}
	}
}

// protobufName parses a struct field's tag: protobuf:"bytes,1,opt,name=exact,proto3,oneof".
func protobufName(f *ast.Field) (name string, oneof bool) {
	if f.Tag == nil {
		return "", false
	}
	for opt := range strings.SplitSeq(reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("protobuf"), ",") {
		if n, ok := strings.CutPrefix(opt, "name="); ok {
			name = n
		}
		oneof = oneof || opt == "oneof"
	}
	return name, oneof
}
