// Package scenario creates what examples/advanced-networking needs in a cluster: three teams, each with a virtual cluster, which is a namespace
// with the Deployments of an application.
package scenario

import (
	"context"
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
)

// VirtualCluster is a team's virtual cluster: a Deployment for each version of the application.
type VirtualCluster struct {
	Namespace string
	App       string
	Versions  int
}

var (
	namespaces  = corev1.SchemeGroupVersion.WithResource("namespaces")
	deployments = appsv1.SchemeGroupVersion.WithResource("deployments")
)

// image is the tutorial's image, a web server that answers with its SERVICE_NAME.
const (
	image = "magneticio/nodewebservice:2.0.13"
	port  = 9090
)

// Scenario contains the virtual clusters of the three teams in one cluster.
type Scenario struct {
	VirtualClusters []VirtualCluster
	// Change changes each Deployment before it is created, such as its image. Nil keeps the tutorial's Deployments.
	Change func(*appsv1.Deployment)

	client  dynamic.Interface
	created []*unstructured.Unstructured
}

// New returns a scenario that does not exist yet. The namespaces' names begin with prefix. "" gives the default names of the example. It must be
// unique if several scenarios share a cluster.
func New(client dynamic.Interface, prefix string) *Scenario {
	return &Scenario{client: client, VirtualClusters: []VirtualCluster{
		{prefix + "vamp-test1", "app1", 3},
		{prefix + "vamp-test2", "app2", 3},
		{prefix + "vamp-test3", "app4", 1},
	}}
}

// Namespaces returns the teams' namespaces, in the order of the teams' numbers.
func (s *Scenario) Namespaces() (names []string) {
	for _, c := range s.VirtualClusters {
		names = append(names, c.Namespace)
	}
	return names
}

// Create creates the namespaces and the Deployments. It fails if a namespace already exists, because it belongs to someone else.
func (s *Scenario) Create(ctx context.Context) error {
	for _, c := range s.VirtualClusters {
		namespace, err := create(ctx, s.client.Resource(namespaces), c.namespace())
		if apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("namespace %s already exists: delete it, or use another cluster", c.Namespace)
		} else if err != nil {
			return fmt.Errorf("namespace %s: %w", c.Namespace, err)
		}
		s.created = append(s.created, namespace)
		for number := 1; number <= c.Versions; number++ {
			deployment := c.deployment(number)
			if s.Change != nil {
				s.Change(deployment)
			}
			if _, err := create(ctx, s.client.Resource(deployments).Namespace(c.Namespace), deployment); err != nil {
				return fmt.Errorf("deployment %s/%s: %w", c.Namespace, deployment.Name, err)
			}
		}
	}
	return nil
}

func create(ctx context.Context, client dynamic.ResourceInterface, object any) (*unstructured.Unstructured, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return nil, err
	}
	return client.Create(ctx, &unstructured.Unstructured{Object: content}, metav1.CreateOptions{})
}

// Available returns the number of Deployments whose replicas are all available, and the number of all Deployments.
func (s *Scenario) Available(ctx context.Context) (available, all int, err error) {
	for _, c := range s.VirtualClusters {
		all += c.Versions
		list, err := s.client.Resource(deployments).Namespace(c.Namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return 0, 0, fmt.Errorf("deployments of namespace %s: %w", c.Namespace, err)
		}
		for _, stored := range list.Items {
			var d appsv1.Deployment
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(stored.Object, &d); err != nil {
				return 0, 0, fmt.Errorf("deployment %s/%s: %w", c.Namespace, stored.GetName(), err)
			}
			if d.Status.ObservedGeneration >= d.Generation && d.Status.AvailableReplicas == *d.Spec.Replicas {
				available++
			}
		}
	}
	return available, all, nil
}

// Wait waits until all Deployments are available. It calls progress whenever their number changes.
func (s *Scenario) Wait(ctx context.Context, progress func(available, all int)) error {
	last := -1
	err := wait.PollUntilContextCancel(ctx, 200*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		available, all, err := s.Available(ctx)
		if err == nil && available != last {
			last = available
			progress(available, all)
		}
		return available == all, err
	})
	if wait.Interrupted(err) {
		return fmt.Errorf("waiting for Deployments to be available: %w", ctx.Err())
	}
	return err
}

// Delete starts to delete the namespaces that Create has created, and does not wait.
func (s *Scenario) Delete(ctx context.Context) error {
	var errs []error
	for _, namespace := range s.created {
		err := s.client.Resource(namespaces).Delete(ctx, namespace.GetName(), *metav1.NewPreconditionDeleteOptions(string(namespace.GetUID())))
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			errs = append(errs, fmt.Errorf("namespace %s is left: %w", namespace.GetName(), err))
		}
	}
	return errors.Join(errs...)
}

func (c VirtualCluster) namespace() *corev1.Namespace {
	return &corev1.Namespace{
		TypeMeta: metav1.TypeMeta{APIVersion: namespaces.GroupVersion().String(), Kind: "Namespace"},
		ObjectMeta: metav1.ObjectMeta{
			Name:   c.Namespace,
			Labels: map[string]string{"istio-injection": "enabled", "vamp-managed": "true", "cluster": "default", "project": "default"},
		},
	}
}

func (c VirtualCluster) deployment(number int) *appsv1.Deployment {
	name := fmt.Sprintf("vamp-test-deployment%d", number)
	version := fmt.Sprintf("version%d", number)
	pods := map[string]string{"app": c.App, "deployment": name, "version": version}
	get := func(path string) *corev1.Probe {
		return &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromInt32(port)}}}
	}
	replicas := int32(1)
	return &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: deployments.GroupVersion().String(), Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": c.App, "version": version}},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: pods},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: pods},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{
					Name:           c.App,
					Image:          image,
					Env:            []corev1.EnvVar{{Name: "SERVICE_NAME", Value: c.App + "-" + version}},
					Ports:          []corev1.ContainerPort{{ContainerPort: port, Protocol: corev1.ProtocolTCP}},
					LivenessProbe:  get("/health"),
					ReadinessProbe: get("/ready"),
				}}},
			},
		},
	}
}
