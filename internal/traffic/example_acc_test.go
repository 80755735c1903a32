package traffic_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/client-go/dynamic"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	"github.com/magneticio/terraform-provider-lamia/internal/scenario"
	"github.com/magneticio/terraform-provider-lamia/internal/traffic"
)

const (
	host1    = "http://vamp-gw1-test.democluster.net"
	host1Alt = "http://vamp-gw1-alt-test.democluster.net"
	host2    = "http://vamp-gw2-test.democluster.net"
)

// Every route of the tutorial leads to the right application, from outside and from team 3's pod.
func TestAccTraffic_example(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	objects, err := dynamic.NewForConfig(acctest.Config(t))
	if err != nil {
		t.Fatal(err)
	}
	teams := scenario.New(objects, "traffic-"+strings.ToLower(rand.Text()[:8])+"-")
	teams.Change = echo
	t.Cleanup(func() {
		if err := teams.Delete(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if err := teams.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := teams.Wait(t.Context(), func(int, int) {}); err != nil {
		t.Fatal(err)
	}
	names := teams.Namespaces()
	tf := acctest.NewTerraform(t, filepath.Join("..", "..", "examples", "advanced-networking"), "", map[string]any{
		"namespaces": map[string]string{"team_1": names[0], "team_2": names[1], "team_3": names[2]},
	})
	tf.Get()
	tf.Must("apply", "-auto-approve")

	at1 := p.LoadBalancer(address(t, tf, "module.team_1.lamia_gateway.gw_1"), 80)
	at2 := p.LoadBalancer(address(t, tf, "module.team_2.lamia_gateway.gw_2"), 80)
	gw1, gw2 := p.connect(at1, nil), p.connect(at2, nil)
	pod := p.connect(p.exposed(names[2], map[string]string{"app": "app4"}, 9090), nil)
	through := func(asked string) string {
		return "http://pod/?" + url.Values{"call": {asked}, "at": {at2}}.Encode()
	}
	for _, route := range []struct {
		client             *traffic.Client
		url                string
		status             int
		namespace, version string
		path               string
	}{
		{gw1, host1 + "/", 200, names[0], "version1", "/"},
		{gw1, host1 + "/any/path?query=1", 200, names[0], "version1", "/any/path?query=1"},
		{gw1, host1Alt + "/", 200, names[0], "version2", "/"},
		// The rewrite replaces the prefix with "/". The prefix is a string, not a path segment.
		{gw2, host2 + "/service1", 200, names[0], "version3", "/"},
		{gw2, host2 + "/service1/y", 200, names[0], "version3", "//y"},
		{gw2, host2 + "/service10", 200, names[0], "version3", "/0"},
		{gw2, host2 + "/service2", 200, names[1], "version1", "/"},
		{gw2, host2 + "/service2/y?query=1", 200, names[1], "version1", "//y?query=1"},
		{gw2, host2 + "/service3", 404, "", "", ""},
		{gw2, host2 + "/", 404, "", "", ""},
		// A gateway serves only its own hosts.
		{gw1, host2 + "/service1", 404, "", "", ""},
		{gw2, host1 + "/", 404, "", "", ""},
		// From a pod of team 3, the same host leads to team 2's gateway, because of team 3's rules.
		{pod, through(host2 + "/service1/y"), 200, names[0], "version3", "//y"},
		{pod, through(host2 + "/service2"), 200, names[1], "version1", "/"},
		{pod, through(host2 + "/service3"), 404, "", "", ""},
	} {
		p.eventually(route.url, func() error {
			a, err := route.client.Get(t.Context(), route.url)
			if err != nil {
				return err
			}
			return is(a, route.status, route.namespace, route.version, route.path)
		})
		for range 50 {
			a, err := route.client.Get(t.Context(), route.url)
			if err == nil {
				err = is(a, route.status, route.namespace, route.version, route.path)
			}
			if err != nil {
				t.Fatalf("%s: %v", route.url, err)
			}
		}
	}

	// Team 3's rules set a timeout of three seconds for requests from its pod. Requests from outside have no timeout.
	slow := host2 + "/service2?delay="
	if a, err := pod.Get(t.Context(), through(slow+"20s")); err != nil || a.Status != http.StatusGatewayTimeout {
		t.Errorf("a slow call from a pod of team 3: %+v, %v", a, err)
	}
	if a, err := gw2.Get(t.Context(), slow+"4s"); err != nil || is(a, 200, names[1], "version1", "/?delay=4s") != nil {
		t.Errorf("a slow request from outside: %+v, %v", a, err)
	}

	// Weights are relative to their sum.
	tf.Configure(filepath.Join("testdata", "weights"))
	tf.Must("apply", "-auto-approve")
	p.eventually("the weights move requests", func() error {
		versions, err := gw1.Versions(t.Context(), 40, host1+"/")
		if err == nil && len(versions) < 2 {
			err = fmt.Errorf("%v", versions)
		}
		return err
	})
	// By Hoeffding's inequality, the share is off by 0.08 or more with a probability below 2·exp(-2·2000·0.08²) = 1.5e-11.
	versions, err := gw1.Versions(t.Context(), 2000, host1+"/")
	if err != nil || math.Abs(float64(versions["version2"])/2000-0.75) >= 0.08 {
		t.Errorf("with the weights 1 and 3: %v, %v", versions, err)
	}
	tf.Must("destroy", "-auto-approve")
	for _, client := range []*traffic.Client{gw1, gw2} {
		client.Close()
		p.eventually("a gateway that is gone answers nothing", func() error {
			if a, err := client.Get(t.Context(), host1+"/"); err == nil {
				return fmt.Errorf("%d %s", a.Status, a.Body)
			}
			return nil
		})
	}
}

// is checks which application answered, "" for none, and which path it received.
func is(a *traffic.Answer, status int, namespace, version, path string) error {
	if a.Status != status || a.Asked.Namespace != namespace || a.Asked.Version() != version || a.Asked.Path != path {
		return fmt.Errorf("status %d, answered by %s of %s, which was asked for %s: %s", a.Status, a.Asked.Version(), a.Asked.Namespace, a.Asked.Path, a.Body)
	}
	return nil
}
