// Command terraform-provider-lamia serves the provider to Terraform, and has commands for users.
package main

import (
	"log/slog"
	"os"
	godebug "runtime/debug"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
	"k8s.io/klog/v2"

	"github.com/magneticio/terraform-provider-lamia/internal/command"
	"github.com/magneticio/terraform-provider-lamia/internal/provider"
)

// version is set by the linker: -X main.version=1.2.3.
var version = "dev"

func main() {
	os.Exit(command.Run(version, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, serve))
}

func serve(debug bool) error {
	// client-go's own log lines can quote the output of a credential plugin. internal/kube logs requests instead.
	klog.SetSlogLogger(slog.New(slog.DiscardHandler))

	if os.Getenv("GOGC") == "" {
		// A plan keeps little of the memory that it allocates. Collecting garbage twice as often takes no measurable time and saves a sixth of
		// the memory.
		godebug.SetGCPercent(50)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		// Plans of thousands of objects collect garbage more often instead of using more memory.
		godebug.SetMemoryLimit(208 << 20)
	}

	var options []tf6server.ServeOpt
	folder := "." // Terraform starts a provider in the root module
	if debug {
		folder = ""
		options = append(options, tf6server.WithManagedDebug())
	} else {
		provider.Quiet(os.Environ())
	}
	return tf6server.Serve("registry.terraform.io/magneticio/lamia", provider.NewServer(version, folder), options...)
}
