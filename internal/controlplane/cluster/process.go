package cluster

import (
	"context"
	"errors"
	"io"
	stdlog "log"
	"time"

	"github.com/spf13/pflag"
	"google.golang.org/grpc/grpclog"
	"k8s.io/client-go/rest"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/textlogger"
)

// What follows is shared by all parts because a process has it once.

// logGlobally sends what is not logged through a context to w; nearly all of it comes from the API server.
func logGlobally(w io.Writer) {
	klog.SetLogger(logger(w))
	stdlog.SetOutput(w)
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, w))
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
}

// withLog makes those who log through their context write to the part's own log.
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

// closed returns nil once up is closed; it waits for that a moment.
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

// poll asks done again until it returns nil; when ctx ends first, it returns done's last error.
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
