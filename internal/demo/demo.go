package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/magneticio/terraform-provider-lamia/internal/scenario"
	"github.com/magneticio/terraform-provider-lamia/internal/traffic"
)

// config configures a demo.
type config struct {
	terraform  string // path of the binary
	provider   string // path of the binary
	example    string // path of the folder with the Terraform configuration
	kubeconfig string // path of a kubeconfig; the cluster must not have the scenario's namespaces
	prefix     string // prefix of the namespaces' names
	variables  string // variables of the Terraform configuration in .tfvars format
	picture    string // path of the file for the flowchart
	out        io.Writer
}

type demo struct {
	config
	client  dynamic.Interface
	before  *scenario.Scenario
	work    *workspace
	traffic *traffic.Cluster
	seen    []int    // number of requests to each route that the right application has answered
	curls   []string // commands to repeat the requests
}

// newDemo prepares a demo. It sends no request to the cluster. The caller must close the demo.
func newDemo(c config) (*demo, error) {
	if c.kubeconfig == "" {
		return nil, errors.New("KUBE_CONFIG_PATH is not set: run make demo, which starts a cluster")
	}
	rest, err := clientcmd.BuildConfigFromFlags("", c.kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("KUBE_CONFIG_PATH: %w", err)
	}
	rest.QPS = -1 // the API server limits requests itself
	client, err := dynamic.NewForConfig(rest)
	if err != nil {
		return nil, fmt.Errorf("KUBE_CONFIG_PATH: %w", err)
	}
	d := &demo{config: c, client: client, before: scenario.New(client, c.prefix)}
	if d.work, err = newWorkspace(c); err != nil {
		return nil, err
	}
	return d, nil
}

// close deletes the namespaces and the temporary folder.
func (d *demo) close(ctx context.Context) error {
	return errors.Join(d.before.Delete(ctx), d.work.remove())
}

// up creates the scenario and its routing in the cluster, and checks that the next plan has no changes.
func (d *demo) up(ctx context.Context) error {
	if err := d.step("What exists before: "+strings.Join(d.before.Namespaces(), ", "), func() (string, error) {
		if err := d.before.Create(ctx); err != nil {
			return "", err
		}
		var state string
		err := d.before.Wait(ctx, func(available, all int) {
			if state != "" {
				d.say(state)
			}
			state = deployments(available, all)
		})
		return state, err
	}); err != nil {
		return err
	}
	if err := d.step("terraform init, with the provider from a local mirror", func() (string, error) {
		return d.work.init(ctx)
	}); err != nil {
		return err
	}
	if err := d.step("terraform plan", func() (string, error) {
		said, _, err := d.work.plan(ctx)
		return said, err
	}); err != nil {
		return err
	}
	if err := d.step("terraform apply", func() (string, error) {
		return d.work.apply(ctx)
	}); err != nil {
		return err
	}
	if err := d.show(ctx); err != nil {
		return err
	}
	if err := d.step("terraform show -json | terraform-provider-lamia draw", func() (string, error) {
		return "the routing as a Mermaid flowchart: " + d.picture, d.work.draw(ctx, d.provider, d.picture)
	}); err != nil {
		return err
	}
	if err := d.step("terraform plan again", func() (string, error) {
		said, changes, err := d.work.plan(ctx)
		if err == nil && changes {
			err = fmt.Errorf("the second plan is not empty:\n%s", d.work.stdout.String())
		}
		return said, err
	}); err != nil {
		return err
	}
	return d.requests(ctx)
}

// show prints the objects in the cluster.
func (d *demo) show(ctx context.Context) error {
	fmt.Fprintf(d.out, "\nIn the cluster now\n\n")
	objects, err := objects(ctx, d.client, d.before.Namespaces())
	if err != nil {
		return err
	}
	return table(d.out, objects)
}

// invite prints commands to explore the cluster.
func (d *demo) invite() {
	fmt.Fprintf(d.out, `
Everything keeps running until Ctrl-C. In another shell:

  export KUBECONFIG=%[1]s
  export KUBE_CONFIG_PATH=%[1]s
  export TF_CLI_CONFIG_FILE=%[2]s
  cd %[3]s

  terraform plan
  kubectl get virtualservices --all-namespaces
`, d.kubeconfig, d.work.cliConfig, d.work.dir)
	if len(d.curls) > 0 {
		fmt.Fprintf(d.out, "\nThe gateways answer requests. The weights are in %s.\n\n  %s\n", canaryFile, strings.Join(d.curls, "\n  "))
	}
}

// down destroys the routing and checks that nothing is left behind.
func (d *demo) down(ctx context.Context) error {
	if err := d.step("terraform destroy", func() (string, error) {
		return d.work.destroy(ctx)
	}); err != nil {
		return err
	}
	return d.step("What is left", func() (string, error) {
		objects, err := objects(ctx, d.client, d.before.Namespaces())
		if err != nil {
			return "", err
		}
		if len(objects) > 0 {
			var left strings.Builder
			if err := table(&left, objects); err != nil {
				return "", err
			}
			return "", fmt.Errorf("terraform destroy left objects in the cluster:\n%s", &left)
		}
		available, all, err := d.before.Available(ctx)
		if err == nil && available != all {
			err = fmt.Errorf("the Deployments have changed: %s", deployments(available, all))
		}
		return "no routing; of what existed before, " + deployments(available, all), err
	})
}

func deployments(available, all int) string {
	return fmt.Sprintf("%d of %d Deployments available", available, all)
}

// step prints a title, runs a step, and prints its result and duration.
func (d *demo) step(title string, do func() (string, error)) error {
	fmt.Fprintf(d.out, "\n%s\n", title)
	began := time.Now()
	said, err := do()
	if err != nil {
		return err
	}
	lines := strings.Split(said, "\n")
	for _, line := range lines[:len(lines)-1] {
		d.say(line)
	}
	fmt.Fprintf(d.out, "  %-68s %5.1f s\n", lines[len(lines)-1], time.Since(began).Seconds())
	return nil
}

func (d *demo) say(line string) { fmt.Fprintf(d.out, "  %s\n", line) }
