package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"
)

// readyTimeout is how long a part may take to become ready. A loaded machine needs a small fraction of it.
const readyTimeout = 2 * time.Minute

// logLines is the number of lines of a part's log that an error shows.
const logLines = 20

// part is a component of the cluster. It runs in this process and has its own log.
type part struct {
	name string
	log  *os.File
	// run blocks until ctx ends.
	run func(ctx context.Context) error
	// ready returns nil once the part serves its purpose. It is called repeatedly until then.
	ready func(ctx context.Context) error

	stop  context.CancelFunc
	ended chan struct{}
	err   error // the result of run, valid once ended is closed
}

// PartError is the failure of a part, with the last lines of its log.
type PartError struct {
	Part string
	Err  error
	Log  string
}

func (e *PartError) Error() string {
	s := fmt.Sprintf("%s: %v", e.Part, e.Err)
	if e.Log != "" {
		s += "\nthe last lines of its log:\n" + e.Log
	}
	return s
}

func (e *PartError) Unwrap() error { return e.Err }

// start runs the part. It calls fail if the part ends on its own.
func (p *part) start(fail func(error)) {
	// The part must outlive the context of its start.
	ctx, cancel := context.WithCancel(context.Background())
	p.stop, p.ended = cancel, make(chan struct{})
	go func() {
		defer close(p.ended)
		defer func() {
			if r := recover(); r != nil {
				p.err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
			}
		}()
		p.err = p.run(ctx)
	}()
	go func() {
		<-p.ended
		if ctx.Err() == nil {
			fail(p.failed(errors.Join(errors.New("ended unexpectedly"), p.err)))
		}
	}()
}

// await blocks until the part is ready, has ended, or ctx ends.
func (p *part) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readyTimeout, fmt.Errorf("not ready after %s", readyTimeout))
	defer cancel()
	var err error
	for {
		attempt, cancelAttempt := context.WithTimeout(ctx, 10*time.Second)
		err = p.ready(attempt)
		cancelAttempt()
		if err == nil {
			return nil
		}
		select {
		case <-p.ended:
			return p.failed(errors.Join(errors.New("did not start"), p.err))
		case <-ctx.Done():
			if other := (*PartError)(nil); errors.As(context.Cause(ctx), &other) {
				return other
			}
			return p.failed(fmt.Errorf("%w: %w", context.Cause(ctx), err))
		case <-time.After(25 * time.Millisecond):
		}
	}
}

func (p *part) failed(err error) error {
	return &PartError{Part: p.name, Err: err, Log: p.tail()}
}

// tail returns the last lines of the part's log, indented.
func (p *part) tail() string {
	content, err := os.ReadFile(p.log.Name())
	if err != nil || len(bytes.TrimSpace(content)) == 0 {
		return ""
	}
	lines := strings.Split(strings.TrimRight(string(content), "\n"), "\n")
	return "  " + strings.Join(lines[max(0, len(lines)-logLines):], "\n  ")
}

// halt stops the part and waits for its end, at most for patience.
func (p *part) halt(patience time.Duration) {
	p.stop()
	select {
	case <-p.ended:
	case <-time.After(patience):
	}
}
