package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"k8s.io/klog/v2"

	"github.com/magneticio/terraform-provider-lamia/internal/controlplane/cluster"
)

type options struct {
	kubeconfig string
	logs       string
}

// run starts a cluster and keeps it until a signal, the end of the parent process, the failure of a part, or
// the end of the command.
func run(o options, args []string) error {
	began := time.Now()
	if _, err := os.Lstat(o.kubeconfig); err == nil {
		return fmt.Errorf("--kubeconfig: %s exists, and would be overwritten and at the end removed; name another file", o.kubeconfig)
	}
	dir, err := newFolder()
	if err != nil {
		return err
	}
	if o.logs == "" {
		o.logs = dir.path
	}
	if o.kubeconfig == "" {
		o.kubeconfig = filepath.Join(dir.path, "kubeconfig")
	}
	var group processGroup
	clean := sync.OnceFunc(func() {
		group.kill()
		os.Remove(o.kubeconfig)
		dir.remove()
	})
	defer clean()
	if o.kubeconfig, err = filepath.Abs(o.kubeconfig); err != nil {
		return fmt.Errorf("--kubeconfig: %w", err)
	}
	if err := os.MkdirAll(o.logs, 0o755); err != nil {
		return fmt.Errorf("--logs: %w", err)
	}
	// A part that gives up through klog ends the process; it must not leave anything behind either.
	klog.OsExit = func(status int) {
		clean()
		os.Exit(status)
	}

	// The garbage of the start is not worth collecting: it takes a quarter of the time.
	collect := debug.SetGCPercent(400)
	ctx, interrupted := interruptible(clean)
	c, err := cluster.Start(ctx, cluster.Config{Dir: dir.path, Logs: o.logs, Kubeconfig: o.kubeconfig, Progress: progress()})
	defer c.Stop()
	if err != nil {
		if ctx.Err() != nil {
			return interrupted()
		}
		return err
	}
	debug.SetGCPercent(collect)
	debug.FreeOSMemory()
	fmt.Fprintf(os.Stderr, "ready after %.1f s\n", time.Since(began).Seconds())

	if len(args) > 0 {
		return execute(ctx, c, o.kubeconfig, args, &group)
	}
	fmt.Fprintf(os.Stderr, "istiod serves xDS at %s; stop with Ctrl-C\n", c.XDS())
	fmt.Printf("export KUBECONFIG=%s\nexport KUBE_CONFIG_PATH=%s\n", o.kubeconfig, o.kubeconfig)
	select {
	case <-ctx.Done():
		return nil
	case err := <-c.Failed():
		return err
	}
}

// progress prints a line per part, with the seconds that it took.
func progress() func(string, time.Duration) {
	var mu sync.Mutex
	return func(part string, took time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(os.Stderr, "%-24s %5.1f s\n", part, took.Seconds())
	}
}

// stopped is why a context ended: a signal, from outside or, when the parent process has ended, from here.
type stopped struct{ os.Signal }

func (s stopped) Error() string { return "stopped by signal " + s.String() }

// interruptible returns a context that ends with the first signal to stop, or when the parent process is
// gone. The second signal ends the process, after clean. The function returned says how the process is to end
// when it was stopped before it was ready.
func interruptible(clean func()) (context.Context, func() error) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		s := <-signals
		cancel(stopped{s})
		s = <-signals
		clean()
		os.Exit(128 + int(s.(syscall.Signal)))
	}()
	// No signal tells of the parent's end in a way that Linux and macOS share, but the parent's id changes.
	parent := os.Getppid()
	go func() {
		for os.Getppid() == parent {
			time.Sleep(200 * time.Millisecond)
		}
		cancel(stopped{syscall.SIGTERM})
	}()
	return ctx, func() error {
		s := context.Cause(ctx).(stopped)
		return exitStatus(128 + int(s.Signal.(syscall.Signal)))
	}
}
