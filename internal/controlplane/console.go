package main

import (
	"os"
	"path/filepath"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// divert redirects standard error to a log file, because some parts print there and have no setting to stop it. It returns the original standard
// error, for messages to the user, and a function that restores it. The stack trace of a crash is written to both.
func divert(logs string) (console *os.File, undo func(), err error) {
	file, err := os.OpenFile(filepath.Join(logs, "stderr.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	former, err := unix.FcntlInt(uintptr(unix.Stderr), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	console = os.NewFile(uintptr(former), "stderr")
	if err := debug.SetCrashOutput(console, debug.CrashOptions{}); err != nil {
		return nil, nil, err
	}
	if err := unix.Dup2(int(file.Fd()), unix.Stderr); err != nil {
		return nil, nil, err
	}
	return console, func() { unix.Dup2(former, unix.Stderr) }, nil //nolint:errcheck // no one to report it to
}
