// Package command is the command line of the provider's binary, for use without Terraform.
package command

import (
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/magneticio/terraform-provider-lamia/internal/manifest"
	"github.com/magneticio/terraform-provider-lamia/internal/picture"
)

const usage = `usage: terraform-provider-lamia [-version] [-debug]
       terraform-provider-lamia convert FILE...
       terraform-provider-lamia draw [FILE]

Terraform starts this program without arguments.

  convert   translates Kubernetes manifests to Terraform configuration
  draw      draws the routing in a state, a plan or a manifest
  -version  prints the version
  -debug    serves for a debugger, and prints how Terraform can attach
`

// Run runs a command and returns its exit code. Without a command it calls serve, for Terraform or a debugger.
func Run(version string, args []string, in io.Reader, out, complaints io.Writer, serve func(debug bool) error) int {
	flags := flag.NewFlagSet("terraform-provider-lamia", flag.ContinueOnError)
	flags.SetOutput(complaints)
	flags.Usage = func() { fmt.Fprint(complaints, usage) }
	debug := flags.Bool("debug", false, "")
	printVersion := flags.Bool("version", false, "")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	switch rest := flags.Args(); {
	case *printVersion:
		fmt.Fprintln(out, "terraform-provider-lamia", version)
	case len(rest) == 0:
		if err := serve(*debug); err != nil {
			fmt.Fprintln(complaints, err)
			return 1
		}
	case rest[0] == "convert":
		return manifest.Convert(rest[1:], in, out, complaints)
	case rest[0] == "draw":
		return picture.Run(rest[1:], in, out, complaints)
	default:
		flags.Usage()
		return 2
	}
	return 0
}
