package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/hashicorp/terraform-exec/tfexec"
)

// registries are the default registries of Terraform and OpenTofu.
var registries = []string{"registry.terraform.io", "registry.opentofu.org"}

const (
	providerSource = "magneticio/lamia"
	// providerVersion is the version of the provider in the local mirror, which needs one. It is not a release.
	providerVersion = "0.0.1"
)

// patience is how long an interrupted Terraform may take to end. The control plane of make demo waits 10 s.
const patience = 8 * time.Second

// workspace is a temporary folder in which Terraform runs as on a fresh machine. It has a copy of the example, and a mirror with the provider,
// which the CLI's configuration file names.
type workspace struct {
	root      string
	dir       string // path of the copy of the example
	cliConfig string

	terraform *tfexec.Terraform
	stdout    bytes.Buffer // output of the last command
}

const planFile = "demo.plan"

func newWorkspace(c config) (_ *workspace, err error) {
	root, err := os.MkdirTemp("", "lamia-demo-")
	if err != nil {
		return nil, err
	}
	w := &workspace{
		root:      root,
		dir:       filepath.Join(root, filepath.Base(c.example)),
		cliConfig: filepath.Join(root, "terraform.rc"),
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.remove())
		}
	}()

	mirror := filepath.Join(root, "mirror")
	platform := runtime.GOOS + "_" + runtime.GOARCH
	for _, registry := range registries {
		binary := filepath.Join(mirror, registry, filepath.FromSlash(providerSource), providerVersion, platform, "terraform-provider-lamia_v"+providerVersion)
		if err := copyFile(c.provider, binary, 0o755); err != nil {
			return nil, fmt.Errorf("the provider (make build makes it): %w", err)
		}
	}
	rc := fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", mirror)
	if err := os.WriteFile(w.cliConfig, []byte(rc), 0o644); err != nil {
		return nil, err
	}
	if err := copyConfiguration(c.example, w.dir); err != nil {
		return nil, fmt.Errorf("the example (run this in the root of the repository): %w", err)
	}
	if c.variables != "" {
		if err := os.WriteFile(filepath.Join(w.dir, "demo.auto.tfvars"), []byte(c.variables), 0o644); err != nil {
			return nil, err
		}
	}

	if w.terraform, err = tfexec.NewTerraform(w.dir, c.terraform); err != nil {
		return nil, err
	}
	if err := w.terraform.SetWaitDelay(patience); err != nil {
		return nil, err
	}
	w.terraform.SetStdout(&w.stdout)
	return w, w.terraform.SetEnv(environment(os.Environ(), c.kubeconfig, w.cliConfig))
}

func (w *workspace) remove() error { return os.RemoveAll(w.root) }

// environment returns environ without variables that choose a cluster or configure Terraform.
func environment(environ []string, kubeconfig, cliConfig string) map[string]string {
	env := map[string]string{}
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, "TF_") && !strings.HasPrefix(name, "KUBE_") {
			env[name] = value
		}
	}
	env["KUBE_CONFIG_PATH"] = kubeconfig
	env["TF_CLI_CONFIG_FILE"] = cliConfig
	env["CHECKPOINT_DISABLE"] = "1" // otherwise Terraform checks for newer versions online
	return env
}

func (w *workspace) init(ctx context.Context) (string, error) {
	return w.run("init", func() error { return w.terraform.Init(ctx) }, "- Installed ")
}

// plan saves a plan and reports whether it has changes.
func (w *workspace) plan(ctx context.Context) (said string, changes bool, err error) {
	said, err = w.run("plan", func() (err error) {
		changes, err = w.terraform.Plan(ctx, tfexec.Out(planFile)) // uses -detailed-exitcode
		return err
	}, "Plan: ", "No changes. ")
	return said, changes, err
}

func (w *workspace) apply(ctx context.Context) (string, error) {
	return w.run("apply", func() error { return w.terraform.Apply(ctx, tfexec.DirOrPlan(planFile)) }, "Apply complete! ")
}

// addresses returns the output addresses, which maps each host to its address.
func (w *workspace) addresses(ctx context.Context) (addresses map[string]string, err error) {
	w.stdout.Reset()
	outputs, err := w.terraform.Output(ctx)
	if err != nil {
		return nil, fmt.Errorf("terraform output failed: %w", err)
	}
	if err := json.Unmarshal(outputs["addresses"].Value, &addresses); err != nil {
		return nil, fmt.Errorf("reading the output addresses: %w", err)
	}
	return addresses, nil
}

// draw writes the state as a flowchart to a file.
func (w *workspace) draw(ctx context.Context, provider, file string) error {
	state, err := w.terraform.Show(ctx)
	if err != nil {
		return fmt.Errorf("terraform show failed: %w", err)
	}
	shown, err := json.Marshal(state)
	if err != nil {
		return err
	}
	draw := exec.CommandContext(ctx, provider, "draw")
	draw.Stdin, draw.Stderr = bytes.NewReader(shown), os.Stderr
	flowchart, err := draw.Output()
	if err != nil {
		return fmt.Errorf("terraform-provider-lamia draw failed: %w", err)
	}
	return os.WriteFile(file, flowchart, 0o644)
}

// add adds a file to the configuration.
func (w *workspace) add(name, content string) error {
	return os.WriteFile(filepath.Join(w.dir, name), []byte(content), 0o644)
}

func (w *workspace) destroy(ctx context.Context) (string, error) {
	return w.run("destroy", func() error { return w.terraform.Destroy(ctx) }, "Destroy complete! ")
}

// run runs a terraform command. It returns the lines of its output that begin with one of the prefixes, and warnings. If the command fails, the
// error contains all of its output.
func (w *workspace) run(command string, do func() error, prefixes ...string) (string, error) {
	w.stdout.Reset()
	if err := do(); err != nil {
		return "", fmt.Errorf("terraform %s failed:\n%s\n%w", command, w.stdout.String(), err)
	}
	var said []string
	for line := range strings.Lines(w.stdout.String()) {
		line = strings.TrimSpace(line)
		for _, prefix := range append(prefixes, "│ Warning: ") {
			if strings.HasPrefix(line, prefix) {
				said = append(said, strings.TrimLeft(line, "-│ "))
			}
		}
	}
	return strings.Join(said, "\n"), nil
}

// copyConfiguration copies the Terraform files of a folder, without files that Terraform has created.
func copyConfiguration(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == ".terraform":
			return fs.SkipDir
		case filepath.Ext(path) != ".tf":
			return nil
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		return copyFile(path, filepath.Join(to, relative), 0o644)
	})
}

func copyFile(from, to string, mode fs.FileMode) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, content, mode)
}
