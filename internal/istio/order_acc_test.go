package istio_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	"github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/istio"
)

// No request fails while versions are added and removed, each in one apply. gRPC's own xDS client sends requests all the time, and follows what
// istiod makes of the objects.
func TestAccVirtualService_order(t *testing.T) {
	t.Parallel()
	namespace := acctest.Namespace(t)
	tf := acctest.NewTerraform(t, "testdata/routing", "", map[string]any{
		"namespace": namespace, "ports": map[string]any{"v1": serve(t, "v1"), "v2": serve(t, "v2")}, "weights": map[string]any{},
	})
	tf.Configure("testdata/order")
	tf.Must("apply", "-auto-approve", `-var=versions={v1=100}`)
	echo := newClient(t, namespace)
	eventually(t, "requests come through", func() bool {
		_, err := echo.share(t.Context(), 100)
		return err == nil
	})
	if t.Failed() {
		return
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var sent atomic.Int64
	failed := make(chan error, 1)
	go func() {
		defer close(failed)
		for ctx.Err() == nil {
			_, err := echo.share(ctx, 10)
			// grpc-go may follow a new route before it has its cluster, and then fails without sending the request.
			if err != nil && ctx.Err() == nil && !strings.Contains(err.Error(), "unknown cluster selected for RPC") {
				failed <- err
				return
			}
			sent.Add(10)
		}
	}()
	for _, versions := range []string{"v1=100,v2=0", "v1=50,v2=50", "v1=0,v2=100", "v2=100", "v2=100,v1=0", "v1=100", "v1=1,v2=1", "v2=1"} {
		tf.Must("apply", "-auto-approve", fmt.Sprintf("-var=versions={%s}", versions))
		before := sent.Load()
		eventually(t, "1000 more requests", func() bool { return sent.Load() >= before+1000 || len(failed) > 0 })
		if len(failed) > 0 || t.Failed() {
			t.Fatalf("with %s, after %d requests: %v", versions, sent.Load(), <-failed)
		}
		tf.Empty(fmt.Sprintf("-var=versions={%s}", versions))
	}
	cancel()
	select {
	case err := <-failed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("requests do not end")
	}
	t.Logf("%d requests", sent.Load())
	tf.Must("destroy", "-auto-approve", "-var=versions={v1=1}")
}

// The cluster has nothing but what the plans show, in order: a subset before the first route that needs it and until after the last one, and
// weights as planned.
func TestAccVirtualService_steps(t *testing.T) {
	t.Parallel()
	namespace := acctest.Namespace(t)
	tf := acctest.NewTerraform(t, "testdata/routing", "", map[string]any{"namespace": namespace, "ports": map[string]any{"v1": 1, "v2": 2}, "weights": map[string]any{}})
	tf.Configure("testdata/order")
	tf.Must("apply", "-auto-approve", `-var=versions={v1=100}`)
	follow := func(k *engine.Kind) func() []stored {
		w, err := resources(t, k.Resource).Namespace(namespace).Watch(t.Context(), metav1.ListOptions{
			FieldSelector: "metadata.name=echo", ResourceVersion: acctest.NewObject(t, k, namespace, "echo").Live().GetResourceVersion()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(w.Stop)
		return func() []stored { return untilDeleted(t, w) }
	}
	rules, routes := follow(istio.DestinationRule()), follow(istio.VirtualService())
	for _, versions := range []string{"v1=70,v2=30", "v2=100"} {
		tf.Must("apply", "-auto-approve", fmt.Sprintf("-var=versions={%s}", versions))
	}
	tf.Must("destroy", "-auto-approve", "-var=versions={v2=100}")
	all := slices.Concat(rules(), routes())
	slices.SortFunc(all, func(a, b stored) int { return cmp.Compare(a.version, b.version) })
	var seen []string
	for _, s := range all {
		seen = append(seen, s.what)
	}
	want := []string{"subsets v1 v2", "routes v1:70 v2:30", "subsets v2 v1", "routes v2:100", "subsets v2"}
	if seen = slices.Compact(seen); !slices.Equal(seen, want) {
		t.Errorf("the cluster has had %q, want %q", seen, want)
	}
}

// A subset that a route still needs stays if the apply does not change the route, and is removed with the next apply that does. With
// remove_at_once, it is removed immediately.
func TestAccDestinationRule_keeps(t *testing.T) {
	t.Parallel()
	namespace := acctest.Namespace(t)
	tf := acctest.NewTerraform(t, "testdata/routing", "", map[string]any{"namespace": namespace, "ports": map[string]any{"v1": 1, "v2": 2}, "weights": map[string]any{}})
	tf.Configure("testdata/order")
	const both, one, target = "-var=versions={v1=50,v2=50}", "-var=versions={v2=100}", "-target=lamia_destination_rule.echo"
	subsets := func(want string) {
		t.Helper()
		if got := writtenOf(acctest.NewObject(t, istio.DestinationRule(), namespace, "echo").Live()); got != "subsets "+want {
			t.Errorf("the rule has %s, want %s", got, want)
		}
	}
	tf.Must("apply", "-auto-approve", both)
	warns(t, tf.Run("apply", "-auto-approve", one, target), `"v1" of DestinationRule "`+namespace+`/echo" stays as long as VirtualService "`+namespace+`/echo" routes to it`)
	subsets("v2 v1")
	tf.Must("apply", "-auto-approve", one)
	subsets("v2")
	tf.Empty(one)

	tf.Must("apply", "-auto-approve", both)
	tf.Configure(acctest.Folder(t, "", map[string]string{"provider.tf": "provider \"lamia\" {\n  remove_at_once = true\n}\n"}))
	tf.Must("apply", "-auto-approve", one, target)
	subsets("v2")
}

// stored is a state of an object, with its resource version.
type stored struct {
	version int
	what    string
}

// untilDeleted returns all states of the object until it is deleted.
func untilDeleted(t *testing.T, w watch.Interface) (all []stored) {
	t.Helper()
	for event := range w.ResultChan() {
		if event.Type == watch.Deleted {
			return all
		}
		o := event.Object.(*unstructured.Unstructured)
		version, err := strconv.Atoi(o.GetResourceVersion())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, stored{version, writtenOf(o)})
	}
	t.Error("the watch ended before the object was deleted")
	return all
}

// writtenOf returns the subsets of a rule, or the weights of a virtual service.
func writtenOf(o *unstructured.Unstructured) string {
	what := "subsets"
	subsets, _, _ := unstructured.NestedSlice(o.Object, "spec", "subsets")
	for _, s := range subsets {
		what += " " + s.(map[string]any)["name"].(string)
	}
	http, _, _ := unstructured.NestedSlice(o.Object, "spec", "http")
	for _, rule := range http {
		what = "routes"
		for _, r := range rule.(map[string]any)["route"].([]any) {
			what += fmt.Sprintf(" %v:%v", r.(map[string]any)["destination"].(map[string]any)["subset"], r.(map[string]any)["weight"])
		}
	}
	return what
}
