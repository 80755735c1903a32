package analysis_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	networking "istio.io/client-go/pkg/apis/networking/v1"
	"istio.io/istio/pkg/config/host"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	"github.com/magneticio/terraform-provider-lamia/internal/analysis"
	"github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/mesh"
)

func TestMain(m *testing.M) { acctest.Main(m) }

// The findings for random clusters agree with what istiod serves to the proxies in them: no finding is false, and each route that leads nowhere
// has a finding. LAMIA_TEST_CLUSTERS sets the number of clusters and LAMIA_TEST_SEED the seed of the first one. A failure names the seed of its
// cluster.
func TestAccFindings_istiod(t *testing.T) {
	t.Parallel()
	client, err := dynamic.NewForConfig(acctest.Config(t))
	if err != nil {
		t.Fatal(err)
	}
	istiod, err := grpc.NewClient(acctest.Istiod(t), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20)))
	if err != nil {
		t.Fatal(err)
	}
	defer istiod.Close()
	clusters, seed := number(t, "LAMIA_TEST_CLUSTERS", 60), uint64(number(t, "LAMIA_TEST_SEED", 5000))
	t.Logf("%d clusters from seed %d", clusters, seed)
	seeds := make(chan uint64, clusters)
	for i := range clusters {
		seeds <- seed + uint64(i)
	}
	close(seeds)
	var mu sync.Mutex
	counts := map[string]int{}
	var workers sync.WaitGroup
	for w := range min(8, clusters) {
		j := &judge{client: client, istiod: istiod, id: fmt.Sprintf("w%d-%x", w, seed&0xffff)}
		for range 4 {
			j.namespaces = append(j.namespaces, acctest.Namespace(t))
		}
		workers.Go(func() {
			for seed := range seeds {
				if t.Context().Err() != nil {
					return
				}
				counted, err := j.cluster(t.Context(), seed)
				for apierrors.IsTimeout(err) || apierrors.IsServerTimeout(err) { // on a busy machine
					counted, err = j.cluster(t.Context(), seed)
				}
				if err != nil {
					t.Errorf("LAMIA_TEST_CLUSTERS=1 LAMIA_TEST_SEED=%d: %v", seed, err)
				}
				mu.Lock()
				for what, n := range counted {
					counts[what] += n
				}
				if counts["clusters"]%100 == 0 {
					t.Log(counts)
				}
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%6d %s", counts[what], what)
	}
}

func number(t *testing.T, variable string, usual int) int {
	t.Helper()
	if os.Getenv(variable) == "" {
		return usual
	}
	n, err := strconv.Atoi(os.Getenv(variable))
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

// judge compares findings with what istiod serves.
type judge struct {
	client     dynamic.Interface
	istiod     *grpc.ClientConn
	id         string
	namespaces []string

	known  *objects // the objects of the cluster under test
	served map[string]*mesh.Config
	counts map[string]int
	wrong  []string
}

var resources = map[string]schema.GroupVersionResource{
	"Gateway":         networking.SchemeGroupVersion.WithResource("gateways"),
	"VirtualService":  networking.SchemeGroupVersion.WithResource("virtualservices"),
	"DestinationRule": networking.SchemeGroupVersion.WithResource("destinationrules"),
	"ServiceEntry":    networking.SchemeGroupVersion.WithResource("serviceentries"),
	"Sidecar":         networking.SchemeGroupVersion.WithResource("sidecars"),
	"Service":         corev1.SchemeGroupVersion.WithResource("services"),
}

// cluster creates a random cluster, checks it and deletes it.
func (j *judge) cluster(ctx context.Context, seed uint64) (counts map[string]int, err error) {
	chance := &chance{Rand: rand.New(rand.NewPCG(seed, seed)), id: j.id, namespaces: j.namespaces}
	chance.cluster()
	j.known = &objects{}
	defer func() {
		if cleared := j.clear(context.WithoutCancel(ctx)); err == nil {
			err = cleared
		}
	}()
	for i, o := range chance.objects {
		if i == len(chance.objects)*2/3 { // so that creation times differ
			until := time.Now().Truncate(time.Second).Add(time.Second)
			<-time.After(time.Until(until))
		}
		if err := j.create(ctx, o); err != nil {
			return nil, err
		}
	}
	for _, gateway := range []string{"-0", "-1"} {
		for i := range chance.IntN(3) {
			j.known.pods = append(j.known.pods, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: chance.one(chance.namespace(), chance.namespace(), "istio-ingress"), Name: fmt.Sprint("pod", gateway, i),
				Labels: map[string]string{"gateway": j.id + gateway, "pod-template-hash": strconv.Itoa(i)}}})
		}
	}
	marker := fmt.Sprintf("marker-%s-%d", j.id, seed) // the last object
	if err := j.create(ctx, object_{kind: "VirtualService", namespace: j.namespaces[3], name: marker, spec: map[string]any{
		"hosts": list{marker + ".example.com"}, "http": list{map[string]any{"name": "0", "redirect": map[string]any{"uri": "/"}}}}}); err != nil {
		return nil, err
	}
	deadline := time.Now().Add(time.Minute)
	for { // istiod needs a moment
		j.served, j.counts, j.wrong = map[string]*mesh.Config{}, map[string]int{"clusters": 1}, nil
		current, err := j.sees(ctx, marker)
		if err != nil {
			return nil, err
		}
		if seed%2 == 1 { // like a plan, which checks all objects together
			j.known.derived = map[any]any{}
		}
		if current {
			if err := j.judge(ctx); err != nil {
				return nil, err
			}
		}
		switch {
		case current && len(j.wrong) == 0:
			return j.counts, nil
		case time.Now().After(deadline):
			return j.counts, fmt.Errorf("%s\nin %s", strings.Join(j.wrong, "\n"), chance.describe())
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (c *chance) describe() string {
	var text strings.Builder
	for _, o := range c.objects {
		fmt.Fprintf(&text, "%s %s/%s %v %v\n", o.kind, o.namespace, o.name, o.annotations, o.spec)
	}
	return text.String()
}

func (j *judge) create(ctx context.Context, o object_) error {
	u := &unstructured.Unstructured{Object: map[string]any{"spec": o.spec}}
	u.SetAPIVersion(resources[o.kind].GroupVersion().String())
	u.SetKind(o.kind)
	u.SetName(o.name)
	if o.annotations != nil {
		u.Object["metadata"].(map[string]any)["annotations"] = o.annotations
	}
	live, err := j.client.Resource(resources[o.kind]).Namespace(o.namespace).Create(ctx, u, metav1.CreateOptions{})
	if apierrors.IsBadRequest(err) || apierrors.IsInvalid(err) || apierrors.IsForbidden(err) { // istiod rejects it
		return nil
	}
	if err != nil {
		return err
	}
	return j.known.add(live)
}

func (j *judge) clear(ctx context.Context) error {
	for _, resource := range resources {
		for _, namespace := range j.namespaces {
			all := j.client.Resource(resource).Namespace(namespace)
			list, err := all.List(ctx, metav1.ListOptions{})
			if err != nil {
				return err
			}
			for _, o := range list.Items {
				if err := all.Delete(ctx, o.GetName(), metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
					return err
				}
			}
		}
	}
	return nil
}

// sees reports whether istiod has seen the last object.
func (j *judge) sees(ctx context.Context, marker string) (bool, error) {
	c, err := j.config(ctx, mesh.Proxy{Namespace: j.namespaces[3]})
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(c.Rules(), func(s mesh.Served) bool { return s.VirtualService.Name == marker }), nil
}

// config returns what istiod serves to a proxy.
func (j *judge) config(ctx context.Context, p mesh.Proxy) (*mesh.Config, error) {
	key := fmt.Sprint(p)
	if c := j.served[key]; c != nil {
		return c, nil
	}
	c, err := acctest.Served(ctx, j.istiod, p)
	j.served[key] = c
	return c, err
}

func (j *judge) judge(ctx context.Context) error {
	for _, vs := range j.known.virtualServices {
		if err := j.virtualService(ctx, vs, analysis.VirtualService(j.known, vs)); err != nil {
			return err
		}
	}
	for _, dr := range j.known.destinationRules {
		if err := j.destinationRule(ctx, dr, analysis.DestinationRule(j.known, dr)); err != nil {
			return err
		}
	}
	for _, gateway := range j.known.gateways {
		if err := j.gateway(ctx, gateway, analysis.Gateway(j.known, gateway)); err != nil {
			return err
		}
	}
	return nil
}

func (j *judge) claim(what string, ok bool, of metav1.Object, f engine.Finding) {
	j.counts[what]++
	if !ok {
		j.wrong = append(j.wrong, fmt.Sprintf("said of %s/%s, but not so: %s: %s %s", of.GetNamespace(), of.GetName(), f.Field, f.Summary, f.Detail))
	}
}

var destinationOf = regexp.MustCompile(`^spec\.((?:http|tls|tcp)\[\d+\]\.(?:route\[\d+\]\.destination|mirror))(?:\.host|\.port|\.subset)?$`)

func (j *judge) virtualService(ctx context.Context, vs *networking.VirtualService, findings []engine.Finding) error {
	us := types.NamespacedName{Namespace: vs.Namespace, Name: vs.Name}
	groups, err := j.groups(ctx, vs)
	if err != nil {
		return err
	}
	nowhere, somewhere, err := j.nowhere(ctx, vs)
	if err != nil {
		return err
	}
	said := map[string]bool{}
	everyone, err := j.everyone(ctx)
	if err != nil {
		return err
	}
	anywhere := func(so func(mesh.Served) bool) bool {
		return slices.ContainsFunc(everyone, func(c *mesh.Config) bool {
			return slices.ContainsFunc(c.Rules(), func(s mesh.Served) bool { return s.VirtualService == us && so(s) })
		})
	}
	for _, f := range findings {
		at := destinationOf.FindStringSubmatch(f.Field)
		switch {
		case at != nil:
			said[at[1]] = true
			what := strings.TrimPrefix(strings.TrimPrefix(f.Field, "spec."+at[1]), ".")
			if what == "" {
				what = "port that the request came to and"
			}
			if strings.Contains(f.Detail, "unless the namespace of the proxy has one") {
				j.claim("routes to a "+what+" that some proxies of a gateway do not know", somewhere[at[1]], vs, f)
				break
			}
			j.claim("routes to a "+what+" that does not exist", nowhere[at[1]], vs, f)
		case strings.Contains(f.Summary, "have the same host on"):
			j.claim("rules on a gateway that another virtual service's come before", j.hidden(groups, f), vs, f)
		case strings.Contains(f.Summary, "have the same host in the mesh"):
			ok, err := j.alone(ctx, f)
			if err != nil {
				return err
			}
			j.claim("virtual services of one host in the mesh", ok, vs, f)
		case strings.Contains(f.Summary, "is not served"):
			h := host.Name(vs.Spec.Hosts[indexIn(f.Field)])
			j.claim("hosts that no gateway serves", !anywhere(func(s mesh.Served) bool {
				return s.HTTP && slices.ContainsFunc(s.Domains, func(d string) bool { return h.Matches(host.Name(d)) })
			}), vs, f)
		case strings.HasPrefix(f.Field, "spec.http[") && strings.HasPrefix(f.Summary, "No proxy gets"):
			j.claim("http rules that no proxy gets", !anywhere(func(s mesh.Served) bool { return s.HTTP && s.Index == indexIn(f.Field) }), vs, f)
		case strings.HasPrefix(f.Summary, "No proxy gets"):
			j.claim("tls and tcp rules that no proxy gets", !anywhere(func(s mesh.Served) bool { return !s.HTTP }), vs, f)
		case strings.Contains(f.Summary, "names Gateway"), strings.Contains(f.Summary, "delegates to"):
			j.claim("gateways and delegates that do not exist", true, vs, f) // decided by their names
		default:
			return fmt.Errorf("nothing checks %+v", f)
		}
	}
	for at := range nowhere {
		if nowhere[at] && !said[at] {
			j.wrong = append(j.wrong, fmt.Sprintf("not said of %s: %s leads nowhere", us, at))
		}
	}
	return nil
}

func indexIn(field string) int {
	n, _ := strconv.Atoi(strings.Trim(field[strings.Index(field, "["):], "[]"))
	return n
}

// nowhere returns the destinations of a virtual service that lead nowhere: a route of the destination's rule uses a cluster that does not exist.
// somewhere has the destinations that lead nowhere for some of the namespaces in which a gateway's proxies may run.
func (j *judge) nowhere(ctx context.Context, vs *networking.VirtualService) (found, somewhere map[string]bool, err error) {
	found, somewhere = map[string]bool{}, map[string]bool{}
	roots := []*networking.VirtualService{vs}
	if len(vs.Spec.Hosts) == 0 {
		roots = slices.DeleteFunc(slices.Clone(j.known.virtualServices), func(root *networking.VirtualService) bool {
			return len(root.Spec.Hosts) == 0
		})
	}
	for _, root := range roots {
		groups, err := j.groups(ctx, root, vs)
		if err != nil {
			return nil, nil, err
		}
		for _, g := range groups {
			perProxy := make([]map[string]bool, len(g.configs))
			for i, c := range g.configs {
				perProxy[i] = j.lost(c, root, vs)
			}
			for _, lost := range perProxy {
				for at := range lost {
					somewhere[at] = true
					if !g.all || !slices.ContainsFunc(perProxy, func(other map[string]bool) bool { return !other[at] }) {
						found[at] = true
					}
				}
			}
		}
	}
	return found, somewhere, nil
}

func (j *judge) lost(c *mesh.Config, root, vs *networking.VirtualService) map[string]bool {
	lost := map[string]bool{}
	for _, s := range c.Rules() {
		if s.VirtualService.Namespace != root.Namespace || s.VirtualService.Name != root.Name || s.Unused {
			continue
		}
		index := s.Index
		if s.HTTP {
			delegate := root.Spec.Http[s.Index].Delegate
			switch {
			case (delegate != nil) != (root != vs):
				continue
			case delegate != nil && (delegate.Name != vs.Name || delegate.Namespace != vs.Namespace):
				continue
			case delegate != nil:
				index = s.Delegated
			}
			if missed := strangers(s.Route, s.Clusters); missed != nil {
				j.wrong = append(j.wrong, fmt.Sprintf("a route of %s leads to %v, too", s.VirtualService, missed))
			}
		} else if root != vs {
			continue
		}
		for _, name := range s.Clusters {
			if c.Clusters[name] {
				continue
			}
			j.counts["routes to a cluster that istiod does not serve"]++
			cluster, _ := mesh.ClusterOf(name)
			for at, d := range destinationsOf(vs) {
				inRule := strings.HasPrefix(at, fmt.Sprintf("http[%d].", index))
				if s.HTTP == strings.HasPrefix(at, "http") && (!s.HTTP || inRule) && mesh.Host(d.Host, vs.Namespace) == cluster.Host && d.Subset == cluster.Subset &&
					(d.Port == nil || int(d.Port.Number) == cluster.Port) {
					lost[at] = true
				}
			}
		}
	}
	return lost
}

// strangers returns the names of clusters in a route that are not among the known ones.
func strangers(r *routev3.Route, known []string) (all []string) {
	for _, word := range regexp.MustCompile(`outbound\|[^"\s]+`).FindAllString(r.String(), -1) {
		if !slices.Contains(known, word) {
			all = append(all, word)
		}
	}
	return all
}

var (
	comesFirst = regexp.MustCompile(`VirtualService "([^"]+)" comes first.*match its \S+ never reach http\[(\d+)\] of VirtualService "([^"]+)"`)
	followed   = regexp.MustCompile(`host "([^"]+)"\. Sidecars in namespace "([^"]+)" follow only VirtualService "([^"]+)"`)
)

// hidden reports whether one rule answers requests for another, as the finding says.
func (j *judge) hidden(groups []group, f engine.Finding) bool {
	said := comesFirst.FindStringSubmatch(f.Detail)
	if said == nil {
		return false
	}
	return slices.ContainsFunc(groups, func(g group) bool {
		return g.say(func(c *mesh.Config) bool {
			return slices.ContainsFunc(c.Rules(), func(s mesh.Served) bool {
				return s.HTTP && strconv.Itoa(s.Index) == said[2] && s.VirtualService.String() == said[3] && slices.ContainsFunc(s.Before, func(before mesh.Served) bool {
					return before.VirtualService.String() == said[1] && answers(before.Route, s.Route)
				})
			})
		})
	})
}

// answers reports whether the first route takes the requests that match the second one.
func answers(first, second *routev3.Route) bool {
	path := second.GetMatch().GetPath() + second.GetMatch().GetPrefix() + second.GetMatch().GetPathSeparatedPrefix()
	m := first.GetMatch()
	if len(m.GetHeaders()) > len(second.GetMatch().GetHeaders()) {
		return false
	}
	return m.GetPath() != "" && m.GetPath() == path || m.GetPrefix() != "" && strings.HasPrefix(path, m.GetPrefix()) ||
		m.GetPathSeparatedPrefix() != "" && (path == m.GetPathSeparatedPrefix() || strings.HasPrefix(path, m.GetPathSeparatedPrefix()+"/"))
}

// alone reports whether all rules that a sidecar has for a host come from the virtual service that the finding names.
func (j *judge) alone(ctx context.Context, f engine.Finding) (bool, error) {
	said := followed.FindStringSubmatch(f.Detail)
	if said == nil {
		return false, nil
	}
	found := false
	for _, labels := range []map[string]string{nil, {"app": "x"}} {
		c, err := j.config(ctx, mesh.Proxy{Namespace: said[2], Labels: labels})
		if err != nil {
			return false, err
		}
		ours := false
		for _, s := range c.Rules() {
			if s.HTTP && slices.Contains(s.Domains, said[1]) {
				if ours = s.VirtualService.String() == said[3]; !ours {
					break
				}
			}
		}
		found = found || ours
	}
	return found, nil
}
