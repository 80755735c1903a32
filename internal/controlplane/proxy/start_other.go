//go:build !linux

package proxy

import (
	"errors"
	"os/exec"
	"runtime"
)

var errUnsupported = errors.New("pods have addresses and processes of their own only on Linux, not on " + runtime.GOOS)

// Supported returns nil where processes can end with this one, whatever ends it.
func Supported() error { return errUnsupported }

func start(*exec.Cmd) error { return errUnsupported }
