// Command generate writes internal/admission/schemas.json: the schemas of Istio's CRDs with their CEL rules, each in its most stable version,
// without descriptions.
//
// It reads the istio.io/api module that go.mod requires.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/apimachinery/pkg/version"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("admission: ")
	out := flag.String("o", "schemas.json", "file to write")
	flag.Parse()
	schemas, err := read()
	if err != nil {
		log.Fatal(err)
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(schemas); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(*out, buf.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
}

// read returns the schemas by kind.
func read() (map[string]any, error) {
	module, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "istio.io/api").Output()
	if err != nil {
		return nil, fmt.Errorf("go list -m istio.io/api: %w", err)
	}
	file, err := os.Open(filepath.Join(strings.TrimSpace(string(module)), "kubernetes", "customresourcedefinitions.gen.yaml"))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	schemas := make(map[string]any)
	for dec := yaml.NewYAMLOrJSONDecoder(file, 4096); ; {
		var crd apiextensions.CustomResourceDefinition
		if err := dec.Decode(&crd); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		stable := slices.MaxFunc(crd.Spec.Versions, func(a, b apiextensions.CustomResourceDefinitionVersion) int {
			return version.CompareKubeAwareVersionStrings(a.Name, b.Name)
		})
		data, err := json.Marshal(stable.Schema.OpenAPIV3Schema)
		if err != nil {
			return nil, err
		}
		var schema map[string]any
		if err := json.Unmarshal(data, &schema); err != nil {
			return nil, err
		}
		undescribe(schema)
		schemas[crd.Spec.Names.Kind] = schema
	}
	return schemas, nil
}

// undescribe removes the descriptions from a schema.
func undescribe(schema map[string]any) {
	delete(schema, "description")
	for keyword, value := range schema {
		switch keyword {
		case "properties":
			for _, property := range value.(map[string]any) {
				undescribe(property.(map[string]any))
			}
		case "items", "additionalProperties", "not":
			undescribe(value.(map[string]any))
		}
	}
}
