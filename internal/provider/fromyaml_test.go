package provider_test

import (
	"context"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/magneticio/terraform-provider-lamia/internal/provider"
)

func fromYAML(t *testing.T, text string) *tfprotov6.CallFunctionResponse {
	t.Helper()
	argument, err := tfprotov6.NewDynamicValue(tftypes.String, tftypes.NewValue(tftypes.String, text))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := provider.NewServer("test", "")().CallFunction(context.Background(), &tfprotov6.CallFunctionRequest{
		Name: "from_yaml", Arguments: []*tfprotov6.DynamicValue{&argument},
	})
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func TestFromYAML(t *testing.T) {
	t.Parallel()
	resp := fromYAML(t, `
{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: a, namespace: b, labels: {x: "y"}}, spec: {hosts: [c]}}
---
{apiVersion: v1, kind: Service, metadata: {name: a}}
`)
	if resp.Error != nil {
		t.Fatal(resp.Error)
	}
	result, err := resp.Result.Unmarshal(tftypes.DynamicPseudoType)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]any{
		"service_entry b/a namespace": "b", "service_entry b/a name": "a", "service_entry b/a labels x": "y",
		"service a namespace": nil, "service a type": nil,
	} {
		v := result
		for step := range strings.FieldsSeq(path) {
			var members map[string]tftypes.Value
			if err := v.As(&members); err != nil {
				t.Fatal(path, err)
			}
			v = members[step]
		}
		if !v.Equal(tftypes.NewValue(tftypes.String, want)) {
			t.Errorf("%s is %v, want %v", path, v, want)
		}
	}
}

func TestFromYAML_problems(t *testing.T) {
	t.Parallel()
	resp := fromYAML(t, `
kind: Service
apiVersion: v1
metadata: {name: a}
---
kind: Service
apiVersion: v1
metadata: {name: a}
---
kind: Pod
apiVersion: v1
`)
	if resp.Error == nil || resp.Error.FunctionArgument == nil || *resp.Error.FunctionArgument != 0 {
		t.Fatal(resp.Error)
	}
	for _, want := range []string{"line 6: there is more than one Service called a", `line 10: this provider has no resource for Pod of "v1"`} {
		if !strings.Contains(resp.Error.Text, want) {
			t.Errorf("does not say %q:\n%s", want, resp.Error.Text)
		}
	}
}
