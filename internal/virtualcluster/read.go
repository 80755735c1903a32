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

// list reads all objects of a namespace ("": of the cluster) that the label selector matches, keyed by name. It reads in pages, like kubectl, and
// all at once if the list's version expires before the last page.
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

// decode reads an object as client-go's type of its kind.
func decode[T any](live *unstructured.Unstructured) (object T, err error) {
	if err = runtime.DefaultUnstructuredConverter.FromUnstructured(live.Object, &object); err != nil {
		err = fmt.Errorf("%s %s: %w", live.GetKind(), live.GetName(), err)
	}
	return object, err
}
