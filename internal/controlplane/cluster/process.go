package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"
	"google.golang.org/grpc/grpclog"
	istiolog "istio.io/istio/pkg/log"
	"k8s.io/client-go/rest"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/textlogger"
)

// logGlobally redirects loggers that the process has only once to files: Istio's to istiod's log, and all others, which mostly the API server
// uses, to that of kube-apiserver.
func (c *Cluster) logGlobally() error {
	// Istio's logger is first, because it also replaces the output of the standard library's.
	istio := istiolog.DefaultOptions()
	istio.OutputPaths = []string{filepath.Join(c.Logs, "istiod.log")}
	istio.ErrorOutputPaths = istio.OutputPaths
	if err := istiolog.Configure(istio); err != nil {
		return err
	}
	file, err := openLog(c.Logs, "kube-apiserver")
	if err != nil {
		return err
	}
	klog.SetLogger(logger(file))
	// Kubernetes' components exit when they cannot continue. Here that is reported as a failure instead.
	klog.OsExit = func(status int) {
		p := part{name: "Kubernetes", log: file}
		c.fail(p.failed(fmt.Errorf("exited with status %d", status)))
		select {}
	}
	stdlog.SetOutput(file)
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, file))
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
	return nil
}

func openLog(dir, part string) (*os.File, error) {
	return os.OpenFile(filepath.Join(dir, part+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

// withLog returns a context in which loggers write to the part's own log.
func withLog(ctx context.Context, p *part) context.Context {
	return klog.NewContext(ctx, logger(p.log))
}

func logger(w io.Writer) klog.Logger {
	return textlogger.NewLogger(textlogger.NewConfig(textlogger.Output(w)))
}

// parse sets a Kubernetes component's options as its command line would.
func parse(component string, sets cliflag.NamedFlagSets, flags ...string) error {
	all := pflag.NewFlagSet(component, pflag.ContinueOnError)
	for _, set := range sets.FlagSets {
		all.AddFlagSet(set)
	}
	return all.Parse(flags)
}

var errNotUp = errors.New("is still starting")

// closed returns nil if up is closed before ctx or the part ends.
func closed(ctx context.Context, p *part, up <-chan struct{}) error {
	select {
	case <-up:
		return nil
	case <-p.ended:
		return errNotUp
	case <-ctx.Done():
		return errNotUp
	}
}

// poll calls done repeatedly until it returns nil. If ctx ends first, poll returns its cause and the last error of done.
func poll(ctx context.Context, done func() error) error {
	for {
		err := done()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-time.After(25 * time.Millisecond):
		}
	}
}
