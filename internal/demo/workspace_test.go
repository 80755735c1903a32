package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestEnvironment(t *testing.T) {
	t.Parallel()
	env := environment([]string{
		"PATH=/bin", "HOME=/home/u", "EQUALS=a=b",
		"TF_CLI_ARGS=-lock=false", "TF_CLI_CONFIG_FILE=/home/u/.terraformrc", "TF_VAR_domain=x", "TF_WORKSPACE=w", "TF_DATA_DIR=/d",
		"KUBE_HOST=https://production", "KUBE_TOKEN=t", "KUBE_CTX=production", "KUBE_CONFIG_PATH=/home/u/.kube/config",
	}, "/k", "/c")
	want := map[string]string{
		"PATH": "/bin", "HOME": "/home/u", "EQUALS": "a=b",
		"KUBE_CONFIG_PATH": "/k", "TF_CLI_CONFIG_FILE": "/c", "CHECKPOINT_DISABLE": "1",
	}
	if !maps.Equal(env, want) {
		t.Errorf("environment: %v, want %v", env, want)
	}
}

func TestCopyConfiguration(t *testing.T) {
	t.Parallel()
	from, to := t.TempDir(), t.TempDir()
	for _, name := range []string{"main.tf", "team/main.tf", "terraform.tfstate", "mine.auto.tfvars", ".terraform.lock.hcl", ".terraform/modules/x/main.tf"} {
		file := filepath.Join(from, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := copyConfiguration(from, to); err != nil {
		t.Fatal(err)
	}
	var copied []string
	for _, pattern := range []string{"*", "*/*", "*/*/*", "*/*/*/*"} {
		names, err := filepath.Glob(filepath.Join(to, pattern))
		if err != nil {
			t.Fatal(err)
		}
		copied = append(copied, names...)
	}
	if want := []string{filepath.Join(to, "main.tf"), filepath.Join(to, "team"), filepath.Join(to, "team", "main.tf")}; !slices.Equal(copied, want) {
		t.Errorf("copied %v, want %v", copied, want)
	}
}

func TestNewWorkspace_missingProvider(t *testing.T) {
	t.Parallel()
	_, err := newWorkspace(config{provider: filepath.Join(t.TempDir(), "provider"), example: t.TempDir(), terraform: "terraform"})
	if err == nil || !strings.Contains(err.Error(), "make build") {
		t.Errorf("error: %v", err)
	}
}
