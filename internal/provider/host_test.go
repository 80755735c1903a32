package provider_test

import (
	"context"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/magneticio/terraform-provider-lamia/internal/provider"
)

// host calls provider::lamia::host.
func host(t *testing.T, arguments ...string) (string, *tfprotov6.FunctionError) {
	t.Helper()
	var values []*tfprotov6.DynamicValue
	for _, a := range arguments {
		value, err := tfprotov6.NewDynamicValue(tftypes.String, tftypes.NewValue(tftypes.String, a))
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, &value)
	}
	resp, err := provider.NewServer("test", "")().CallFunction(context.Background(), &tfprotov6.CallFunctionRequest{Name: "host", Arguments: values})
	if err != nil {
		t.Fatal(err)
	}
	if resp.Error != nil {
		return "", resp.Error
	}
	value, err := resp.Result.Unmarshal(tftypes.String)
	if err != nil {
		t.Fatal(err)
	}
	var name string
	if err := value.As(&name); err != nil {
		t.Fatal(err)
	}
	return name, nil
}

func TestHost(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		arguments []string
		want      string
	}{
		{[]string{"svc-1", "vamp-test1"}, "svc-1.vamp-test1.svc.cluster.local"},
		{[]string{"svc-1", "vamp-test1", "example.org"}, "svc-1.vamp-test1.svc.example.org"},
		{[]string{"svc-1", "1"}, "svc-1.1.svc.cluster.local"},
	} {
		if got, err := host(t, test.arguments...); err != nil || got != test.want {
			t.Errorf("%q: %q, %v, want %q", test.arguments, got, err, test.want)
		}
	}
}

func TestHost_invalid(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		arguments []string
		at        int64
		says      string
	}{
		{[]string{"Svc", "a"}, 0, `"Svc" is not a valid name of a Service`},
		{[]string{"svc.a", "a"}, 0, `"svc.a" is not a valid name of a Service`},
		{[]string{"svc", ""}, 1, `"" is not a valid name of a namespace`},
		{[]string{"svc", "a", "cluster.local."}, 2, `"cluster.local." is not a valid name of a cluster's domain`},
		{[]string{"svc", "a", "b", "c"}, 3, "at most one cluster domain"},
	} {
		_, err := host(t, test.arguments...)
		if err == nil || err.FunctionArgument == nil || *err.FunctionArgument != test.at || !strings.Contains(err.Text, test.says) {
			t.Errorf("%q: %+v, want an error of argument %d: %s", test.arguments, err, test.at, test.says)
		}
	}
}
