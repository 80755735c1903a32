package acceptance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/protobuf/types/known/structpb"
	networkingv1 "istio.io/api/networking/v1"
	networkingv1alpha3 "istio.io/api/networking/v1alpha3"
	clientv1 "istio.io/client-go/pkg/apis/networking/v1"
	clientv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"
	istio "istio.io/client-go/pkg/clientset/versioned"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// site is a gateway with proxies and a load balancer, and the application that it routes to.
type site struct {
	t         *testing.T
	client    kubernetes.Interface
	namespace string
	url       string // of the load balancer
}

// newSite creates a site for the host www.example.test in the cluster, and waits until it answers.
func newSite(t *testing.T, config *rest.Config, namespace string) *site {
	t.Helper()
	s := &site{t: t, client: kubernetes.NewForConfigOrDie(config), namespace: namespace}
	proxies := deployment("gateway", 1)
	proxies.Spec.Template.Labels["sidecar.istio.io/inject"] = "true"
	proxies.Spec.Template.Annotations = map[string]string{"inject.istio.io/templates": "gateway"}
	proxies.Spec.Template.Spec.Containers[0].Name, proxies.Spec.Template.Spec.Containers[0].Image = "istio-proxy", "auto"
	app := deployment("app", 1)
	app.Spec.Template.Spec.Containers[0].Ports = []corev1.ContainerPort{{ContainerPort: 9090}}
	balancer := service("gateway", corev1.ServiceTypeLoadBalancer)
	balancer.Spec.Ports = []corev1.ServicePort{{Name: "http", Port: 80, TargetPort: intstr.FromInt32(80)}, {Name: "status", Port: 15021}}
	for _, d := range []any{proxies, app} {
		s.create("apis/apps/v1", "deployments", d)
	}
	for _, o := range []any{service("app", corev1.ServiceTypeClusterIP), balancer} {
		s.create("api/v1", "services", o)
	}
	routing := istio.NewForConfigOrDie(config).NetworkingV1()
	if _, err := routing.Gateways(namespace).Create(t.Context(), &clientv1.Gateway{
		ObjectMeta: metav1.ObjectMeta{Name: "gateway"},
		Spec: networkingv1.Gateway{Selector: map[string]string{"app": "gateway"}, Servers: []*networkingv1.Server{{
			Port: &networkingv1.Port{Number: 80, Name: "http", Protocol: "HTTP"}, Hosts: []string{namespace + "/www.example.test"},
		}}},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := routing.VirtualServices(namespace).Create(t.Context(), &clientv1.VirtualService{
		ObjectMeta: metav1.ObjectMeta{Name: "www"},
		Spec: networkingv1.VirtualService{Hosts: []string{"www.example.test"}, Gateways: []string{"gateway"}, Http: []*networkingv1.HTTPRoute{{
			Route: []*networkingv1.HTTPRouteDestination{{Destination: &networkingv1.Destination{Host: "app"}}},
		}}},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	public, err := s.client.CoreV1().ConfigMaps("istio-system").Get(t.Context(), "lamia-controlplane", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	low, err := strconv.Atoi(public.Data["lowPorts"])
	if err != nil || public.Data["traffic"] == "" {
		t.Fatalf("%v: %v", public.Data, err)
	}
	eventually(t, func() error {
		live, err := s.client.CoreV1().Services(namespace).Get(t.Context(), "gateway", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if len(live.Status.LoadBalancer.Ingress) != 1 {
			return fmt.Errorf("load balancer %+v", live.Status.LoadBalancer)
		}
		s.url = fmt.Sprintf("http://%s:%d", live.Status.LoadBalancer.Ingress[0].IP, 80+low)
		return s.answers()
	})
	return s
}

func (s *site) create(group, resource string, object any) {
	s.t.Helper()
	body, err := json.Marshal(object)
	if err == nil {
		err = s.client.CoreV1().RESTClient().Post().AbsPath("/"+group).Namespace(s.namespace).Resource(resource).
			SetHeader("Content-Type", "application/json").Body(body).Do(s.t.Context()).Error()
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// answers returns nil if the application answers a request through the gateway.
func (s *site) answers() error {
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+"/path", nil)
	if err != nil {
		return err
	}
	request.Host, request.Close = "www.example.test", true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	var answer struct{ Namespace, Path string }
	if response.StatusCode != http.StatusOK || json.Unmarshal(body, &answer) != nil || answer.Namespace != s.namespace || answer.Path != "/path" {
		return fmt.Errorf("%s: %s", response.Status, body)
	}
	return nil
}

// pod returns the gateway's pod, and whether it is ready.
func (s *site) pod() (*corev1.Pod, bool) {
	s.t.Helper()
	pods, err := s.client.CoreV1().Pods(s.namespace).List(s.t.Context(), metav1.ListOptions{LabelSelector: "app=gateway"})
	if err != nil || len(pods.Items) != 1 {
		s.t.Fatalf("%v: %v", pods, err)
	}
	status := pods.Items[0].Status.ContainerStatuses
	return &pods.Items[0], len(status) == 1 && status[0].Ready
}

// envoys returns the IDs of the Envoy processes whose command line contains text.
func envoys(t *testing.T, text string) (ids []int) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(files) == 0 {
		t.Fatalf("no processes: %v", err)
	}
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err == nil && bytes.Contains(line, []byte("--config-yaml")) && bytes.Contains(line, []byte(text)) {
			id, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
	}
	return ids
}

// A gateway runs a real Envoy: it answers through its load balancer, restarts after a crash, and stops with its pod.
func TestTraffic(t *testing.T) {
	t.Parallel()
	s := newSite(t, shared, namespace(t, nil))
	pod, ready := s.pod()
	if !ready || pod.Status.ContainerStatuses[0].RestartCount != 0 {
		t.Errorf("it answers, but its status is %+v", pod.Status)
	}
	processes := envoys(t, pod.Name)
	if len(processes) != 1 {
		t.Fatalf("processes %v", processes)
	}
	if err := syscall.Kill(processes[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		pod, ready = s.pod()
		if status := pod.Status.ContainerStatuses[0]; !ready || status.RestartCount == 0 || status.LastTerminationState.Terminated == nil {
			return fmt.Errorf("status %+v", status)
		}
		return s.answers()
	})
	if err := s.client.AppsV1().Deployments(s.namespace).Delete(t.Context(), "gateway", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		if left := envoys(t, pod.Name); len(left) > 0 {
			return fmt.Errorf("processes %v are left", left)
		}
		return nil
	})
	// The load balancer has no pods any more, and is then deleted.
	eventually(t, func() error {
		if err := s.answers(); err == nil {
			return fmt.Errorf("it still answers")
		}
		return nil
	})
	if err := s.client.CoreV1().Services(s.namespace).Delete(t.Context(), "gateway", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err == nil {
			conn.Close()
			return fmt.Errorf("the load balancer still listens")
		}
		return nil
	})
}

// A configuration that Envoy rejects is reported as an event of the pod, and Envoy keeps its previous configuration.
func TestTrafficRejected(t *testing.T) {
	t.Parallel()
	s := newSite(t, shared, namespace(t, nil))
	value, err := structpb.NewStruct(map[string]any{
		"name": "envoy.filters.http.lua",
		"typed_config": map[string]any{
			"@type":               "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
			"default_source_code": map[string]any{"inline_string": "this is not Lua"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := istio.NewForConfigOrDie(shared).NetworkingV1alpha3().EnvoyFilters(s.namespace).Create(t.Context(), &clientv1alpha3.EnvoyFilter{
		ObjectMeta: metav1.ObjectMeta{Name: "broken"},
		Spec: networkingv1alpha3.EnvoyFilter{ConfigPatches: []*networkingv1alpha3.EnvoyFilter_EnvoyConfigObjectPatch{{
			ApplyTo: networkingv1alpha3.EnvoyFilter_HTTP_FILTER,
			Patch:   &networkingv1alpha3.EnvoyFilter_Patch{Operation: networkingv1alpha3.EnvoyFilter_Patch_INSERT_FIRST, Value: value},
		}}},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		events, err := s.client.CoreV1().Events(s.namespace).List(t.Context(), metav1.ListOptions{FieldSelector: "reason=Rejected,involvedObject.kind=Pod"})
		if err == nil && (len(events.Items) == 0 || !strings.Contains(events.Items[0].Message, "this is not Lua")) {
			err = fmt.Errorf("events %v", events.Items)
		}
		return err
	})
	if err := s.answers(); err != nil {
		t.Error(err)
	}
}

// No request fails while the API server restarts, and the gateway follows its objects again afterwards.
func TestTrafficWithoutAPIServer(t *testing.T) {
	t.Parallel()
	p, _ := start(t, "--traffic", "--logs", t.TempDir())
	kubeconfig, err := p.kubeconfig()
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, config, "default")
	restarted := func() bool { return strings.Count(p.stderr.String(), "\nkube-apiserver ") > 1 }
	if err := p.Process.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	asked, refused := 0, false
	eventually(t, func() error {
		if _, err := s.client.Discovery().ServerVersion(); err != nil {
			refused = true
		}
		asked++
		if err := s.answers(); err != nil {
			t.Fatalf("request %d: %v\n%s", asked, err, &p.stderr)
		}
		if !restarted() {
			return fmt.Errorf("the API server has not restarted:\n%s", &p.stderr)
		}
		return nil
	})
	if !refused {
		t.Errorf("the API server was there during all of %d requests", asked)
	}
	services := istio.NewForConfigOrDie(config).NetworkingV1().VirtualServices("default")
	eventually(t, func() error { return services.Delete(t.Context(), "www", metav1.DeleteOptions{}) })
	eventually(t, func() error {
		if err := s.answers(); err == nil {
			return fmt.Errorf("it still answers")
		}
		return nil
	})
}

// Processes of pods end with the control plane, even if it is killed. Its logs remain.
func TestTrafficEnds(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		logs := t.TempDir()
		p, dir := start(t, "--traffic", "--logs", logs)
		kubeconfig, err := p.kubeconfig()
		if err != nil {
			t.Fatal(err)
		}
		config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
		if err != nil {
			t.Fatal(err)
		}
		newSite(t, config, "default")
		if running := envoys(t, dir); len(running) != 1 {
			t.Fatalf("processes %v", running)
		}
		p.interrupt(signal) //nolint:errcheck // fails if the process is killed
		eventually(t, func() error {
			if left := envoys(t, dir); len(left) > 0 {
				return fmt.Errorf("processes %v are left after %v", left, signal)
			}
			return nil
		})
		for pod, says := range map[string]string{"gateway": "", "app": "www.example.test/path"} {
			files, err := filepath.Glob(filepath.Join(logs, "pod-default-"+pod+"-*.log"))
			if err != nil || len(files) != 1 {
				t.Fatalf("logs of pod %s: %v, %v", pod, files, err)
			}
			if content, err := os.ReadFile(files[0]); err != nil || !strings.Contains(string(content), says) {
				t.Errorf("%s: %s, %v", files[0], content, err)
			}
		}
	}
}

// Without Envoy, the control plane simulates pods and prints why, and fails with --traffic.
func TestNoEnvoy(t *testing.T) {
	t.Parallel()
	// A copy without Envoy next to it.
	alone := filepath.Join(t.TempDir(), "controlplane")
	content, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(alone, content, 0o700); err != nil {
		t.Fatal(err)
	}
	const why = "there is no envoy on the PATH or next to this program"
	run := func(args ...string) (int, string) {
		cmd := exec.CommandContext(t.Context(), alone, args...)
		cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir(), "PATH="+t.TempDir())
		out, err := cmd.CombinedOutput()
		return exitCode(t, err), string(out)
	}
	if code, out := run("--traffic"); code != 1 || !strings.Contains(out, "controlplane: --traffic: "+why) {
		t.Errorf("exit status %d: %s", code, out)
	}
	if code, out := run("--", "/bin/sh", "-c", "exit 7"); code != 7 || !strings.Contains(out, "\npods are simulated and do not answer requests: "+why) {
		t.Errorf("exit status %d: %s", code, out)
	}
	if code, out := run("--traffic=false", "--", "/bin/sh", "-c", "exit 7"); code != 7 || strings.Contains(out, "requests") {
		t.Errorf("exit status %d: %s", code, out)
	}
}
