// Command generate writes internal/admission/schemas.json: the schemas, with their rules in CEL, that Istio's CRDs give to the kinds of
// this provider, without descriptions.
//
// It reads the istio.io/api module that go.mod requires, wherever it lies.
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
	"strings"

	networking "istio.io/client-go/pkg/apis/networking/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// kinds are those whose schemas are written.
var kinds = map[string]bool{"DestinationRule": true, "Gateway": true, "ServiceEntry": true, "VirtualService": true}

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
		if crd.Spec.Group != networking.GroupName || !kinds[crd.Spec.Names.Kind] {
			continue
		}
		for _, v := range crd.Spec.Versions {
			if v.Name != networking.SchemeGroupVersion.Version {
				continue
			}
			data, err := json.Marshal(v.Schema.OpenAPIV3Schema)
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
	}
	if len(schemas) != len(kinds) {
		return nil, fmt.Errorf("%s: %d of the kinds have no v1 schema there", file.Name(), len(kinds)-len(schemas))
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
