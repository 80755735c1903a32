package proxy

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// Supported returns nil if this system can end child processes together with this one.
func Supported() error { return nil }

// starter starts processes from a thread that lives as long as this process, because the kernel kills a process with Pdeathsig when the thread
// that started it ends.
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

// start starts a process that ends with this one, even if this one is killed.
func start(cmd *exec.Cmd) error {
	// In its own process group, it does not receive Ctrl-C, and ends only when its pod does.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	starter() <- func() { started <- cmd.Start() }
	return <-started
}
