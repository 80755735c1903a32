package acctest

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
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// Terraform runs the terraform CLI in a folder with a configuration. Terraform starts the provider as a separate process, as for users. Tests
// use it for what a [resource.TestCase] cannot do, such as applying a saved plan.
type Terraform struct {
	t   *testing.T
	dir string
	env []string
}

// NewTerraform copies the configuration from a folder and sets its variables. kubeconfig is the path of the cluster's kubeconfig, or "" for the
// cluster under test.
func NewTerraform(t *testing.T, configuration, kubeconfig string, variables map[string]any) *Terraform {
	t.Helper()
	Config(t)
	if kubeconfig == "" {
		kubeconfig = os.Getenv(kubeconfigEnv)
	}
	overrides := t.TempDir()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(binary, filepath.Join(overrides, "terraform-provider-lamia")); err != nil {
		t.Fatal(err)
	}
	settings := filepath.Join(overrides, "terraform.rc")
	write(t, settings, fmt.Sprintf(
		"provider_installation {\n  dev_overrides {\n    \"magneticio/lamia\" = %q\n    \"hashicorp/lamia\" = %[1]q\n  }\n}\n", overrides))
	if variables == nil {
		variables = map[string]any{}
	}
	values, err := json.Marshal(variables)
	if err != nil {
		t.Fatal(err)
	}
	return &Terraform{
		t:   t,
		dir: Folder(t, configuration, map[string]string{"terraform.tfvars.json": string(values)}),
		env: append(os.Environ(), "KUBE_CONFIG_PATH="+kubeconfig, "TF_CLI_CONFIG_FILE="+settings,
			"TF_IN_AUTOMATION=1", "TF_INPUT=0", "CHECKPOINT_DISABLE=1"),
	}
}

// OpenTofu reports whether the CLI under test is OpenTofu, for which .ci/terraform.sh sets this variable.
func OpenTofu() bool { return os.Getenv("TF_ACC_PROVIDER_HOST") != "" }

// Configure replaces the configuration with that of a folder, and keeps the state.
func (tf *Terraform) Configure(configuration string) {
	tf.t.Helper()
	if err := overwrite(tf.dir, os.DirFS(configuration)); err != nil {
		tf.t.Fatal(err)
	}
}

// Folder returns a new folder with a copy of another one (unless from is "") and these files.
func Folder(t *testing.T, from string, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if from != "" {
		if err := overwrite(dir, os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range files {
		write(t, filepath.Join(dir, name), content)
	}
	return dir
}

func overwrite(dir string, from fs.FS) error {
	return fs.WalkDir(from, ".", func(path string, entry fs.DirEntry, err error) error {
		to := filepath.Join(dir, path)
		if err != nil || entry.IsDir() {
			return errors.Join(err, os.MkdirAll(to, 0o755))
		}
		data, err := fs.ReadFile(from, path)
		return errors.Join(err, os.WriteFile(to, data, 0o644))
	})
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(content), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// Diagnostic is an error or a warning of Terraform.
type Diagnostic struct {
	Severity string `json:"severity"`
	Summary  string `json:"summary"`
	Detail   string `json:"detail"`
	Address  string `json:"address"` // of the resource
	Snippet  struct {
		Context string `json:"context"` // such as `resource "lamia_service" "test"`
		Code    string `json:"code"`
	} `json:"snippet"`
}

// Line returns the line of the configuration that the diagnostic is about.
func (d Diagnostic) Line() string { return strings.TrimSpace(d.Snippet.Code) }

func (d Diagnostic) String() string {
	return fmt.Sprintf("%s, at %q: %s: %s: %s", d.Address, d.Line(), d.Severity, d.Summary, d.Detail)
}

// Diagnostics are the errors and warnings of a command.
type Diagnostics []Diagnostic

// Errors returns the errors.
func (ds Diagnostics) Errors() (errors Diagnostics) {
	for _, d := range ds {
		if d.Severity == "error" {
			errors = append(errors, d)
		}
	}
	return errors
}

func (ds Diagnostics) String() string {
	var lines []string
	for _, d := range ds {
		lines = append(lines, d.String())
	}
	return strings.Join(lines, "\n")
}

// Run runs a command such as "apply", "-auto-approve" and returns its diagnostics.
func (tf *Terraform) Run(args ...string) Diagnostics {
	tf.t.Helper()
	return tf.Start(args...).Wait()
}

// Must is like Run for a command that must succeed.
func (tf *Terraform) Must(args ...string) {
	tf.t.Helper()
	if errs := tf.Run(args...).Errors(); len(errs) > 0 {
		tf.t.Fatalf("terraform %s:\n%s", strings.Join(args, " "), errs)
	}
}

// Empty checks that a plan has no changes.
func (tf *Terraform) Empty(args ...string) {
	tf.t.Helper()
	tf.output(append([]string{"plan", "-no-color", "-detailed-exitcode"}, args...)...)
}

// Changes returns the changes of resources in a plan.
func (tf *Terraform) Changes() any {
	tf.t.Helper()
	tf.output("plan", "-no-color", "-out=changes")
	var plan map[string]any
	if err := json.Unmarshal(tf.output("show", "-json", "changes"), &plan); err != nil {
		tf.t.Fatal(err)
	}
	return plan["resource_changes"]
}

// Taint marks a resource for replacement.
func (tf *Terraform) Taint(address string) {
	tf.t.Helper()
	tf.output("taint", "-no-color", address)
}

// Get runs terraform get, which installs the modules of the configuration.
func (tf *Terraform) Get() {
	tf.t.Helper()
	tf.output("get", "-no-color")
}

// Setenv sets an environment variable for later commands.
func (tf *Terraform) Setenv(name, value string) { tf.env = append(tf.env, name+"="+value) }

// Values returns the attributes of a resource in the state.
func (tf *Terraform) Values(address string) map[string]any {
	tf.t.Helper()
	values, ok := tf.All()[address]
	if !ok {
		tf.t.Fatalf("%s is not in the state", address)
	}
	return values
}

// All returns the attributes of all resources in the state, by address.
func (tf *Terraform) All() map[string]map[string]any {
	tf.t.Helper()
	type module struct {
		Resources []struct {
			Address string
			Values  map[string]any
		}
		Modules []module `json:"child_modules"`
	}
	var state struct {
		Values struct {
			Root module `json:"root_module"`
		}
	}
	if err := json.Unmarshal(tf.output("show", "-json"), &state); err != nil {
		tf.t.Fatal(err)
	}
	all := make(map[string]map[string]any)
	for modules := []module{state.Values.Root}; len(modules) > 0; modules = append(modules[1:], modules[0].Modules...) {
		for _, r := range modules[0].Resources {
			all[r.Address] = r.Values
		}
	}
	return all
}

// output returns the output of a command that must succeed.
func (tf *Terraform) output(args ...string) []byte {
	tf.t.Helper()
	c := tf.command(args...)
	out, err := c.Output()
	if err != nil {
		tf.t.Fatalf("%s: %v\n%s%s", c, err, out, c.Stderr)
	}
	return out
}

// State returns the addresses of the resources in the state.
func (tf *Terraform) State() []string {
	tf.t.Helper()
	if _, err := os.Stat(filepath.Join(tf.dir, "terraform.tfstate")); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return strings.Fields(string(tf.output("state", "list")))
}

// Command is a running command.
type Command struct {
	Ended chan struct{} // closed once the command has ended

	tf  *Terraform
	cmd *exec.Cmd
	out lines
	err error // of the command, once it has ended
}

// lines is a buffer that can be read while it is written.
type lines struct {
	mu      sync.Mutex
	written []byte
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.written = append(l.written, p...)
	return len(p), nil
}

func (l *lines) Bytes() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.written
}

// Start starts a command that supports -json.
func (tf *Terraform) Start(args ...string) *Command {
	tf.t.Helper()
	c := &Command{Ended: make(chan struct{}), tf: tf, cmd: tf.command(append([]string{args[0], "-json", "-no-color"}, args[1:]...)...)}
	c.cmd.Stdout = &c.out
	if err := c.cmd.Start(); err != nil {
		tf.t.Fatal(err)
	}
	go func() {
		c.err = c.cmd.Wait()
		close(c.Ended)
	}()
	return c
}

func (tf *Terraform) command(args ...string) *exec.Cmd {
	terraform := "terraform"
	if path := os.Getenv("TF_ACC_TERRAFORM_PATH"); path != "" {
		terraform = path
	}
	cmd := exec.CommandContext(tf.t.Context(), terraform, args...)
	cmd.Dir, cmd.Env, cmd.Stderr = tf.dir, tf.env, &bytes.Buffer{}
	// A process group of its own, so that a signal reaches only Terraform, which passes it on to the provider.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	return cmd
}

// Interrupt sends the signal of Ctrl-C.
func (c *Command) Interrupt() {
	c.tf.t.Helper()
	if err := c.cmd.Process.Signal(os.Interrupt); err != nil {
		c.tf.t.Fatal(err)
	}
}

// Kill kills Terraform and the provider, which cannot clean up.
func (c *Command) Kill() {
	c.tf.t.Helper()
	if err := syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL); err != nil { // its process group
		c.tf.t.Fatal(err)
	}
	<-c.Ended
}

// WaitFor waits until the command prints text.
func (c *Command) WaitFor(text string) {
	c.tf.t.Helper()
	err := wait.PollUntilContextTimeout(c.tf.t.Context(), 10*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
		return bytes.Contains(c.out.Bytes(), []byte(text)), nil
	})
	if err != nil {
		c.tf.t.Fatalf("%s does not say %q: %v\n%s", c.cmd, text, err, c.out.Bytes())
	}
}

// Wait waits for the end of the command, and returns its diagnostics.
func (c *Command) Wait() (diagnostics Diagnostics) {
	c.tf.t.Helper()
	<-c.Ended
	var validation struct{ Diagnostics Diagnostics } // validate prints one document
	if json.Unmarshal(c.out.Bytes(), &validation) == nil {
		diagnostics = validation.Diagnostics
	}
	for line := range bytes.Lines(c.out.Bytes()) {
		var message struct {
			Type       string
			Diagnostic Diagnostic
		}
		if json.Unmarshal(line, &message) != nil {
			continue
		}
		if message.Type == "diagnostic" {
			diagnostics = append(diagnostics, message.Diagnostic)
		}
	}
	if c.err != nil && len(diagnostics.Errors()) == 0 {
		c.tf.t.Fatalf("%s: %v\n%s%s", c.cmd, c.err, c.out.Bytes(), c.cmd.Stderr)
	}
	return diagnostics
}
