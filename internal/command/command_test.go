package command

import (
	"errors"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	t.Parallel()
	const service = "apiVersion: v1\nkind: Service\nmetadata: {name: reviews, namespace: shop}\nspec: {ports: [{port: 80}]}\n"
	tests := map[string]struct {
		args           []string
		out, complaint string // parts of the output and of the error; "" for none
		code           int
		served         string
	}{
		"Terraform":       {served: "Terraform"},
		"debugger":        {args: []string{"-debug"}, served: "debugger"},
		"version":         {args: []string{"-version"}, out: "terraform-provider-lamia 1.2.3\n"},
		"two dashes":      {args: []string{"--version"}, out: "terraform-provider-lamia 1.2.3\n"},
		"convert":         {args: []string{"convert", "-"}, out: `resource "lamia_service" "reviews"`},
		"convert nothing": {args: []string{"convert"}, complaint: "usage: terraform-provider-lamia convert", code: 2},
		"draw":            {args: []string{"draw"}, out: "flowchart LR"},
		"draw a flag":     {args: []string{"draw", "-x"}, complaint: "usage: terraform-provider-lamia draw", code: 2},
		"unknown command": {args: []string{"paint"}, complaint: "usage: terraform-provider-lamia [-version]", code: 2},
		"unknown flag":    {args: []string{"-x"}, complaint: "usage: terraform-provider-lamia [-version]", code: 2},
		"help":            {args: []string{"-help"}, complaint: "prints the version"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, complaints strings.Builder
			served := ""
			code := Run("1.2.3", test.args, strings.NewReader(service), &out, &complaints, func(debug bool) error {
				served = map[bool]string{true: "debugger", false: "Terraform"}[debug]
				return nil
			})
			if code != test.code || served != test.served {
				t.Errorf("exit code %d, served %q", code, served)
			}
			for got, want := range map[string]string{out.String(): test.out, complaints.String(): test.complaint} {
				if !strings.Contains(got, want) || want == "" && got != "" {
					t.Errorf("printed %q, want %q", got, want)
				}
			}
		})
	}
	var complaints strings.Builder
	if code := Run("1.2.3", nil, nil, nil, &complaints, func(bool) error { return errors.New("no socket") }); code != 1 || complaints.String() != "no socket\n" {
		t.Errorf("a server that fails: exit code %d, printed %q", code, complaints.String())
	}
}
