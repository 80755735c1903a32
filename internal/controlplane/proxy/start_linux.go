package proxy

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// Supported returns nil where processes can end with this one, whatever ends it.
func Supported() error { return nil }

// starter starts processes from a thread that lives as long as this process. The kernel kills a process when the thread that started it ends.
var starter = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for do := range work {
			do()
		}
	}()
	return work
})

// start starts a process that ends with this one, also when this one is killed.
func start(cmd *exec.Cmd) error {
	// In a group of its own Ctrl-C does not reach it: it ends when its pod does.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	starter() <- func() { started <- cmd.Start() }
	return <-started
}
