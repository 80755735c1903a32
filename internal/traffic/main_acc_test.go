package traffic_test

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"os"
	"runtime"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	"github.com/magneticio/terraform-provider-lamia/internal/traffic"
)

func TestMain(m *testing.M) { acctest.Main(m) }

// image is the image of package echo's application. .ci/kind builds it for kind, and LAMIA_TEST_ECHO_IMAGE sets it for other clusters. Pods of
// the embedded control plane always run this application.
var image = cmp.Or(os.Getenv("LAMIA_TEST_ECHO_IMAGE"), "docker.io/magneticio/lamia-echo:test")

// plane is the cluster under test with its data plane.
type plane struct {
	*traffic.Cluster
	t      *testing.T
	client kubernetes.Interface
}

// newPlane returns the data plane of the cluster. It skips the test where the embedded control plane cannot have one.
func newPlane(t *testing.T) plane {
	t.Helper()
	acctest.Config(t)
	acctest.NeedDataplane(t)
	objects, err := dynamic.NewForConfig(acctest.Config(t))
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := traffic.Discover(t.Context(), objects)
	if err != nil {
		t.Fatal(err)
	}
	if cluster.Embedded && cluster.Proxies == "" {
		if runtime.GOOS == "linux" {
			t.Fatal("this control plane runs no Envoy, so nothing answers requests; start it with --traffic")
		}
		t.Skip("the embedded control plane can run pods only on Linux, so nothing answers requests here; on Linux this is a failure instead")
	}
	client, err := kubernetes.NewForConfig(acctest.Config(t))
	if err != nil {
		t.Fatal(err)
	}
	return plane{cluster, t, client}
}

// eventually waits until is returns nil.
func (p plane) eventually(what string, is func() error) {
	p.t.Helper()
	var last error
	if err := wait.PollUntilContextTimeout(p.t.Context(), 50*time.Millisecond, 2*time.Minute, true, func(context.Context) (bool, error) {
		last = is()
		return last == nil, nil
	}); err != nil {
		p.t.Fatalf("%s: %v: %v", what, err, last)
	}
}

// echo turns a Deployment into the test's application.
func echo(d *appsv1.Deployment) {
	pod := &d.Spec.Template.Spec
	field := func(name, path string) corev1.EnvVar {
		return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: path}}}
	}
	pod.Containers[0].Image, pod.Containers[0].ImagePullPolicy = image, corev1.PullIfNotPresent
	pod.Containers[0].Args = nil
	pod.Containers[0].Env = append(pod.Containers[0].Env,
		corev1.EnvVar{Name: "PORT", Value: fmt.Sprint(pod.Containers[0].Ports[0].ContainerPort)},
		corev1.EnvVar{Name: "VERSION", Value: d.Spec.Template.Labels["version"]},
		field("POD_NAME", "metadata.name"), field("POD_NAMESPACE", "metadata.namespace"))
}

// application runs a version of an application in the namespace, and returns the IP of its pod.
func (p plane) application(namespace, app, version string) string {
	p.t.Helper()
	labels := map[string]string{"app": app, "version": version}
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: app + "-" + version, Labels: labels},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: app, Ports: []corev1.ContainerPort{{ContainerPort: 9090}}}}},
			},
		},
	}
	echo(d)
	if _, err := p.client.AppsV1().Deployments(namespace).Create(p.t.Context(), d, metav1.CreateOptions{}); err != nil {
		p.t.Fatal(err)
	}
	return p.ready(namespace, labels).Status.PodIP
}

// ready waits until a pod with these labels is ready, and returns it.
func (p plane) ready(namespace string, labels map[string]string) (ready *corev1.Pod) {
	p.t.Helper()
	p.eventually(fmt.Sprintf("a pod %v is ready", labels), func() error {
		pods, err := p.client.CoreV1().Pods(namespace).List(p.t.Context(), metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(&metav1.LabelSelector{MatchLabels: labels})})
		if err != nil {
			return err
		}
		for _, pod := range pods.Items {
			for _, c := range pod.Status.Conditions {
				if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
					ready = &pod
					return nil
				}
			}
		}
		return fmt.Errorf("%d pods", len(pods.Items))
	})
	return ready
}

// exposed returns the address of a load balancer for the application with these labels, without a gateway.
func (p plane) exposed(namespace string, labels map[string]string, port int32) string {
	p.t.Helper()
	services := p.client.CoreV1().Services(namespace)
	made, err := services.Create(p.t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "exposed-"},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeLoadBalancer, Selector: maps.Clone(labels),
			Ports: []corev1.ServicePort{{Name: "http", Port: port, TargetPort: intstr.FromInt32(port)}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		p.t.Fatal(err)
	}
	var at string
	p.eventually("the load balancer has an address", func() error {
		live, err := services.Get(p.t.Context(), made.Name, metav1.GetOptions{})
		if err == nil && len(live.Status.LoadBalancer.Ingress) == 0 {
			err = fmt.Errorf("%v", live.Status.LoadBalancer)
		}
		if err == nil {
			at = p.LoadBalancer(live.Status.LoadBalancer.Ingress[0].IP, int(port))
		}
		return err
	})
	return at
}

// connect returns a client for an address that is closed at the end of the test.
func (p plane) connect(at string, config *tls.Config) *traffic.Client {
	p.t.Helper()
	client := traffic.NewClient(at, config)
	p.t.Cleanup(client.Close)
	return client
}

// address returns the gateway's address in the state.
func address(t *testing.T, tf *acctest.Terraform, gateway string) string {
	t.Helper()
	address, ok := tf.Values(gateway)["address"].(string)
	if !ok {
		t.Fatalf("%s has no address", gateway)
	}
	return address
}
