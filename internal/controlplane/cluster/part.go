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

// readyTimeout bounds how long one part may take to become ready: many times what a loaded machine needs.
const readyTimeout = 2 * time.Minute

// logLines is how many lines of a part's log an error shows.
const logLines = 20

// part is a member of the control plane, in this process, with a log of its own.
type part struct {
	name string
	log  *os.File
	// run works until ctx ends.
	run func(ctx context.Context) error
	// ready returns nil once the part does what it is for; it is asked again until then.
	ready func(ctx context.Context) error

	stop  context.CancelFunc
	ended chan struct{}
	err   error // why run returned, once ended is closed
}

// PartError says which part of the control plane failed, why, and what it logged last.
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

// start runs the part. When it ends by itself, fail is told.
func (p *part) start(fail func(error)) {
	// A part does not end with the context that it is started in.
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

// await returns when the part is ready, has ended, or ctx ends.
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

// halt ends the part and waits for it, but no longer than patience.
func (p *part) halt(patience time.Duration) {
	p.stop()
	select {
	case <-p.ended:
	case <-time.After(patience):
	}
}
