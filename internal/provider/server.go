package provider

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// NewServer makes the provider of the given version as a server of Terraform's protocol 6.
func NewServer(version string) func() tfprotov6.ProviderServer {
	framework := providerserver.NewProtocol6(New(version)())
	return func() tfprotov6.ProviderServer { return server{framework()} }
}

// server names in the text of a diagnostic the nested attribute that it is about. Terraform points at the resource block then, which may
// hold hundreds of attributes, and shows the path nowhere.
type server struct{ tfprotov6.ProviderServer }

func (s server) ValidateResourceConfig(ctx context.Context, req *tfprotov6.ValidateResourceConfigRequest) (*tfprotov6.ValidateResourceConfigResponse, error) {
	resp, err := s.ProviderServer.ValidateResourceConfig(ctx, req)
	if resp != nil {
		namePaths(resp.Diagnostics)
	}
	return resp, err
}

func (s server) PlanResourceChange(ctx context.Context, req *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	resp, err := s.ProviderServer.PlanResourceChange(ctx, req)
	if resp != nil {
		namePaths(resp.Diagnostics)
	}
	return resp, err
}

func (s server) ApplyResourceChange(ctx context.Context, req *tfprotov6.ApplyResourceChangeRequest) (*tfprotov6.ApplyResourceChangeResponse, error) {
	resp, err := s.ProviderServer.ApplyResourceChange(ctx, req)
	if resp != nil {
		namePaths(resp.Diagnostics)
	}
	return resp, err
}

func namePaths(diagnostics []*tfprotov6.Diagnostic) {
	for _, d := range diagnostics {
		if d.Attribute == nil || len(d.Attribute.Steps()) < 2 {
			continue
		}
		if at := pathString(d.Attribute); !strings.Contains(d.Detail, at) {
			d.Detail = "At " + at + ": " + d.Detail
		}
	}
}

// pathString spells a path as the configuration does, such as http[0].match[1].headers["x-user"].exact.
func pathString(path *tftypes.AttributePath) string {
	var b strings.Builder
	for i, step := range path.Steps() {
		switch s := step.(type) {
		case tftypes.AttributeName:
			if i > 0 {
				b.WriteByte('.')
			}
			b.WriteString(string(s))
		case tftypes.ElementKeyInt:
			fmt.Fprintf(&b, "[%d]", int64(s))
		case tftypes.ElementKeyString:
			fmt.Fprintf(&b, "[%q]", string(s))
		}
	}
	return b.String()
}
