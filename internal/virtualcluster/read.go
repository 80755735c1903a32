package virtualcluster

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/pager"

	"github.com/magneticio/terraform-provider-lamia/internal/kube"
)

// list reads all objects in a namespace ("" for the cluster) that match the label selector, by name. It reads pages like kubectl, and reads
// everything again at once if the list expires before the last page.
func list[T any](ctx context.Context, cluster *kube.Cluster, resource schema.GroupVersionResource, namespace, labelSelector string,
	convert func(*unstructured.Unstructured) (T, error)) (map[string]T, error) {
	client := cluster.Dynamic.Resource(resource).Namespace(namespace)
	pages := pager.New(func(ctx context.Context, options metav1.ListOptions) (list runtime.Object, err error) {
		err = cluster.Read(ctx, func(ctx context.Context) (err error) {
			list, err = client.List(ctx, options)
			return err
		})
		return list, err
	})
	live, _, err := pages.List(ctx, metav1.ListOptions{LabelSelector: labelSelector})
	if err != nil {
		return nil, err
	}
	all := map[string]T{}
	return all, meta.EachListItem(live, func(item runtime.Object) error {
		object := item.(*unstructured.Unstructured)
		converted, err := convert(object)
		all[object.GetName()] = converted
		return err
	})
}

// decode converts an object to client-go's type for its kind.
func decode[T any](live *unstructured.Unstructured) (object T, err error) {
	if err = runtime.DefaultUnstructuredConverter.FromUnstructured(live.Object, &object); err != nil {
		err = fmt.Errorf("%s %s: %w", live.GetKind(), live.GetName(), err)
	}
	return object, err
}
