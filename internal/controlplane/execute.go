package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/magneticio/terraform-provider-lamia/internal/controlplane/cluster"
)

// patience is how long a command may take to stop after a signal.
const patience = 10 * time.Second

// execute runs a command against the cluster in a process group of its own, and kills what is left of the group when the command ends.
func execute(ctx context.Context, c *cluster.Cluster, kubeconfig string, args []string, console *os.File, left *leftovers) error {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, console
	cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig, "KUBE_CONFIG_PATH="+kubeconfig, "LAMIA_TEST_KUBECONFIG="+kubeconfig)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if stdin := int(os.Stdin.Fd()); term.IsTerminal(stdin) {
		// The command becomes the terminal's foreground process group. SIGTTOU is ignored so that this process can take that back at the end.
		cmd.SysProcAttr.Foreground, cmd.SysProcAttr.Ctty = true, stdin
		signal.Ignore(syscall.SIGTTOU)
		defer unix.IoctlSetPointerInt(stdin, unix.TIOCSPGRP, unix.Getpgrp()) //nolint:errcheck // nothing can be done about it
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	group := func(s syscall.Signal) { syscall.Kill(-cmd.Process.Pid, s) } //nolint:errcheck // the group may be empty
	left.add(func() { group(syscall.SIGKILL) })
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()

	var failure error
	select {
	case err := <-ended:
		return status(err)
	case failure = <-c.Failed():
		group(syscall.SIGTERM)
	case <-ctx.Done():
		group(signalOf(ctx))
	}
	var err error
	select {
	case err = <-ended:
	case <-time.After(patience):
		fmt.Fprintf(console, "controlplane: killing %s, which did not stop within %s\n", args[0], patience)
		group(syscall.SIGKILL)
		err = <-ended
	}
	if failure != nil {
		return failure
	}
	return status(err)
}

// status converts the result of a command to an exit status, as a shell does: 128 plus the number of the signal that ended it.
func status(err error) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	if s := exit.Sys().(syscall.WaitStatus); s.Signaled() {
		return exitStatus(128 + int(s.Signal()))
	}
	return exitStatus(exit.ExitCode())
}
