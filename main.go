// Command terraform-provider-lamia serves the provider to Terraform. With the argument convert it translates manifests to configuration, with draw it
// draws a state, a plan or a cluster.
package main

import (
	"flag"
	"io"
	"log"
	"log/slog"
	"os"
	godebug "runtime/debug"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
	"k8s.io/klog/v2"

	"github.com/magneticio/terraform-provider-lamia/internal/manifest"
	"github.com/magneticio/terraform-provider-lamia/internal/picture"
	"github.com/magneticio/terraform-provider-lamia/internal/provider"
)

// version is set by the linker: -X main.version=1.2.3.
var version = "dev"

func main() {
	commands := map[string]func(args []string, in io.Reader, out, complaints io.Writer) int{"convert": manifest.Convert, "draw": picture.Run}
	if len(os.Args) > 1 && commands[os.Args[1]] != nil {
		os.Exit(commands[os.Args[1]](os.Args[2:], os.Stdin, os.Stdout, os.Stderr))
	}
	debug := flag.Bool("debug", false, "serve for a debugger: print how Terraform can attach")
	flag.Parse()
	// client-go's own log lines can quote what a credential plugin printed; internal/kube logs requests.
	klog.SetSlogLogger(slog.New(slog.DiscardHandler))

	if os.Getenv("GOGC") == "" {
		// What a plan keeps is little beside what it makes: to collect twice as often costs no time that make bench can see, and saves a sixth of the memory.
		godebug.SetGCPercent(50)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		// Plans of thousands of objects collect more often instead of growing further.
		godebug.SetMemoryLimit(208 << 20)
	}

	if !*debug {
		provider.Quiet(os.Environ())
	}
	var options []tf6server.ServeOpt
	folder := "." // where Terraform starts a provider
	if *debug {
		folder = ""
		options = append(options, tf6server.WithManagedDebug())
	}
	err := tf6server.Serve("registry.terraform.io/magneticio/lamia", provider.NewServer(version, folder), options...)
	if err != nil {
		log.Fatal(err)
	}
}
