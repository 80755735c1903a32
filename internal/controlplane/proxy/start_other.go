//go:build !linux

package proxy

import (
	"errors"
	"os/exec"
	"runtime"
)

var errUnsupported = errors.New("pods can run processes only on Linux, not on " + runtime.GOOS)

// Supported returns nil if this system can end child processes together with this one.
func Supported() error { return errUnsupported }

func start(*exec.Cmd) error { return errUnsupported }
