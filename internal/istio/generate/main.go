// Command generate writes internal/istio/testdata/corpus.json: the objects in Istio's own tests of the kinds that this provider manages, valid
// and invalid. They come from YAML files, from templates of YAML files, and from the tables of the tests of Istio's package validation.
//
// It reads the module istio.io/istio that internal/controlplane requires, and runs its tests to record what they validate. That takes a while,
// and the result changes only with a new release of Istio. Therefore make generate does not run it: run go run ./internal/istio/generate after
// an update.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/istio"
)

// Object is an object in a test of Istio.
type Object struct {
	Source      string            `json:"source"` // a file or a test
	Kind        string            `json:"kind"`
	Name        string            `json:"name,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Spec        map[string]any    `json:"spec"`
}

var kinds = istio.Kinds()

// isIstio reports whether an object is of a kind of Istio that is a resource.
func isIstio(apiVersion, kind string) bool {
	group, _, _ := strings.Cut(apiVersion, "/")
	return slices.ContainsFunc(kinds, func(k *engine.Kind) bool {
		return k.Kind == kind && k.Resource.Group == group && strings.HasSuffix(group, ".istio.io")
	})
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("corpus: ")
	output, err := in("internal/controlplane", "go", "list", "-m", "-f", "{{.Dir}}", "istio.io/istio")
	if err != nil {
		log.Fatal(err)
	}
	module := strings.TrimSpace(string(output))
	objects, err := recorded(module)
	if err != nil {
		log.Fatal(err)
	}
	for _, folder := range []string{"pkg/config/validation/testdata", "tests", "pkg/test/datasets/validation"} {
		found, err := written(module, folder)
		if err != nil {
			log.Fatal(err)
		}
		objects = append(objects, found...)
	}
	var out bytes.Buffer
	seen := make(map[string]bool)
	separator := "[\n"
	for _, o := range objects {
		line, err := json.Marshal(o)
		if err != nil {
			log.Fatal(err)
		}
		o.Source, o.Name = "", ""
		same, err := json.Marshal(o)
		if err != nil {
			log.Fatal(err)
		}
		if !seen[string(same)] && len(line) < 64<<10 { // a test of a long string does not need a megabyte
			seen[string(same)] = true
			out.WriteString(separator)
			out.Write(line)
			separator = ",\n"
		}
	}
	out.WriteString("\n]\n")
	if err := os.WriteFile("internal/istio/testdata/corpus.json", out.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
}

func in(folder, name string, args ...string) ([]byte, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Stderr = folder, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	return out, nil
}

// recorded returns the objects that the tests of Istio's package validation validate. It adds recorder.go.txt to these tests with go test
// -overlay. That works only outside of the module cache, so it creates a folder with links to the module's files.
func recorded(module string) ([]Object, error) {
	work, err := os.MkdirTemp("", "corpus")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	links := filepath.Join(work, "istio")
	if err := os.Mkdir(links, 0o755); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(module)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if err := os.Symlink(filepath.Join(module, e.Name()), filepath.Join(links, e.Name())); err != nil {
			return nil, err
		}
	}
	recorder, err := filepath.Abs("internal/istio/generate/recorder.go.txt")
	if err != nil {
		return nil, err
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(links, "pkg/config/validation/recorder_test.go"): recorder}})
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(work, "overlay.json"), overlay, 0o644); err != nil {
		return nil, err
	}
	modfile := filepath.Join(work, "go.mod")
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join("internal/controlplane", name))
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(work, name), data, 0o644); err != nil {
			return nil, err
		}
	}
	if _, err := in(".", "go", "mod", "edit", "-replace", "istio.io/istio="+links, modfile); err != nil {
		return nil, err
	}
	record := filepath.Join(work, "objects.json")
	if _, err := in("internal/controlplane", "env", "CGO_ENABLED=0", "RECORD="+record, "go", "test", "-count=1", "-trimpath", "-modfile="+modfile,
		"-overlay="+filepath.Join(work, "overlay.json"), "-run=TestValidate", "istio.io/istio/pkg/config/validation"); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(record)
	if err != nil {
		return nil, err
	}
	var objects []Object
	for dec := json.NewDecoder(bytes.NewReader(data)); dec.More(); {
		var o Object
		if err := dec.Decode(&o); err != nil {
			return nil, err
		}
		objects = append(objects, o)
	}
	return objects, nil
}

var (
	// control matches a line that has only template actions.
	control = regexp.MustCompile(`(?m)^\s*\{\{.*\}\}\s*$\n?`)
	amount  = regexp.MustCompile(`(?m)^(\s*(?:- *)?(?:number|port|weight|value|http|minClusterSize): *)\{\{.*\}\}\s*$`)
	action  = regexp.MustCompile(`\{\{[^{}]*\}\}`)
	quoted  = regexp.MustCompile("(?s)`[^`]*`")
)

// written returns the objects in the files of a folder: YAML files, templates of them, and Go files with either in strings. Template actions
// become "example", or 80 for a number. What is not valid YAML afterwards is ignored.
func written(module, folder string) (objects []Object, err error) {
	err = filepath.WalkDir(filepath.Join(module, folder), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		texts := []string{string(data)}
		switch filepath.Ext(path) {
		case ".yaml", ".tmpl":
		case ".go":
			texts = quoted.FindAllString(string(data), -1)
		default:
			return nil
		}
		source, err := filepath.Rel(module, path)
		if err != nil {
			return err
		}
		for _, text := range texts {
			text = control.ReplaceAllString(strings.Trim(text, "`"), "")
			text = amount.ReplaceAllString(text, "${1}80")
			for _, document := range regexp.MustCompile(`(?m)^---.*$`).Split(text, -1) {
				if o, ok := parse(action.ReplaceAllString(document, "example")); ok {
					o.Source = source
					objects = append(objects, o)
				}
			}
		}
		return nil
	})
	return objects, err
}

func parse(document string) (o Object, ok bool) {
	var object struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Metadata   struct {
			Name        string            `json:"name"`
			Labels      map[string]string `json:"labels"`
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
		Spec map[string]any `json:"spec"`
	}
	if err := yaml.Unmarshal([]byte(document), &object); err != nil || !isIstio(object.APIVersion, object.Kind) {
		return o, false
	}
	m := object.Metadata
	return Object{Kind: object.Kind, Name: m.Name, Labels: m.Labels, Annotations: m.Annotations, Spec: object.Spec}, true
}
