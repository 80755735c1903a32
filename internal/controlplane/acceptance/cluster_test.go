package acceptance

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	networkingv1 "istio.io/api/networking/v1"
	clientv1 "istio.io/client-go/pkg/apis/networking/v1"
	istio "istio.io/client-go/pkg/clientset/versioned"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/ptr"
)

func kube(t *testing.T) kubernetes.Interface {
	t.Helper()
	return kubernetes.NewForConfigOrDie(shared)
}

// namespace creates a namespace with labels for the test, and deletes it at the end.
func namespace(t *testing.T, labels map[string]string) string {
	t.Helper()
	ns, err := kube(t).CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "test-", Labels: labels},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		kube(t).CoreV1().Namespaces().Delete(context.Background(), ns.Name, metav1.DeleteOptions{}) //nolint:errcheck // the cluster ends anyway
	})
	// Pods can be created once the namespace has its default service account.
	eventually(t, func() error {
		_, err := kube(t).CoreV1().ServiceAccounts(ns.Name).Get(t.Context(), "default", metav1.GetOptions{})
		return err
	})
	return ns.Name
}

// eventually calls done repeatedly until it returns nil.
func eventually(t *testing.T, done func() error) {
	t.Helper()
	var last error
	if err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, deadline, true, func(context.Context) (bool, error) {
		last = done()
		return last == nil, nil
	}); err != nil {
		t.Fatalf("%v: %v", err, last)
	}
}

// isGone returns nil if err means that the object does not exist.
func isGone(err error) error {
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err == nil:
		return errors.New("it is still there")
	}
	return err
}

func pod(name, image string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": name}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: image}}},
	}
}

func deployment(name string, replicas int32) *appsv1.Deployment {
	p := pod(name, "example.test/"+name+":1")
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: p.Labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: p.Labels}, Spec: p.Spec},
		},
	}
}

func available(t *testing.T, ns, name string) {
	t.Helper()
	eventually(t, func() error {
		d, err := kube(t).AppsV1().Deployments(ns).Get(t.Context(), name, metav1.GetOptions{})
		if err == nil && (d.Status.ObservedGeneration < d.Generation || d.Status.AvailableReplicas < *d.Spec.Replicas) {
			err = fmt.Errorf("%d of %d replicas are available", d.Status.AvailableReplicas, *d.Spec.Replicas)
		}
		return err
	})
}

func TestVersion(t *testing.T) {
	t.Parallel()
	v, err := kube(t).Discovery().ServerVersion()
	if err != nil || v.GitVersion != "v1.37.2" || v.Major != "1" || v.Minor != "37" {
		t.Errorf("%v: %v", v, err)
	}
}

func TestCRDs(t *testing.T) {
	t.Parallel()
	crds, err := apiextensions.NewForConfigOrDie(shared).ApiextensionsV1().CustomResourceDefinitions().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(crds.Items) != 15 {
		t.Errorf("%d CRDs; Istio 1.31 has 15", len(crds.Items))
	}
}

func TestIstiodRefusesInvalidObjects(t *testing.T) {
	t.Parallel()
	ns := namespace(t, nil)
	services := istio.NewForConfigOrDie(shared).NetworkingV1().VirtualServices(ns)
	for _, labels := range []map[string]string{nil, {"istio.io/rev": "default"}} {
		bad := &clientv1.VirtualService{
			ObjectMeta: metav1.ObjectMeta{Name: "bad", Labels: labels},
			Spec: networkingv1.VirtualService{Hosts: []string{"a.example.test"}, Http: []*networkingv1.HTTPRoute{
				{Match: []*networkingv1.HTTPMatchRequest{{Uri: &networkingv1.StringMatch{MatchType: &networkingv1.StringMatch_Prefix{Prefix: "/"}}}}},
			}},
		}
		_, err := services.Create(t.Context(), bad, metav1.CreateOptions{})
		if err == nil || !strings.Contains(err.Error(), `validation.istio.io" denied the request`) {
			t.Errorf("labels %v: %v", labels, err)
		}
	}
	good := &clientv1.VirtualService{
		ObjectMeta: metav1.ObjectMeta{Name: "good"},
		Spec: networkingv1.VirtualService{Hosts: []string{"a.example.test"}, Http: []*networkingv1.HTTPRoute{
			{Route: []*networkingv1.HTTPRouteDestination{{Destination: &networkingv1.Destination{Host: "a.example.test"}}}},
		}},
	}
	if _, err := services.Create(t.Context(), good, metav1.CreateOptions{}); err != nil {
		t.Error(err)
	}
}

func TestWebhooksFailClosed(t *testing.T) {
	t.Parallel()
	validating, err := kube(t).AdmissionregistrationV1().ValidatingWebhookConfigurations().List(t.Context(), metav1.ListOptions{})
	if err != nil || len(validating.Items) != 2 {
		t.Fatalf("%d validating webhook configurations: %v", len(validating.Items), err)
	}
	for _, c := range validating.Items {
		for _, w := range c.Webhooks {
			if *w.FailurePolicy != "Fail" || !strings.HasPrefix(*w.ClientConfig.URL, "https://127.0.0.1:") {
				t.Errorf("%s %s: %s %s", c.Name, w.Name, *w.FailurePolicy, *w.ClientConfig.URL)
			}
		}
	}
	mutating, err := kube(t).AdmissionregistrationV1().MutatingWebhookConfigurations().List(t.Context(), metav1.ListOptions{})
	if err != nil || len(mutating.Items) != 1 || len(mutating.Items[0].Webhooks) != 4 {
		t.Errorf("mutating webhooks %v: %v", mutating.Items, err)
	}
}

func containers(p *corev1.Pod) (names []string) {
	for _, c := range append(p.Spec.InitContainers, p.Spec.Containers...) {
		names = append(names, c.Name)
	}
	return names
}

func TestInjection(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name              string
		namespace, labels map[string]string
		injected          bool
	}{
		{"namespace", map[string]string{"istio-injection": "enabled"}, nil, true},
		{"revision", map[string]string{"istio.io/rev": "default"}, nil, true},
		{"pod", nil, map[string]string{"sidecar.istio.io/inject": "true"}, true},
		{"pod opts out", map[string]string{"istio-injection": "enabled"}, map[string]string{"sidecar.istio.io/inject": "false"}, false},
		{"nothing", nil, nil, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := pod("app", "example.test/app:1")
			p.Labels = test.labels
			p, err := kube(t).CoreV1().Pods(namespace(t, test.namespace)).Create(t.Context(), p, metav1.CreateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(strings.Join(containers(p), " "), "istio-proxy"); got != test.injected {
				t.Errorf("containers %v", containers(p))
			}
			ready(t, p.Namespace, p.Name)
		})
	}
}

// ready waits until a pod is running and ready, and returns it.
func ready(t *testing.T, ns, name string) (p *corev1.Pod) {
	t.Helper()
	eventually(t, func() (err error) {
		if p, err = kube(t).CoreV1().Pods(ns).Get(t.Context(), name, metav1.GetOptions{}); err != nil {
			return err
		}
		for _, c := range p.Status.Conditions {
			if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue && p.Status.Phase == corev1.PodRunning {
				return nil
			}
		}
		return fmt.Errorf("status %+v", p.Status)
	})
	return p
}

func TestGatewayInjection(t *testing.T) {
	t.Parallel()
	pods := kube(t).CoreV1().Pods(namespace(t, map[string]string{"istio-injection": "enabled"}))
	p := pod("gateway", "auto")
	p.Spec.Containers[0].Name = "istio-proxy"
	p.Annotations = map[string]string{"inject.istio.io/templates": "gateway"}
	p, err := pods.Create(t.Context(), p, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Spec.Containers) != 1 || p.Spec.Containers[0].Image != "docker.io/istio/proxyv2:1.31.1" {
		t.Errorf("containers %+v", p.Spec.Containers)
	}
	ready(t, p.Namespace, p.Name)
}

func TestImageThatCannotBePulled(t *testing.T) {
	t.Parallel()
	ns := namespace(t, nil)
	for name, image := range map[string]string{"auto": "auto", "invalid": "registry.invalid/app:1", "port": "registry.invalid:5000/app"} {
		if _, err := kube(t).CoreV1().Pods(ns).Create(t.Context(), pod(name, image), metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		eventually(t, func() error {
			p, err := kube(t).CoreV1().Pods(ns).Get(t.Context(), name, metav1.GetOptions{})
			if err != nil {
				return err
			}
			s := p.Status.ContainerStatuses
			if p.Status.Phase != corev1.PodPending || len(s) != 1 || s[0].State.Waiting == nil || s[0].State.Waiting.Reason != "ImagePullBackOff" {
				return fmt.Errorf("status %+v", p.Status)
			}
			return nil
		})
	}
	// A pod recovers once its image is valid.
	patch := []byte(`{"spec":{"containers":[{"name":"main","image":"example.test/app:1"}]}}`)
	if _, err := kube(t).CoreV1().Pods(ns).Patch(t.Context(), "invalid", "application/strategic-merge-patch+json", patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	ready(t, ns, "invalid")
}

func TestDeployment(t *testing.T) {
	t.Parallel()
	ns := namespace(t, nil)
	if _, err := kube(t).AppsV1().Deployments(ns).Create(t.Context(), deployment("app", 3), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	available(t, ns, "app")
	pods, err := kube(t).CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ips := map[string]bool{}
	for _, p := range pods.Items {
		ips[p.Status.PodIP] = true
	}
	if len(ips) != 3 {
		t.Errorf("IPs %v of 3 pods", ips)
	}
	if _, err := kube(t).CoreV1().Services(ns).Create(t.Context(), service("app", corev1.ServiceTypeClusterIP), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		slices, err := kube(t).DiscoveryV1().EndpointSlices(ns).List(t.Context(), metav1.ListOptions{})
		if err == nil && (len(slices.Items) != 1 || len(slices.Items[0].Endpoints) != 3) {
			err = fmt.Errorf("endpoint slices %+v", slices.Items)
		}
		return err
	})

	// A deleted pod ends without waiting for its grace period of 30 seconds, and is replaced.
	victim := pods.Items[0]
	if err := kube(t).CoreV1().Pods(ns).Delete(t.Context(), victim.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	eventually(t, func() error {
		_, err := kube(t).CoreV1().Pods(ns).Get(t.Context(), victim.Name, metav1.GetOptions{})
		return isGone(err)
	})
	if grace := time.Duration(*victim.Spec.TerminationGracePeriodSeconds) * time.Second; time.Since(began) >= grace {
		t.Errorf("the pod took its whole grace period of %s", grace)
	}
	available(t, ns, "app")

	if err := kube(t).AppsV1().Deployments(ns).Delete(t.Context(), "app", metav1.DeleteOptions{PropagationPolicy: ptr.To(metav1.DeletePropagationForeground)}); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		pods, err := kube(t).CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{})
		if err == nil && len(pods.Items) > 0 {
			err = fmt.Errorf("%d pods are left", len(pods.Items))
		}
		return err
	})
}

// Objects of Istio can own others, because the garbage collector knows Istio's kinds from the start.
func TestGatewayOwnsItsWorkload(t *testing.T) {
	t.Parallel()
	ns := namespace(t, nil)
	gateways := istio.NewForConfigOrDie(shared).NetworkingV1().Gateways(ns)
	gateway, err := gateways.Create(t.Context(), &clientv1.Gateway{
		ObjectMeta: metav1.ObjectMeta{Name: "gw"},
		Spec: networkingv1.Gateway{Servers: []*networkingv1.Server{{
			Port: &networkingv1.Port{Number: 80, Name: "http", Protocol: "HTTP"}, Hosts: []string{"a.example.test"},
		}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	owned := service("gw", corev1.ServiceTypeLoadBalancer)
	owned.OwnerReferences = []metav1.OwnerReference{{APIVersion: "networking.istio.io/v1", Kind: "Gateway", Name: "gw", UID: gateway.UID}}
	if _, err := kube(t).CoreV1().Services(ns).Create(t.Context(), owned, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	loadBalancerIP(t, ns, "gw")
	if err := gateways.Delete(t.Context(), "gw", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		_, err := kube(t).CoreV1().Services(ns).Get(t.Context(), "gw", metav1.GetOptions{})
		return isGone(err)
	})
}

func service(name string, kind corev1.ServiceType) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.ServiceSpec{
			Type: kind, Selector: map[string]string{"app": name},
			Ports: []corev1.ServicePort{{Name: "http", Port: 9090, TargetPort: intstr.FromInt32(9090)}},
		},
	}
}

func loadBalancerIP(t *testing.T, ns, name string) (ip string) {
	t.Helper()
	eventually(t, func() error {
		s, err := kube(t).CoreV1().Services(ns).Get(t.Context(), name, metav1.GetOptions{})
		if err == nil && len(s.Status.LoadBalancer.Ingress) != 1 {
			err = fmt.Errorf("load balancer %+v", s.Status.LoadBalancer)
		}
		if err == nil {
			ip = s.Status.LoadBalancer.Ingress[0].IP
		}
		return err
	})
	return ip
}

func TestLoadBalancer(t *testing.T) {
	t.Parallel()
	ns := namespace(t, nil)
	services := kube(t).CoreV1().Services(ns)
	classed := service("classed", corev1.ServiceTypeLoadBalancer)
	classed.Spec.LoadBalancerClass = ptr.To("example.test/other")
	for _, s := range []*corev1.Service{classed, service("one", corev1.ServiceTypeLoadBalancer), service("two", corev1.ServiceTypeLoadBalancer)} {
		if _, err := services.Create(t.Context(), s, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	one, two := loadBalancerIP(t, ns, "one"), loadBalancerIP(t, ns, "two")
	if one == two {
		t.Errorf("both have the address %s", one)
	}
	for _, ip := range []string{one, two} {
		if a, err := netip.ParseAddr(ip); err != nil || !a.IsLoopback() {
			t.Errorf("address %s: %v", ip, err)
		}
	}
	// The Service of another class was created before the others, which have their addresses by now.
	if s, err := services.Get(t.Context(), "classed", metav1.GetOptions{}); err != nil || len(s.Status.LoadBalancer.Ingress) > 0 {
		t.Errorf("a Service of another class has %+v: %v", s.Status.LoadBalancer, err)
	}
	// A Service that is no longer a load balancer releases its address, and a deleted Service is gone.
	if _, err := services.Patch(t.Context(), "one", "application/merge-patch+json", []byte(`{"spec":{"type":"ClusterIP"}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		s, err := services.Get(t.Context(), "one", metav1.GetOptions{})
		if err == nil && (len(s.Status.LoadBalancer.Ingress) > 0 || len(s.Finalizers) > 0) {
			err = fmt.Errorf("load balancer %+v, finalizers %v", s.Status.LoadBalancer, s.Finalizers)
		}
		return err
	})
	if err := services.Delete(t.Context(), "two", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		_, err := services.Get(t.Context(), "two", metav1.GetOptions{})
		return isGone(err)
	})
}

func TestNamespaceDeletion(t *testing.T) {
	t.Parallel()
	ns := namespace(t, map[string]string{"istio-injection": "enabled"})
	if _, err := kube(t).AppsV1().Deployments(ns).Create(t.Context(), deployment("app", 2), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := kube(t).CoreV1().Services(ns).Create(t.Context(), service("app", corev1.ServiceTypeLoadBalancer), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	available(t, ns, "app")
	if err := kube(t).CoreV1().Namespaces().Delete(t.Context(), ns, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		_, err := kube(t).CoreV1().Namespaces().Get(t.Context(), ns, metav1.GetOptions{})
		return isGone(err)
	})
}

func TestServiceAccountKubeconfig(t *testing.T) {
	t.Parallel()
	ns := namespace(t, nil)
	ctx := t.Context()
	if _, err := kube(t).CoreV1().ServiceAccounts(ns).Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "team"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := kube(t).RbacV1().RoleBindings(ns).Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "team"},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Name: "team", Namespace: ns}},
		RoleRef:    rbacv1.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "ClusterRole", Name: "edit"},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "kubeconfig", "--namespace", ns, "--service-account", "team")
	cmd.Env = append(os.Environ(), "KUBECONFIG="+config)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := clientcmd.NewClientConfigFromBytes(out)
	if err != nil {
		t.Fatal(err)
	}
	if got, _, _ := loaded.Namespace(); got != ns {
		t.Errorf("the context's namespace is %q", got)
	}
	restricted, err := loaded.ClientConfig()
	if err != nil {
		t.Fatal(err)
	}
	client := kubernetes.NewForConfigOrDie(restricted)
	eventually(t, func() error { // the authorizer sees a new binding a moment later
		_, err := client.CoreV1().Services(ns).Create(ctx, service("mine", corev1.ServiceTypeClusterIP), metav1.CreateOptions{})
		return err
	})
	if _, err := client.CoreV1().Services("default").List(ctx, metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("in another namespace: %v", err)
	}
	if _, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("of the cluster: %v", err)
	}
}
