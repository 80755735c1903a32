package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/magneticio/terraform-provider-lamia/internal/controlplane/cluster"
	"github.com/magneticio/terraform-provider-lamia/internal/controlplane/proxy"
)

type options struct {
	kubeconfig string
	logs       string
	traffic    bool
	chosen     bool // whether --traffic was set
}

// run starts a cluster and runs it until a signal, the end of the parent process, the failure of a part, or the end of the command.
func run(o options, args []string) error {
	began := time.Now()
	var left leftovers
	defer left.clean()
	ctx, interrupted := interruptible(&left)

	if _, err := os.Lstat(o.kubeconfig); err == nil {
		return fmt.Errorf("--kubeconfig: %s already exists and would be overwritten, and removed on exit; choose another file", o.kubeconfig)
	}
	envoy, version, err := o.envoy()
	if err != nil && o.chosen {
		return fmt.Errorf("--traffic: %w", err)
	}
	simulated := err
	dir, err := newFolder()
	if err != nil {
		return err
	}
	left.add(dir.remove)
	if o.logs == "" {
		o.logs = dir.path
	}
	if err := os.MkdirAll(o.logs, 0o755); err != nil {
		return fmt.Errorf("--logs: %w", err)
	}
	if o.kubeconfig == "" {
		o.kubeconfig = filepath.Join(dir.path, "kubeconfig")
	}
	if o.kubeconfig, err = filepath.Abs(o.kubeconfig); err != nil {
		return fmt.Errorf("--kubeconfig: %w", err)
	}
	left.add(func() { os.Remove(o.kubeconfig) })

	console, undo, err := divert(o.logs)
	if err != nil {
		return fmt.Errorf("--logs: %w", err)
	}
	defer undo()

	// Collecting garbage during the start would take a quarter of its time.
	collect := debug.SetGCPercent(400)
	c, err := cluster.Start(ctx, cluster.Config{Dir: dir.path, Logs: o.logs, Kubeconfig: o.kubeconfig, Envoy: envoy, Version: version, Progress: progress(console)})
	if err != nil {
		// Stop is not called: parts that are stopped while they start are not reliable, and some panic. The process ends now, and they with it.
		if ctx.Err() != nil {
			return interrupted()
		}
		return err
	}
	defer c.Stop()
	debug.SetGCPercent(collect)
	debug.FreeOSMemory()
	fmt.Fprintf(console, "ready after %.1f s\n", time.Since(began).Seconds())
	switch {
	case simulated != nil:
		fmt.Fprintf(console, "pods are simulated and do not answer requests: %v\n", simulated)
	case c.LowPorts() != 0:
		fmt.Fprintf(console, "Envoy %s serves requests; only root can listen on ports below 1024, so load balancers listen on %d instead of 80 and %d instead of 443\n",
			version, 80+c.LowPorts(), 443+c.LowPorts())
	case envoy != "":
		fmt.Fprintf(console, "Envoy %s serves requests\n", version)
	}

	go restarts(ctx, c, console)
	if len(args) > 0 {
		return execute(ctx, c, o.kubeconfig, args, console, &left)
	}
	fmt.Fprintf(console, "istiod serves xDS at %s; stop with Ctrl-C\n", c.XDS())
	fmt.Printf("export KUBECONFIG=%s\nexport KUBE_CONFIG_PATH=%s\n", o.kubeconfig, o.kubeconfig)
	select {
	case <-ctx.Done():
		return nil
	case err := <-c.Failed():
		return err
	}
}

// restarts restarts the API server on each SIGUSR1, to test that clients survive it.
func restarts(ctx context.Context, c *cluster.Cluster, console *os.File) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	defer signal.Stop(signals)
	for {
		select {
		case <-ctx.Done():
			return
		case <-signals:
			if err := c.RestartAPIServer(ctx); err != nil {
				fmt.Fprintf(console, "controlplane: the API server did not restart: %v\n", err)
			}
		}
	}
}

// envoy returns the path and version of the Envoy to use, or "" if --traffic=false.
func (o options) envoy() (path, version string, err error) {
	if o.chosen && !o.traffic {
		return "", "", nil
	}
	if err := proxy.Supported(); err != nil {
		return "", "", err
	}
	return proxy.Find()
}

// progress prints a line per part with the seconds that it took to start.
func progress(console *os.File) func(string, time.Duration) {
	var mu sync.Mutex
	return func(part string, took time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(console, "%-24s %5.1f s\n", part, took.Seconds())
	}
}

// stopped is the cause of a canceled context: a signal from outside, or SIGTERM when the parent process has ended.
type stopped struct{ os.Signal }

func (s stopped) Error() string { return "stopped by signal " + s.String() }

// interruptible returns a context that ends with the first SIGINT, SIGTERM or SIGHUP, or when the parent process ends. A second signal
// cleans up and ends the process at once. The returned function gives the exit status for a start that was interrupted.
func interruptible(left *leftovers) (context.Context, func() error) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		s := <-signals
		cancel(stopped{s})
		s = <-signals
		left.clean()
		os.Exit(128 + int(s.(syscall.Signal)))
	}()
	// Linux and macOS have no common signal for the end of the parent process, but both change the parent's ID.
	parent := os.Getppid()
	go func() {
		for os.Getppid() == parent {
			time.Sleep(200 * time.Millisecond)
		}
		cancel(stopped{syscall.SIGTERM})
	}()
	return ctx, func() error {
		return exitStatus(128 + int(signalOf(ctx)))
	}
}

// signalOf returns the signal that ended the context of interruptible.
func signalOf(ctx context.Context) syscall.Signal {
	var s stopped
	errors.As(context.Cause(ctx), &s)
	return s.Signal.(syscall.Signal)
}

// leftovers are the functions to call before the process ends, however it ends.
type leftovers struct {
	mu     sync.Mutex
	remove []func()
}

func (l *leftovers) add(remove func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remove = append(l.remove, remove)
}

// clean calls the functions that were added, the last one first.
func (l *leftovers) clean() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, remove := range slices.Backward(l.remove) {
		remove()
	}
	l.remove = nil
}
