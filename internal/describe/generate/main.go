// Command generate writes internal/describe/fields.json: the descriptions and constraints of everything that the specs of Istio's kinds contain.
//
// It reads the istio.io/api module that go.mod requires.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/magneticio/terraform-provider-lamia/internal/describe"
	"golang.org/x/mod/semver"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"istio.io/client-go/pkg/clientset/versioned/scheme"
	"k8s.io/apimachinery/pkg/version"
)

// kinds are the kinds to describe, which are all kinds of Istio's client, with the message of their spec in the most stable version.
var kinds = func() map[string]protoreflect.MessageDescriptor {
	specs, versions := make(map[string]protoreflect.MessageDescriptor), make(map[string]string)
	for of, object := range scheme.Scheme.AllKnownTypes() {
		field, ok := object.FieldByName("Spec")
		if !ok || version.CompareKubeAwareVersionStrings(of.Version, versions[of.Kind]) < 0 {
			continue
		}
		message, ok := reflect.New(field.Type).Interface().(proto.Message)
		if ok {
			specs[of.Kind], versions[of.Kind] = message.ProtoReflect().Descriptor(), of.Version
		}
	}
	return specs
}()

func main() {
	log.SetFlags(0)
	log.SetPrefix("describe: ")
	out := flag.String("o", "fields.json", "file to write")
	flag.Parse()
	module, err := moduleDir("istio.io/api")
	if err != nil {
		log.Fatal(err)
	}
	fields, err := generate(module)
	if err != nil {
		log.Fatal(err)
	}
	data, err := encode(fields)
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(*out, data, 0o644); err != nil {
		log.Fatal(err)
	}
}

// encode writes the fields sorted by their names.
func encode(fields map[protoreflect.FullName]describe.Field) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(fields)
	return buf.Bytes(), err
}

// moduleDir returns the folder with a module's source.
func moduleDir(module string) (string, error) {
	cmd := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go list -m %s: %w", module, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// generate describes every message that the kinds' specs contain, with its fields and enum values.
func generate(module string) (map[protoreflect.FullName]describe.Field, error) {
	messages := reachable()
	docs, err := readComments(module, messages)
	if err != nil {
		return nil, err
	}
	limits, err := readConstraints(filepath.Join(module, "kubernetes", "customresourcedefinitions.gen.yaml"))
	if err != nil {
		return nil, err
	}
	release, err := releaseOf(module)
	if err != nil {
		return nil, err
	}
	references, err := readReferences(module, messages)
	if err != nil {
		return nil, err
	}
	text := newMarkdown(docs, references, messages)
	fields := map[protoreflect.FullName]describe.Field{}
	for _, md := range messages {
		fields[md.FullName()] = describe.Field{Description: text.of(md), Reference: references[md.FullName()]}
		for fd := range each(md.Fields()) {
			f := limits[fd.FullName()]
			f.Since = since(fd, release)
			if !text.field(&f, fd) {
				log.Printf("%s has no comment: taking its message's", fd.FullName())
			}
			fields[fd.FullName()] = f
			if fd.Enum() != nil {
				for vd := range each(fd.Enum().Values()) {
					if text := text.of(vd); text != "" {
						fields[vd.FullName()] = describe.Field{Description: text}
					}
				}
			}
		}
	}
	return fields, text.unused()
}

// since returns the release that introduced a field: the one in fields.json, or that of istio.io/api for a new field.
func since(fd protoreflect.FieldDescriptor, release string) string {
	if known := describe.Of(fd.FullName()); known.Description != "" {
		return known.Since
	}
	return release
}

// releaseOf returns the Istio release of an API in the module cache, such as "1.32".
func releaseOf(module string) (string, error) {
	_, v, _ := strings.Cut(filepath.Base(module), "@")
	release := strings.TrimPrefix(semver.MajorMinor(v), "v")
	if release == "" {
		return "", fmt.Errorf("%s is no folder of a released version", module)
	}
	return release, nil
}

// reachable returns all messages of the kinds' specs, except those of google.protobuf, which have their own JSON form.
func reachable() []protoreflect.MessageDescriptor {
	var found []protoreflect.MessageDescriptor
	seen := map[protoreflect.FullName]bool{}
	var visit func(md protoreflect.MessageDescriptor)
	visit = func(md protoreflect.MessageDescriptor) {
		if md == nil || seen[md.FullName()] || wellKnown(md) {
			return
		}
		seen[md.FullName()] = true
		if !md.IsMapEntry() {
			found = append(found, md)
		}
		for fd := range each(md.Fields()) {
			visit(fd.Message())
		}
	}
	for _, md := range kinds {
		visit(md)
	}
	return found
}

func wellKnown(md protoreflect.MessageDescriptor) bool {
	return md.ParentFile().Package() == "google.protobuf"
}

func isDuration(fd protoreflect.FieldDescriptor) bool {
	return fd.Message() != nil && fd.Message().FullName() == (&durationpb.Duration{}).ProtoReflect().Descriptor().FullName()
}

// each iterates over one of protoreflect's lists of descriptors.
func each[D any](list interface {
	Len() int
	Get(int) D
}) func(yield func(D) bool) {
	return func(yield func(D) bool) {
		for i := range list.Len() {
			if !yield(list.Get(i)) {
				return
			}
		}
	}
}
