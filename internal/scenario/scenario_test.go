package scenario

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

func TestScenario(t *testing.T) {
	t.Parallel()
	var said []string
	for _, c := range New(nil, "x-").VirtualClusters {
		for number := 1; number <= c.Versions; number++ {
			d := c.deployment(number)
			container := d.Spec.Template.Spec.Containers[0]
			said = append(said, fmt.Sprintf("%s/%s %v %s", c.namespace().Name, d.Name, d.Labels, container.Env[0].Value))
			checkDeployment(t, d)
		}
		labels := map[string]string{"istio-injection": "enabled", "vamp-managed": "true", "cluster": "default", "project": "default"}
		if got := c.namespace().Labels; !reflect.DeepEqual(got, labels) {
			t.Errorf("labels of namespace %s: %v, want %v", c.Namespace, got, labels)
		}
	}
	want := []string{
		"x-vamp-test1/vamp-test-deployment1 map[app:app1 version:version1] app1-version1",
		"x-vamp-test1/vamp-test-deployment2 map[app:app1 version:version2] app1-version2",
		"x-vamp-test1/vamp-test-deployment3 map[app:app1 version:version3] app1-version3",
		"x-vamp-test2/vamp-test-deployment1 map[app:app2 version:version1] app2-version1",
		"x-vamp-test2/vamp-test-deployment2 map[app:app2 version:version2] app2-version2",
		"x-vamp-test2/vamp-test-deployment3 map[app:app2 version:version3] app2-version3",
		"x-vamp-test3/vamp-test-deployment1 map[app:app4 version:version1] app4-version1",
	}
	if !slices.Equal(said, want) {
		t.Errorf("Deployments: %q, want %q", said, want)
	}
}

// checkDeployment checks what all Deployments have in common.
func checkDeployment(t *testing.T, d *appsv1.Deployment) {
	t.Helper()
	pods := map[string]string{"app": d.Labels["app"], "version": d.Labels["version"], "deployment": d.Name}
	for _, labels := range []map[string]string{d.Spec.Selector.MatchLabels, d.Spec.Template.Labels} {
		if !reflect.DeepEqual(labels, pods) {
			t.Errorf("%s: pods are selected by or have the labels %v, want %v", d.Name, labels, pods)
		}
	}
	container := d.Spec.Template.Spec.Containers[0]
	if want := []corev1.ContainerPort{{ContainerPort: 9090, Protocol: corev1.ProtocolTCP}}; !reflect.DeepEqual(container.Ports, want) {
		t.Errorf("%s: ports %v, want %v", d.Name, container.Ports, want)
	}
	for path, probe := range map[string]*corev1.Probe{"/health": container.LivenessProbe, "/ready": container.ReadinessProbe} {
		if probe.HTTPGet.Path != path || probe.HTTPGet.Port.IntValue() != 9090 {
			t.Errorf("%s: probe %v, want GET %s on 9090", d.Name, probe.HTTPGet, path)
		}
	}
	if container.Env[0].Name != "SERVICE_NAME" || *d.Spec.Replicas != 1 || len(d.Spec.Template.Spec.Containers) != 1 {
		t.Errorf("%s: not one replica of one container with a SERVICE_NAME", d.Name)
	}
}
