// Command demo shows the scenario: it creates three teams' Deployments in a cluster that make demo starts, applies their routing with Terraform,
// plans again, sends requests, and destroys everything.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	err := run(os.Getenv("KEEP") != "")
	switch {
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "demo: interrupted")
		os.Exit(128 + int(syscall.SIGINT))
	case err != nil:
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// run runs the demo from the root of the repository. With keep, it waits for an interruption before it destroys everything.
func run(keep bool) (err error) {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	defer stop()

	terraform, err := exec.LookPath("terraform")
	if err != nil {
		return errors.New("terraform is missing: get it from https://developer.hashicorp.com/terraform/install")
	}
	d, err := newDemo(config{
		terraform:  terraform,
		provider:   filepath.Join(".build", "terraform-provider-lamia"),
		example:    filepath.Join("examples", "advanced-networking"),
		kubeconfig: os.Getenv("KUBE_CONFIG_PATH"),
		picture:    filepath.Join(".build", "demo.mmd"),
		out:        os.Stdout,
	})
	if err != nil {
		return err
	}
	// This also runs after an interruption. It does not take long.
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		err = errors.Join(err, d.close(ctx))
	}()

	if err := d.up(ctx); err != nil {
		return cmp.Or(ctx.Err(), err)
	}
	if keep {
		d.invite()
		<-ctx.Done()
		fmt.Println()
		var stop func()
		ctx, stop = signal.NotifyContext(context.Background(), signals...)
		defer stop()
	}
	if err := d.down(ctx); err != nil {
		return cmp.Or(ctx.Err(), err)
	}
	return nil
}
