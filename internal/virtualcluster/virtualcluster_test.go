package virtualcluster

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/datasource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// emptyState returns the state of a data source that has read nothing yet.
func emptyState(t testing.TB, d datasource.DataSource) tfsdk.State {
	t.Helper()
	var resp datasource.SchemaResponse
	d.Schema(context.Background(), datasource.SchemaRequest{}, &resp)
	if diags := resp.Schema.ValidateImplementation(context.Background()); diags.HasError() {
		t.Fatal(diags)
	}
	return tfsdk.State{Schema: resp.Schema, Raw: tftypes.NewValue(resp.Schema.Type().TerraformType(context.Background()), nil)}
}

func noTimeouts() timeouts.Value {
	return timeouts.Value{Object: types.ObjectNull(map[string]attr.Type{"read": types.StringType})}
}

// The results match the schema: each field has an attribute, and each attribute a field.
func TestSchema(t *testing.T) {
	t.Parallel()
	state := emptyState(t, New())
	if diags := state.Set(context.Background(), &virtualCluster{Timeouts: noTimeouts()}); diags.HasError() {
		t.Error(diags)
	}
	state = emptyState(t, NewList())
	if diags := state.Set(context.Background(), &virtualClusters{Timeouts: noTimeouts()}); diags.HasError() {
		t.Error(diags)
	}
}

const secret = "xyzzy"

// guarded returns a Deployment with secrets in all places where users put them.
func guarded(name string) *unstructured.Unstructured {
	pods := map[string]string{"app": "app-" + name[len(name)-1:], "version": name}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&appsv1.Deployment{
		TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": "shop"},
			Annotations: map[string]string{corev1.LastAppliedConfigAnnotation: secret}},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: pods},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: pods, Annotations: map[string]string{"note": secret}},
				Spec: corev1.PodSpec{
					Containers: []corev1.Container{{
						Name: "web", Image: "web:1", Args: []string{secret}, Command: []string{secret},
						Env:     []corev1.EnvVar{{Name: "PASSWORD", Value: secret}},
						EnvFrom: []corev1.EnvFromSource{{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: secret}}}},
						Ports:   []corev1.ContainerPort{{Name: "http", ContainerPort: 9090}},
					}},
					Volumes:          []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: secret}}}},
					ImagePullSecrets: []corev1.LocalObjectReference{{Name: secret}},
				},
			},
		},
	})
	if err != nil {
		panic(err)
	}
	return &unstructured.Unstructured{Object: content}
}

func TestNewWorkload_holdsNoSecrets(t *testing.T) {
	t.Parallel()
	w, err := deployments.convert(guarded("web1"))
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprintf("%+v", w); strings.Contains(text, secret) || !strings.Contains(text, "web:1") {
		t.Errorf("it holds %s", text)
	}
	if !reflect.DeepEqual(w.PodLabels, map[string]string{"app": "app-1", "version": "web1"}) || w.Replicas != 1 || w.ServiceAccountName != "default" {
		t.Errorf("it is %+v", w)
	}
}

// Init containers that have ended do not count as serving.
func TestNewWorkload_initContainers(t *testing.T) {
	t.Parallel()
	always := corev1.ContainerRestartPolicyAlways
	w := newWorkload("Deployment", metav1.ObjectMeta{}, nil, corev1.PodTemplateSpec{Spec: corev1.PodSpec{
		InitContainers: []corev1.Container{
			{Name: "prepare", Image: "prepare:1", Ports: []corev1.ContainerPort{{ContainerPort: 1}}},
			{Name: "proxy", Image: "proxy:1", RestartPolicy: &always, Ports: []corev1.ContainerPort{{ContainerPort: 2}}},
		},
		Containers: []corev1.Container{{Name: "web", Image: "web:1"}},
	}}, 1, 1)
	if !slices.Equal(w.Images, []string{"web:1", "proxy:1"}) || len(w.ContainerPorts) != 1 || w.ContainerPorts[0].Port != 2 {
		t.Errorf("it is %+v", w)
	}
}

// BenchmarkVirtualCluster converts a thousand Deployments from the API server's response to Terraform's state.
func BenchmarkVirtualCluster(b *testing.B) {
	const n = 1000
	var live []*unstructured.Unstructured
	for i := range n {
		live = append(live, guarded(fmt.Sprintf("d%04d", i)))
	}
	state := emptyState(b, New())
	for b.Loop() {
		v := virtualCluster{Name: "test", Timeouts: noTimeouts(), Deployments: map[string]workload{}}
		for _, object := range live {
			w, err := deployments.convert(object)
			if err != nil {
				b.Fatal(err)
			}
			v.Deployments[w.Name] = w
		}
		diags := v.group()
		diags.Append(state.Set(context.Background(), &v)...)
		if diags.HasError() || len(v.Applications) != 10 || len(v.Applications["app-1"].Versions) != n/10 {
			b.Fatal(diags)
		}
	}
}
