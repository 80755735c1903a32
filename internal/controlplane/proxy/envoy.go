// Package proxy runs Istio's proxy for a pod: a process of Envoy's, and the relay between it and istiod.
package proxy

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
)

// Find returns the path of Envoy, from the PATH or else from beside this program, and its version.
func Find() (path, version string, err error) {
	if path, err = exec.LookPath("envoy"); err != nil {
		self, err := os.Executable()
		if err != nil {
			return "", "", err
		}
		path = filepath.Join(filepath.Dir(self), "envoy")
		if _, err := os.Stat(path); err != nil {
			return "", "", errors.New("there is no envoy, neither on the PATH nor beside this program, where make controlplane puts it if there is pip")
		}
	}
	said, err := exec.Command(path, "--version").CombinedOutput()
	match := regexp.MustCompile(`/(\d+\.\d+\.\d+[^/]*)/`).FindSubmatch(said)
	if err != nil {
		return "", "", fmt.Errorf("%s does not run: %w %s", path, err, said)
	}
	if match == nil {
		return "", "", fmt.Errorf("%s is no Envoy: it says that its version is %q", path, said)
	}
	return path, string(match[1]), nil
}
