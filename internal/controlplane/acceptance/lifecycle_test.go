package acceptance

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// start starts a control plane with its files in a folder of the test.
func start(t *testing.T, args ...string) (*process, string) {
	t.Helper()
	dir := t.TempDir()
	p, err := launch(dir, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill() }) // most have already ended
	return p, dir
}

func exitCode(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if exit == nil {
		return 0
	}
	return exit.ExitCode()
}

func TestSignalStopsCleanly(t *testing.T) {
	t.Parallel()
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	p, dir := start(t, "--kubeconfig", kubeconfig)
	written, err := p.kubeconfig()
	if err != nil {
		t.Fatal(err)
	}
	if written != kubeconfig {
		t.Errorf("the kubeconfig is %s, not %s", written, kubeconfig)
	}
	if info, err := os.Stat(kubeconfig); err != nil {
		t.Error(err)
	} else if info.Mode().Perm() != 0o600 {
		t.Errorf("the kubeconfig's mode is %s", info.Mode())
	}
	for _, part := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "istiod", "node", "load-balancer"} {
		if !strings.Contains(p.stderr.String(), "\n"+part+" ") && !strings.HasPrefix(p.stderr.String(), part+" ") {
			t.Errorf("no line about %s in:\n%s", part, &p.stderr)
		}
	}
	if code := exitCode(t, p.interrupt(syscall.SIGINT)); code != 0 {
		t.Errorf("exit status %d\n%s", code, &p.stderr)
	}
	leavesNothing(t, dir)
	leavesNothing(t, filepath.Dir(kubeconfig))
}

// A part that is still starting must not delay the end or crash because of it.
func TestSignalDuringTheStart(t *testing.T) {
	t.Parallel()
	for _, after := range []string{"etcd ", "kube-apiserver ", "Istio's charts "} {
		p, dir := start(t)
		eventually(t, func() error {
			if !strings.Contains(p.stderr.String(), after) {
				return errors.New(p.stderr.String())
			}
			return nil
		})
		if code := exitCode(t, p.interrupt(syscall.SIGTERM)); code != 128+int(syscall.SIGTERM) {
			t.Errorf("after %s: exit status %d\n%s", after, code, &p.stderr)
		}
		if out, err := p.gone(); err != nil || out != "" {
			t.Errorf("after %s: output %q: %v", after, out, err)
		}
		leavesNothing(t, dir)
	}
}

func TestSecondSignalForces(t *testing.T) {
	t.Parallel()
	// The command ignores the first signal, so the second one arrives before it ends.
	p, dir := start(t, "--", "sh", "-c", `trap "echo ignored" TERM; echo up; while :; do sleep 0.1; done`)
	for _, line := range []string{"up\n", "ignored\n"} {
		if got, err := p.stdout.ReadString('\n'); got != line {
			t.Fatalf("%q instead of %q: %v\n%s", got, line, err, &p.stderr)
		}
		if err := p.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	if code := exitCode(t, p.Wait()); code != 128+int(syscall.SIGTERM) {
		t.Errorf("exit status %d", code)
	}
	if _, err := p.gone(); err != nil {
		t.Error(err)
	}
	leavesNothing(t, dir)
}

func TestCommand(t *testing.T) {
	t.Parallel()
	// The command leaves a process of its group running, and exits with its own status on the signal.
	p, dir := start(t, "--", "sh", "-c", `
		test "$KUBECONFIG" = "$LAMIA_TEST_KUBECONFIG" && test "$KUBECONFIG" = "$KUBE_CONFIG_PATH" && test -s "$KUBECONFIG" || exit 1
		sleep 1000 &
		trap "exit 9" TERM
		echo up
		while :; do sleep 0.1; done`)
	if line, err := p.stdout.ReadString('\n'); line != "up\n" {
		t.Fatalf("%q: %v\n%s", line, err, &p.stderr)
	}
	if code := exitCode(t, p.interrupt(syscall.SIGTERM)); code != 9 {
		t.Errorf("exit status %d, not the command's\n%s", code, &p.stderr)
	}
	if _, err := p.gone(); err != nil {
		t.Error(err)
	}
	leavesNothing(t, dir)
}

func TestParentKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p, err := launchProgram(dir, "sh", "-c", `"$0" & wait`, binary)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.kubeconfig(); err != nil {
		t.Fatal(err)
	}
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.gone(); err != nil {
		t.Error(err)
	}
	leavesNothing(t, dir)
}

func TestFailureNamesThePart(t *testing.T) {
	t.Parallel()
	// The path of a Unix socket is limited to about 100 characters.
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 30))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	p, err := launch(dir)
	if err != nil {
		t.Fatal(err)
	}
	if code := exitCode(t, p.Wait()); code != 1 {
		t.Errorf("exit status %d", code)
	}
	for _, want := range []string{"controlplane: etcd: did not start\n", "bind: invalid argument", "\nthe last lines of its log:\n  "} {
		if !strings.Contains(p.stderr.String(), want) {
			t.Errorf("no %q in:\n%s", want, &p.stderr)
		}
	}
	leavesNothing(t, dir)
}

func TestFolderOfAKilledProcessIsSwept(t *testing.T) {
	t.Parallel()
	p, dir := start(t, "--logs", t.TempDir())
	if _, err := p.kubeconfig(); err != nil {
		t.Fatal(err)
	}
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.Wait() //nolint:errcheck // it was killed
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) != 1 {
		t.Fatalf("%v: %v", left, err)
	}
	// Recent folders are not removed, because their process may not have locked them yet.
	hourAgo := time.Now().Add(-time.Hour)
	if err := os.Chtimes(left[0], hourAgo, hourAgo); err != nil {
		t.Fatal(err)
	}
	next, err := launch(dir, "--", "false")
	if err != nil {
		t.Fatal(err)
	}
	if code := exitCode(t, next.Wait()); code != 1 {
		t.Errorf("exit status %d\n%s", code, &next.stderr)
	}
	leavesNothing(t, dir)
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	exists := filepath.Join(t.TempDir(), "exists")
	if err := os.WriteFile(exists, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, test := range []struct {
		args []string
		want string
	}{
		{[]string{"true"}, `unexpected argument "true"; to run a command, put it after --`},
		{[]string{"--kubeconfig", exists}, "already exists and would be overwritten"},
		{[]string{"--logs", exists}, "--logs: mkdir"},
		{[]string{"--kubeconfig", "/dev/null/x"}, "not a directory"},
		{[]string{"kubeconfig"}, `required flag(s) "service-account" not set`},
		{[]string{"kubeconfig", "--service-account", "nobody"}, "KUBECONFIG: "},
	} {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			cmd := exec.Command(binary, test.args...)
			cmd.Env = append(os.Environ(), "TMPDIR="+dir, "KUBECONFIG="+filepath.Join(dir, "none"))
			out, err := cmd.CombinedOutput()
			if code := exitCode(t, err); code != 1 || !strings.Contains(string(out), test.want) {
				t.Errorf("%v: exit status %d, %s", test.args, code, out)
			}
			leavesNothing(t, dir)
		})
	}
	if content, err := os.ReadFile(exists); string(content) != "mine" {
		t.Errorf("%q: %v", content, err)
	}
}
