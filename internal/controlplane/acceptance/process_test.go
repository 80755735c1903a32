package acceptance

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// deadline limits every wait. A loaded machine needs a small fraction of it.
const deadline = 2 * time.Minute

var (
	binary string       // path of the control plane
	shared *rest.Config // client configuration of the control plane that most tests share, with all permissions
	config string       // path of its kubeconfig
)

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) (status int) {
	dir, err := os.MkdirTemp("", "acceptance-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	if binary, err = filepath.Abs(filepath.Join("..", "..", "..", ".build", "controlplane")); err != nil {
		panic(err)
	}
	if _, err := os.Stat(binary); err != nil {
		fmt.Fprintf(os.Stderr, "there is no control plane to test: run make controlplane (%v)\n", err)
		return 1
	}
	p, err := launch(dir)
	if err != nil {
		panic(err)
	}
	defer func() {
		if err := p.interrupt(syscall.SIGTERM); err != nil {
			fmt.Fprintf(os.Stderr, "the shared control plane: %v\n%s\n", err, &p.stderr)
			status = 1
		}
	}()
	if config, err = p.kubeconfig(); err != nil {
		panic(err)
	}
	if shared, err = clientcmd.BuildConfigFromFlags("", config); err != nil {
		panic(err)
	}
	shared.QPS = -1
	return m.Run()
}

// process is a program that a test started.
type process struct {
	*exec.Cmd
	stdout *bufio.Reader
	stderr buffer
}

// launch starts the control plane, or a program that starts it.
func launch(dir string, args ...string) (*process, error) {
	return launchProgram(dir, binary, args...)
}

func launchProgram(dir, program string, args ...string) (*process, error) {
	// StdoutPipe would be closed when the process ends. This pipe ends only when all its descendants have ended, too.
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	p := &process{Cmd: exec.Command(program, args...), stdout: bufio.NewReader(r)}
	p.Env = append(os.Environ(), "TMPDIR="+dir)
	p.Stdout, p.Stderr = w, &p.stderr
	p.WaitDelay = deadline
	if err := p.Start(); err != nil {
		return nil, err
	}
	return p, nil
}

// kubeconfig waits for the two lines that are printed when the control plane is ready, and returns the kubeconfig's path.
func (p *process) kubeconfig() (string, error) {
	var lines [2]string
	for i, prefix := range []string{"export KUBECONFIG=", "export KUBE_CONFIG_PATH="} {
		line, err := p.stdout.ReadString('\n')
		if err != nil {
			return "", fmt.Errorf("the control plane did not start: %w\n%s", err, &p.stderr)
		}
		var ok bool
		if lines[i], ok = strings.CutPrefix(strings.TrimSpace(line), prefix); !ok {
			return "", fmt.Errorf("line %d of the output is %q", i+1, line)
		}
	}
	if lines[0] != lines[1] {
		return "", fmt.Errorf("two kubeconfigs: %q", lines)
	}
	return lines[0], nil
}

// interrupt sends a signal and waits for the process to end.
func (p *process) interrupt(s os.Signal) error {
	if err := p.Process.Signal(s); err != nil {
		return err
	}
	return p.Wait()
}

// gone waits until no process can write to the program's output any more, and returns the rest of the output.
func (p *process) gone() (string, error) {
	type result struct {
		out []byte
		err error
	}
	done := make(chan result, 1)
	go func() {
		out, err := io.ReadAll(p.stdout)
		done <- result{out, err}
	}()
	select {
	case r := <-done:
		return string(r.out), r.err
	case <-time.After(deadline):
		return "", errors.New("a process is left")
	}
}

// leavesNothing fails the test if dir is not empty.
func leavesNothing(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Errorf("left behind: %s", e.Name())
	}
}

// buffer is a bytes.Buffer that is safe for concurrent use.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
