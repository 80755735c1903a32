// Package proxy runs Istio's proxy for a pod: an Envoy process, and the relay between it and istiod.
package proxy

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
)

// Find returns the path and version of Envoy. It looks on the PATH first, then in the directory of this program.
func Find() (path, version string, err error) {
	if path, err = exec.LookPath("envoy"); err != nil {
		self, err := os.Executable()
		if err != nil {
			return "", "", err
		}
		path = filepath.Join(filepath.Dir(self), "envoy")
		if _, err := os.Stat(path); err != nil {
			return "", "", errors.New("there is no envoy on the PATH or next to this program; make controlplane installs it there if pip is available")
		}
	}
	said, err := exec.Command(path, "--version").CombinedOutput()
	match := regexp.MustCompile(`/(\d+\.\d+\.\d+[^/]*)/`).FindSubmatch(said)
	if err != nil {
		return "", "", fmt.Errorf("%s does not run: %w %s", path, err, said)
	}
	if match == nil {
		return "", "", fmt.Errorf("%s is not Envoy: its --version prints %q", path, said)
	}
	return path, string(match[1]), nil
}
