package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// workspace is a folder with a configuration and its state in an http backend. With a state file, the time to write it would grow with the
// square of the number of resources.
type workspace struct {
	dir   string
	env   []string
	state *httptest.Server
}

// newWorkspace creates a workspace with this configuration, for the provider in a folder.
func newWorkspace(ctx context.Context, configuration, provider string, env ...string) (*workspace, error) {
	dir, err := os.MkdirTemp("", "lamia-bench-")
	if err != nil {
		return nil, err
	}
	w := &workspace{dir: dir, state: httptest.NewServer(&backend{})}
	backend := fmt.Sprintf("terraform {\n  backend \"http\" {\n    address = %q\n  }\n}\n", w.state.URL)
	rc := fmt.Sprintf("provider_installation {\n  dev_overrides {\n    \"magneticio/lamia\" = %q\n    \"hashicorp/lamia\" = %[1]q\n  }\n}\n", provider)
	for name, content := range map[string]string{"backend.tf": backend, "terraform.rc": rc} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			return nil, err
		}
	}
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "TF_") {
			w.env = append(w.env, variable)
		}
	}
	w.env = append(append(w.env, "TF_CLI_CONFIG_FILE="+filepath.Join(dir, "terraform.rc"), "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "TF_INPUT=0"), env...)
	if _, err := w.run(ctx, "init"); err != nil { // initializes the backend only; the CLI's configuration file names the provider's folder
		return nil, err
	}
	return w, w.configure(configuration)
}

// configure replaces the configuration.
func (w *workspace) configure(configuration string) error {
	return os.WriteFile(filepath.Join(w.dir, "main.tf"), []byte(configuration), 0o644)
}

func (w *workspace) close() error {
	w.state.Close()
	return os.RemoveAll(w.dir)
}

// backend keeps one state.
type backend struct {
	mu    sync.Mutex
	state []byte
}

func (b *backend) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case r.Method == http.MethodPost:
		b.state, _ = io.ReadAll(r.Body)
	case b.state == nil:
		rw.WriteHeader(http.StatusNoContent)
	default:
		_, _ = rw.Write(b.state)
	}
}

// usage is the resource usage of a command.
type usage struct {
	wall     float64 // in seconds
	provider float64 // CPU time of the provider in seconds
	peak     float64 // peak memory of the provider in MB
	warnings int     // number of the provider's warnings
}

// run runs a terraform command.
func (w *workspace) run(ctx context.Context, args ...string) (usage, error) {
	cmd := exec.CommandContext(ctx, "terraform", args...)
	cmd.Dir, cmd.Env = w.dir, w.env
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return usage{}, err
	}
	var u usage
	watching, stop := context.WithCancel(ctx)
	var watched sync.WaitGroup
	watched.Go(func() { u.provider, u.peak = watch(watching, cmd.Process.Pid) })
	err := cmd.Wait()
	stop()
	watched.Wait()
	if err != nil {
		return usage{}, fmt.Errorf("%s: %w\n%s", cmd, err, out.String())
	}
	u.wall = time.Since(start).Seconds()
	u.warnings = strings.Count(out.String(), "Warning: ") - strings.Count(out.String(), "Provider development overrides are in effect")
	return u, nil
}

// watch returns the CPU time in seconds and the peak memory in MB of a process' children, until ctx ends. It works on Linux only.
func watch(ctx context.Context, parent int) (cpu, peak float64) {
	times := make(map[string]float64)
	for ctx.Err() == nil {
		children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", parent))
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", parent))
		for _, task := range tasks {
			more, _ := os.ReadFile(task)
			children = append(append(children, ' '), more...)
		}
		for _, child := range strings.Fields(string(children)) {
			stat, err := os.ReadFile("/proc/" + child + "/stat")
			if err != nil {
				continue
			}
			fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
			user, _ := strconv.ParseFloat(fields[11], 64)
			system, _ := strconv.ParseFloat(fields[12], 64)
			times[child] = (user + system) / 100 // the kernel's USER_HZ
			status, _ := os.ReadFile("/proc/" + child + "/status")
			for line := range strings.Lines(string(status)) {
				if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
					kb, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
					peak = max(peak, kb/1024)
				}
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
	for _, t := range times {
		cpu += t
	}
	return cpu, peak
}

// providers returns the folders with the built provider and with S.
func providers() (lamia, stub string, err error) {
	if lamia, err = filepath.Abs(".build"); err != nil {
		return "", "", err
	}
	if _, err := os.Stat(filepath.Join(lamia, providerBinary)); err != nil {
		return "", "", errors.New("the provider is not built: run make build")
	}
	own, err := os.Executable()
	if err != nil {
		return "", "", err
	}
	if stub, err = os.MkdirTemp("", "lamia-bench-stub-"); err != nil {
		return "", "", err
	}
	return lamia, stub, os.Symlink(own, filepath.Join(stub, providerBinary))
}
