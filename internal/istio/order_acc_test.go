package istio_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
)

// No request fails while versions come and go, each in one apply: gRPC's own xDS client sends them all the time, by what istiod makes of the
// objects.
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
			// grpc-go chooses by new routes a moment before it has their clusters, and then fails without having asked anyone.
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
