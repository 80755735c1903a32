package traffic_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"time"

	networking "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	"github.com/magneticio/terraform-provider-lamia/internal/analysis"
	"github.com/magneticio/terraform-provider-lamia/internal/engine"
	"github.com/magneticio/terraform-provider-lamia/internal/istio"
	"github.com/magneticio/terraform-provider-lamia/internal/mesh"
	"github.com/magneticio/terraform-provider-lamia/internal/routing"
	"github.com/magneticio/terraform-provider-lamia/internal/traffic"
)

type dict = map[string]any

// Envoy handles random requests with random rules as the simulation says.
func TestAccTraffic_simulated(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	team := newTeam(p)
	p.application(team.namespace, "app", "v2")
	acctest.NewObject(t, istio.DestinationRule(), team.namespace, "app").Create(`{"host":"app","subsets":[{"name":"v1","labels":{"version":"v1"}},{"name":"v2","labels":{"version":"v2"}}]}`, nil)
	vs := acctest.NewObject(t, istio.VirtualService(), team.namespace, "www")
	client := p.connect(team.at, nil)
	seed := uint64(time.Now().UnixNano())
	random := chance{rand.New(rand.NewPCG(seed, seed))}
	counts := map[string]int{}
	for round := range 25 {
		marker := fmt.Sprint("/round/", round)
		rules := append([]any{dict{"match": []any{dict{"uri": dict{"exact": marker}}}, "directResponse": dict{"status": 299}}}, random.rules()...)
		patch, err := json.Marshal(dict{"spec": dict{"http": rules}})
		if err != nil {
			t.Fatal(err)
		}
		vs.Patch(string(patch))
		p.eventually("Envoy follows "+marker, func() error {
			a, err := client.Get(t.Context(), "http://www.example.test"+marker)
			if err == nil && a.Status != 299 {
				err = fmt.Errorf("status %d", a.Status)
			}
			return err
		})
		objects := team.objects()
		for range 100 {
			r := random.request(team.namespace + "/gw")
			want, err := routing.Route(objects, r)
			if err != nil {
				t.Fatal(err)
			}
			var headers []string
			for name, value := range r.Headers {
				headers = append(headers, name, value)
			}
			got, err := client.Send(t.Context(), r.Method, "http://"+r.Host+r.Path, headers...)
			if err == nil {
				err = differs(want, got)
			}
			if err != nil {
				t.Fatalf("seed %d: %+v is to be %+v: %v, by %s", seed, r, want, err, patch)
			}
			outcome := want.Outcome
			if want.Fault != nil {
				outcome += " with a fault"
			}
			if len(want.Destinations) > 1 {
				outcome += " to several"
			}
			counts[outcome]++
		}
	}
	t.Log(counts)
	for _, outcome := range []string{routing.Forwarded, routing.Redirected, routing.Answered, routing.NotFound, routing.Unavailable} {
		if counts[outcome] == 0 {
			t.Errorf("no request is %s", outcome)
		}
	}
}

// differs returns how a response differs from the expected result.
func differs(want routing.Result, got *traffic.Answer) error {
	var seen any
	switch {
	case want.Fault != nil:
		if got.Status != want.Fault.Abort {
			return fmt.Errorf("status %d", got.Status)
		}
		return nil
	case want.Outcome == routing.Forwarded:
		version := "v1"
		if got.Asked.Version() != "" {
			version = got.Asked.Version()
		}
		fits := slices.ContainsFunc(want.Destinations, func(d routing.Destination) bool {
			return d.Exists && d.Share > 0 && (d.Subset == version || d.Subset == "")
		})
		lost := slices.ContainsFunc(want.Destinations, func(d routing.Destination) bool { return !d.Exists && d.Share > 0 })
		if lost && got.Status == http.StatusServiceUnavailable || got.Status == http.StatusOK && fits && got.Asked.Path == want.Path && got.Asked.Host == want.Host {
			return nil
		}
		seen = got.Asked
	case want.Outcome == routing.Redirected:
		if location := got.Headers.Get("Location"); got.Status == want.Status && location == want.Redirect {
			return nil
		}
		seen = got.Headers
	case want.Status == got.Status && (want.Outcome != routing.Answered || want.Body == got.Body):
		return nil
	}
	return fmt.Errorf("status %d: %+v", got.Status, seen)
}

// objects returns the objects that affect the team's routes.
func (t *team) objects() (o mesh.Objects) {
	add(t, &o.Gateways, istio.Gateway(), "gw")
	add(t, &o.VirtualServices, istio.VirtualService(), "www")
	add(t, &o.DestinationRules, istio.DestinationRule(), "app")
	add(t, &o.Services, istio.Service(), "app")
	return o
}

func add[T networking.Gateway | networking.VirtualService | networking.DestinationRule | corev1.Service](t *team, to *[]*T, kind *engine.Kind, name string) {
	t.t.Helper()
	o, err := analysis.Convert[T](acctest.NewObject(t.t, kind, t.namespace, name).Live())
	if err != nil {
		t.t.Fatal(err)
	}
	*to = append(*to, o)
}

type chance struct{ *rand.Rand }

func one[T any](c chance, of ...T) T { return of[c.IntN(len(of))] }

// rules returns random rules of one host.
func (c chance) rules() (rules []any) {
	for range 2 + c.IntN(5) {
		rule := dict{}
		var matches []any
		for range c.IntN(3) {
			matches = append(matches, c.match())
		}
		if matches != nil {
			rule["match"] = matches
		}
		switch c.IntN(8) {
		case 0:
			rule["redirect"] = one(c, dict{"uri": "/new"}, dict{"authority": "other.example.test", "redirectCode": 302}, dict{"scheme": "https", "redirectCode": 308}, dict{"port": 8080, "uri": "/p"})
		case 1:
			rule["directResponse"] = dict{"status": one(c, 200, 418, 503), "body": dict{"string": one(c, "closed", "tea")}}
		default:
			rule["route"] = c.destinations()
			if c.IntN(3) == 0 {
				rule["rewrite"] = one(c, dict{"uri": "/inner"}, dict{"authority": "inner.example.test"}, dict{"uri": "/", "authority": "inner.example.test"},
					dict{"uriRegexRewrite": dict{"match": "/([a-z]+)/(.*)", "rewrite": `/\2/\1`}})
			}
			if c.IntN(6) == 0 {
				rule["fault"] = dict{"abort": dict{"httpStatus": one(c, 400, 418, 503), "percentage": dict{"value": 100}}}
			}
		}
		rules = append(rules, rule)
		if matches == nil {
			break // istiod rejects rules after one that matches all
		}
	}
	return rules
}

func (c chance) destinations() (routes []any) {
	to := func(subset string, weight int) dict {
		d := dict{"host": "app"}
		if subset != "" {
			d["subset"] = subset
		}
		return dict{"destination": d, "weight": weight}
	}
	switch c.IntN(7) {
	case 0:
		return []any{to("v1", 1), to(one(c, "v2", "v3"), one(c, 0, 1, 9))}
	case 1, 2:
		return []any{to("v3", 1)} // does not exist
	}
	return []any{to(one(c, "", "v1", "v2"), 1)}
}

func (c chance) text() dict {
	return one(c, dict{"exact": "1"}, dict{"prefix": "1"}, dict{"regex": "[0-9]+"}, dict{})
}

func (c chance) match() dict {
	m := dict{}
	switch c.IntN(6) {
	case 0:
		m["uri"] = dict{"exact": one(c, "/x/a", "/x/b", "/X/A")}
	case 1, 2:
		m["uri"] = dict{"prefix": one(c, "/x", "/x/", "/xx", "/", "/x/a", "/x/a/")}
	case 3:
		m["uri"] = dict{"regex": one(c, "/x/.*", "/[xy]+/a", ".*b", "/x")}
	case 4:
		m["method"] = dict{"exact": one(c, "GET", "PUT")}
	}
	if m["uri"] != nil && c.IntN(4) == 0 {
		m["ignoreUriCase"] = true
	}
	if c.IntN(3) == 0 {
		m["headers"] = dict{one(c, "k", "l"): c.text()}
	}
	if c.IntN(4) == 0 {
		m["withoutHeaders"] = dict{one(c, "k", "l"): c.text()}
	}
	if c.IntN(4) == 0 {
		m["queryParams"] = dict{"q": one(c, dict{"exact": "1"}, dict{"prefix": "1"}, dict{"regex": "[0-9]+"})}
	}
	if c.IntN(5) == 0 {
		m["port"] = one(c, 80, 8080)
	}
	if len(m) == 0 {
		m["authority"] = dict{"exact": "www.example.test"}
	}
	return m
}

func (c chance) request(gateway string) routing.Request {
	r := routing.Request{Gateway: gateway, Protocol: "http", Host: "www.example.test", Port: 80, Method: one(c, "GET", "PUT", "POST"), Headers: map[string]string{},
		Path: one(c, "/x/a", "/x/b", "/x/ab", "/X/A", "/xx/a", "/y/a", "/y/b", "/x/a/c", "/x", "/") + one(c, "", "", "?q=1", "?q=12", "?q=a", "?r=1")}
	for _, name := range []string{"k", "l"} {
		if c.IntN(2) == 0 {
			r.Headers[name] = one(c, "1", "12", "2", "a", "a1")
		}
	}
	return r
}
