// Package manifest translates Kubernetes manifests, which are streams of YAML or JSON documents, to Terraform: to values with the attributes of
// resources, and to HCL. Nothing is lost: a field without an attribute is a [Problem] with its line.
package manifest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/path"
	yamlv3 "go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/istio"
	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// Object is an object of one of this provider's kinds.
type Object struct {
	*engine.Kind
	Namespace, Name     string // Namespace is "" if the manifest gives none
	Labels, Annotations map[string]string
	Spec                map[string]any // a tree of the kind's spec
	Line                int
	owned               bool
}

// Problem is a part of a manifest that cannot be translated.
type Problem struct {
	Line int
	Text string
}

func (p Problem) String() string { return fmt.Sprintf("line %d: %s", p.Line, p.Text) }

// Read reads all objects of a stream, including items of lists, except objects in a cluster that belong to another object, such as the Service of a
// gateway: their owner manages them.
func Read(text string) ([]Object, []Problem) {
	all, problems := ReadAll(text)
	return slices.DeleteFunc(all, func(o Object) bool { return o.owned }), problems
}

// ReadAll reads all objects of a stream, including items of lists.
func ReadAll(text string) ([]Object, []Problem) {
	var r reader
	for start, document := range documents(text) {
		r.document(start, document)
	}
	slices.SortStableFunc(r.problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	return r.objects, r.problems
}

// documents splits a stream into documents, keyed by the number of lines before each.
func documents(text string) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		var document strings.Builder
		start, n := 0, 0
		for line := range strings.Lines(text) {
			if rest, ok := strings.CutPrefix(line, "---"); ok && strings.TrimLeft(rest, " \t\r\n") != rest || strings.TrimSpace(line) == "---" {
				if !yield(start, document.String()) {
					return
				}
				document.Reset()
				start = n
			}
			document.WriteString(line)
			n++
		}
		yield(start, document.String())
	}
}

var kinds = sync.OnceValue(func() map[schema.GroupKind]*engine.Kind {
	all := make(map[schema.GroupKind]*engine.Kind)
	for _, k := range istio.Kinds() {
		all[schema.GroupKind{Group: k.Resource.Group, Kind: k.Kind}] = k
	}
	return all
})

type reader struct {
	objects  []Object
	problems []Problem
}

func (r *reader) problem(line int, format string, args ...any) {
	r.problems = append(r.problems, Problem{line, fmt.Sprintf(format, args...)})
}

// document reads the values as kubectl does, and the lines with a parser that keeps them.
func (r *reader) document(start int, text string) {
	text = strings.Repeat("\n", start) + text // keeps the line numbers of the stream
	content, err := yaml.YAMLToJSONStrict([]byte(text))
	var value any
	if err == nil {
		err = json.Unmarshal(content, &value) // integers are int64
	}
	var lines yamlv3.Node
	if err == nil {
		err = yamlv3.Unmarshal([]byte(text), &lines)
	}
	if err != nil {
		r.unreadable(start+1, err.Error())
		return
	}
	if value != nil {
		r.object(node{&lines}.content(), value)
	}
}

var atLine = regexp.MustCompile(`line (\d+): (.*)`)

// unreadable reports the YAML parser's errors at the lines in their text.
func (r *reader) unreadable(line int, text string) {
	matches := atLine.FindAllStringSubmatch(text, -1)
	if matches == nil {
		r.problem(line, "%s", text)
	}
	for _, m := range matches {
		if n, err := strconv.Atoi(m[1]); err == nil {
			r.problem(n, "%s", m[2])
		}
	}
}

// served are the fields of metadata that the API server sets. A manifest read from a cluster has them; they can be ignored.
var served = []string{"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink"}

// lastApplied is the annotation in which kubectl stores what it has applied. Only kubectl needs it.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

func (r *reader) object(at node, value any) {
	content, ok := value.(map[string]any)
	if !ok {
		r.problem(at.Line, "this is not a Kubernetes object")
		return
	}
	apiVersion, _ := content["apiVersion"].(string)
	kind, _ := content["kind"].(string)
	if items, ok := content["items"].([]any); ok && strings.HasSuffix(kind, "List") {
		for i, item := range items {
			r.object(at.key("items").index(i), item)
		}
		return
	}
	gv, err := schema.ParseGroupVersion(apiVersion)
	k := kinds()[gv.WithKind(kind).GroupKind()]
	if err != nil || k == nil {
		r.problem(at.line("kind"), "this provider has no resource for %s of %q. Remove the object, or leave it where it is",
			cmp.Or(kind, "an object without a kind"), apiVersion)
		return
	}
	before := len(r.problems)
	o := Object{Kind: k, Line: at.Line}
	for name := range content {
		if !slices.Contains([]string{"apiVersion", "kind", "metadata", "spec", "status"}, name) {
			r.problem(at.line(name), "a %s has no field %q", kind, name)
		}
	}
	r.metadata(&o, at.key("metadata"), content["metadata"])
	r.spec(&o, at, content["spec"])
	if len(r.problems) == before {
		r.objects = append(r.objects, o)
	}
}

func (r *reader) metadata(o *Object, at node, value any) {
	metadata, _ := value.(map[string]any)
	o.Name, _ = metadata["name"].(string)
	o.Namespace, _ = metadata["namespace"].(string)
	if o.Name == "" {
		r.problem(at.Line, "the %s has no metadata.name", o.Kind.Kind)
	}
	stored := metadata["uid"] != nil
	for name, value := range metadata {
		switch {
		case name == "name", name == "namespace", slices.Contains(served, name):
		case name == "finalizers" && stored: // of controllers, such as that of load balancers
		case name == "ownerReferences" && stored:
			o.owned = true
		case name == "labels":
			o.Labels = r.strings(at.key(name), value)
		case name == "annotations":
			o.Annotations = r.strings(at.key(name), value)
			delete(o.Annotations, lastApplied)
			delete(o.Annotations, engine.Creation)
		default:
			r.problem(at.line(name), "metadata.%s has no attribute in Terraform", name)
		}
	}
}

func (r *reader) strings(at node, value any) map[string]string {
	m, ok := value.(map[string]any)
	if !ok && value != nil {
		r.problem(at.Line, "this must be a map of strings")
	}
	all := make(map[string]string, len(m))
	for key, v := range m {
		s, ok := v.(string)
		if !ok {
			r.problem(at.line(key), "the value of %s must be a string; put it in quotes", key)
		}
		all[key] = s
	}
	return all
}

func (r *reader) spec(o *Object, at node, value any) {
	content, ok := value.(map[string]any)
	if !ok && value != nil {
		r.problem(at.line("spec"), "spec must be an object")
		return
	}
	if content == nil {
		content = make(map[string]any)
	}
	at = at.key("spec")
	unset(o.Kind.Kind, content)
	r.strangers(at, "spec", o.Kind.Spec, content)
	tree, _, err := o.Kind.Spec.Observe(content, nil)
	var wrong *spec.Error
	switch {
	case errors.As(err, &wrong):
		r.problem(at.follow(o.Kind.Spec, wrong.Path).Line, "%s", err)
		return
	case err != nil:
		r.problem(at.Line, "%s", err)
		return
	}
	for name := range o.Defaults { // the object does not have it, but the provider would set it by default
		if tree[name] == nil {
			tree[name] = map[string]any{}
		}
	}
	o.Spec = tree
}

// unset removes the API server's defaults from the spec of a Service.
func unset(kind string, spec map[string]any) {
	if kind != "Service" {
		return
	}
	if spec["clusterIP"] != "None" {
		delete(spec, "clusterIP")
	}
	delete(spec, "clusterIPs")
}

// strangers reports the fields that the provider does not know.
func (r *reader) strangers(at node, name string, m *spec.Message, value any) {
	content, _ := value.(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(content)) {
		i := slices.IndexFunc(m.Fields, func(f spec.Field) bool { return f.JSON == key || f.Name == key })
		if i < 0 {
			r.problem(at.line(key), "%s has no field %q that this provider knows", name, key)
			continue
		}
		f := &m.Fields[i]
		if f.Message == nil {
			continue
		}
		below, inside := at.key(key), name+"."+key
		switch f.Collection {
		case spec.List:
			list, _ := content[key].([]any)
			for i, element := range list {
				r.strangers(below.index(i), fmt.Sprintf("%s[%d]", inside, i), f.Message, element)
			}
		case spec.Map:
			elements, _ := content[key].(map[string]any)
			for k, element := range elements {
				r.strangers(below.key(k), fmt.Sprintf("%s[%s]", inside, k), f.Message, element)
			}
		default:
			r.strangers(below, inside, f.Message, content[key])
		}
	}
}

// follow returns the node of the value of an attribute in the spec of m.
func (n node) follow(m *spec.Message, at path.Path) node {
	for _, step := range at.Steps() {
		switch step := step.(type) {
		case path.PathStepAttributeName:
			for i := range m.Fields {
				if f := &m.Fields[i]; f.Name == string(step) {
					if n.has(f.JSON) {
						n = n.key(f.JSON)
					} else {
						n = n.key(f.Name)
					}
					if f.Message != nil {
						m = f.Message
					}
					break
				}
			}
		case path.PathStepElementKeyInt:
			n = n.index(int(step))
		case path.PathStepElementKeyString:
			n = n.key(string(step))
		}
	}
	return n
}
