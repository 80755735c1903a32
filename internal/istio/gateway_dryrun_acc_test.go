package istio_test

import (
	"net/http"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
)

// If the API server would reject a companion, the plan fails, and nothing is written.
func TestAccGateway_dryRunQuota(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "gw")
	quota := &unstructured.Unstructured{Object: object{"spec": object{"hard": object{"count/deployments.apps": "0"}}}}
	quota.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ResourceQuota"))
	quota.SetName("full")
	quotas := resources(t, corev1.SchemeGroupVersion.WithResource("resourcequotas")).Namespace(g.Namespace)
	if _, err := quotas.Create(t.Context(), quota, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the quota is in force", func() bool {
		live, err := quotas.Get(t.Context(), "full", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		_, counted, _ := unstructured.NestedMap(live.Object, "status", "used")
		return counted
	})
	tf := g.terraform(nil)
	fails(t, tf.Run("plan"), `Deployment "`+g.Namespace+`/gw-gateway" cannot be created: forbidden`, "exceeded quota: full")
	if g.Exists() || len(g.live()) > 0 {
		t.Errorf("the plan made something: Gateway %v, companions %v", g.Exists(), g.live())
	}
	tf.Configure(g.folder(object{"selector": object{"istio": "ingressgateway"}}))
	tf.Must("apply", "-auto-approve")
	before := g.Live()
	tf.Configure(g.folder(nil))
	fails(t, tf.Run("plan"), `Deployment "`+g.Namespace+`/gw-gateway" cannot be`, "exceeded quota: full")
	if err := g.Untouched(before); err != nil {
		t.Error(err)
	}
}

// The documented Role is enough for the dry run of a gateway. With read permissions only, a warning names each missing permission once.
func TestAccGateway_dryRunRights(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "gw")
	required := acctest.Folder(t, g.folder(nil), map[string]string{"provider.tf": `provider "lamia" { dry_run = "required" }`})
	account := acctest.Account(t, g.Namespace, filepath.Join(rights, "role.yaml"))
	acctest.NewTerraform(t, required, account, nil).Must("plan")

	said := acctest.NewTerraform(t, g.folder(nil), acctest.Account(t, g.Namespace, filepath.Join(rights, "plan.yaml")), nil).Run("plan")
	if errors := said.Errors(); len(errors) > 0 {
		t.Fatal(errors)
	}
	for _, r := range append([]string{g.Kind.Resource.Resource}, companionResources(g)...) {
		for verb, want := range map[string]int{"create": 1, "patch": 1} {
			if r == g.Kind.Resource.Resource && verb == "patch" {
				want = 0
			}
			if got := strings.Count(said.String(), "resources: [\""+r+"\"]\n  verbs: [\""+verb+"\"]"); got != want {
				t.Errorf("%s of %s is spoken of %d times, want %d:\n%s", verb, r, got, want, said)
			}
		}
	}
}

func companionResources(g gateway) (all []string) {
	for _, r := range g.Kind.Companions.Resources {
		all = append(all, r.Resource)
	}
	return all
}

// The dry run includes only what changes: here the Gateway with another host, and none of its companions.
func TestAccGateway_dryRunChanged(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "gw")
	var tried sync.Map
	proxy := acctest.Proxy(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if acctest.IsDryRun(r) {
			tries, _ := tried.LoadOrStore(path.Base(path.Dir(r.URL.Path)), new(atomic.Int32))
			tries.(*atomic.Int32).Add(1)
		}
		next.ServeHTTP(w, r)
	})
	count := func(resource string) int32 {
		tries, _ := tried.LoadOrStore(resource, new(atomic.Int32))
		return tries.(*atomic.Int32).Load()
	}
	noProxies := object{"replicas": 0}
	tf := acctest.NewTerraform(t, g.folder(object{"workload": noProxies}), proxy, nil)
	tf.Must("apply", "-auto-approve")
	changed := servers(80)
	changed[0]["hosts"] = []string{"a.example.com"}
	tf.Configure(g.folder(object{"workload": noProxies, "servers": changed}))
	tried.Clear()
	tf.Must("plan")
	if gateways, deployments := count("gateways"), count("deployments"); gateways != 1 || deployments != 0 {
		t.Errorf("the Gateway is tried %d times, want 1; the Deployment %d times, want 0", gateways, deployments)
	}
}
