package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"
)

// bench is the state that all measurements share.
type bench struct {
	*report
	n           int
	client      dynamic.Interface
	proxy       *proxy
	proxyConfig string // path of a kubeconfig for the proxy
	lamia, stub string // folders with the binary of the provider and of S
}

func run(ctx context.Context) (err error) {
	b := &bench{report: &report{}}
	if b.n, err = fleetSize(); err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBE_CONFIG_PATH"))
	if err != nil {
		return err
	}
	config.QPS = -1
	if b.client, err = dynamic.NewForConfig(config); err != nil {
		return err
	}
	if b.lamia, b.stub, err = providers(); err != nil {
		return err
	}
	defer os.RemoveAll(b.stub)
	if b.proxy, err = newProxy(config); err != nil {
		return err
	}
	defer b.proxy.Close()
	if b.proxyConfig, err = b.proxy.kubeconfig(b.stub); err != nil {
		return err
	}
	parts := []struct {
		name    string
		measure func(context.Context) error
	}{{"fleet", b.fleet}, {"warnings", b.warnings}, {"gateways", b.gateways}, {"large", b.large}}
	for _, part := range parts {
		if chosen := os.Getenv("BENCH_PART"); chosen != "" && chosen != part.name {
			continue
		}
		if err := part.measure(ctx); err != nil {
			return err
		}
	}
	if b.targets == nil {
		return fmt.Errorf("BENCH_PART has no part %q", os.Getenv("BENCH_PART"))
	}
	return b.write(filepath.Join(".build", "bench.json"))
}

// namespace creates a namespace. end deletes it.
func (b *bench) namespace(ctx context.Context, name string) (end func(), err error) {
	client := b.client.Resource(corev1.SchemeGroupVersion.WithResource("namespaces"))
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name}}}
	_, err = client.Create(ctx, o, metav1.CreateOptions{})
	return func() { _ = client.Delete(context.WithoutCancel(ctx), name, metav1.DeleteOptions{}) }, err
}

// fleet measures how long it takes to create, plan, change and destroy the fleet, compared with S, T and A.
func (b *bench) fleet(ctx context.Context) (err error) {
	f, direct := fleet{n: b.n, namespace: "bench-fleet", timeout: "2s"}, fleet{n: b.n, namespace: "bench-direct", timeout: "2s"}
	for _, namespace := range []string{f.namespace, direct.namespace} {
		end, err := b.namespace(ctx, namespace)
		if err != nil {
			return err
		}
		defer end()
	}
	if err := f.entries(ctx, b.client); err != nil {
		return err
	}
	lamia, err := newWorkspace(ctx, f.resources(), b.lamia)
	if err != nil {
		return err
	}
	stub, err := newWorkspace(ctx, f.resources(), b.stub)
	if err != nil {
		return err
	}
	alone, err := newWorkspace(ctx, f.data(), b.stub)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lamia.close(), stub.close(), alone.close()) }()

	const apply, destroy, plan = "apply", "destroy", "plan"
	turn := func(name, operation string, args ...string) error {
		s, err := stub.run(ctx, args...)
		if err != nil {
			return err
		}
		t, err := alone.run(ctx, args...)
		if err != nil {
			return err
		}
		l, err := lamia.run(ctx, args...)
		if err != nil {
			return err
		}
		objects := float64(2 * f.n)
		if operation != "" {
			a, err := direct.direct(ctx, b.client, operation)
			if err != nil {
				return err
			}
			fmt.Fprintf(os.Stderr, "%s: S %.2f s, T %.2f s, A %.2f s\n", name, s.wall, t.wall, a)
			b.ratio(name+", wall time vs 1.1 S + 1.5 A", l.wall, 1.1*s.wall+1.5*a, "s", 1)
			return nil
		}
		b.ratio(name+", wall time vs S", l.wall, s.wall, "s", 1.15)
		b.ratio(name+", wall time vs T", l.wall, t.wall, "s", 1.15)
		b.atMost(name+", provider CPU per object", 1000*l.provider/objects, "ms", 3)
		b.atMost(name+", provider CPU per object, S", 1000*s.provider/objects, "ms", 3)
		limit := 150.
		if f.n > 1000 {
			limit = 300
		}
		b.atMost(name+", provider peak memory", l.peak, "MB", limit)
		b.atMost(name+", warnings", float64(l.warnings), "warnings", 0)
		return nil
	}
	if err := turn("create", "create", apply, "-auto-approve"); err != nil {
		return err
	}
	if err := turn("plan without changes", "", plan, "-detailed-exitcode"); err != nil {
		return err
	}
	if err := b.distant(ctx, lamia, stub); err != nil {
		return err
	}

	f.timeout, direct.timeout = "3s", "3s"
	if err := errors.Join(lamia.configure(f.resources()), stub.configure(f.resources()), alone.configure(f.data())); err != nil {
		return err
	}
	if err := turn("change all virtual services", "change", apply, "-auto-approve"); err != nil {
		return err
	}
	return turn("destroy", "destroy", destroy, "-auto-approve")
}

// distant counts the requests of a plan, and measures the plan with a round trip time of 50 ms.
func (b *bench) distant(ctx context.Context, lamia, stub *workspace) error {
	b.proxy.take()
	lamia.env = append(lamia.env, "KUBE_CONFIG_PATH="+b.proxyConfig)
	defer func() { lamia.env = lamia.env[:len(lamia.env)-1] }()
	if _, err := lamia.run(ctx, "plan", "-detailed-exitcode"); err != nil {
		return err
	}
	counted := b.proxy.take()
	all, most := each(counted, "list")
	objects := float64(2 * b.n) // lists of all namespaces also contain the objects of A
	b.atMost("plan without changes, lists per kind and namespace", float64(most), "lists", 1+objects/500)
	b.atMost("plan without changes, other requests", float64(total(counted)-all), "requests", 0)

	b.proxy.delay.Store(int64(50 * time.Millisecond))
	defer b.proxy.delay.Store(0)
	s, err := stub.run(ctx, "plan", "-detailed-exitcode")
	if err != nil {
		return err
	}
	l, err := lamia.run(ctx, "plan", "-detailed-exitcode")
	if err != nil {
		return err
	}
	b.ratio("plan without changes, 50 ms round trip, wall time vs S", l.wall, s.wall, "s", 1.3)
	return nil
}

// warnings measures the fleet if each virtual service has a warning.
func (b *bench) warnings(ctx context.Context) (err error) {
	f := fleet{n: b.n, namespace: "bench-warnings", timeout: "2s", missing: true}
	end, err := b.namespace(ctx, f.namespace)
	if err != nil {
		return err
	}
	defer end()
	if err := f.entries(ctx, b.client); err != nil {
		return err
	}
	lamia, err := newWorkspace(ctx, f.resources(), b.lamia, "KUBE_CONFIG_PATH="+b.proxyConfig)
	if err != nil {
		return err
	}
	stub, err := newWorkspace(ctx, f.resources(), b.stub)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lamia.close(), stub.close()) }()
	s, err := stub.run(ctx, "apply", "-auto-approve")
	if err != nil {
		return err
	}
	b.proxy.take()
	l, err := lamia.run(ctx, "apply", "-auto-approve")
	if err != nil {
		return err
	}
	counted := b.proxy.take()
	objects := float64(2 * f.n)
	b.ratio("create with a warning each, wall time vs S + 3 s", l.wall, s.wall+3, "s", 1.4)
	b.atMost("create with a warning each, writes per object", float64(counted["create"]+counted["patch"])/objects, "requests", 1)
	b.atMost("create with a warning each, gets per object", float64(counted["get"])/objects, "requests", 1)
	_, most := each(counted, "list")
	b.atMost("create with a warning each, lists per kind and namespace", float64(most), "lists", 1)
	_, most = each(counted, "watch")
	b.atMost("create with a warning each, watches per kind and namespace", float64(most), "watches", 1)
	if s, err = stub.run(ctx, "plan", "-detailed-exitcode"); err != nil {
		return err
	}
	if l, err = lamia.run(ctx, "plan", "-detailed-exitcode"); err != nil {
		return err
	}
	b.ratio("plan with a warning each, wall time vs S", l.wall, s.wall, "s", 1.15)
	b.atMost("plan with a warning each, provider CPU per object", 1000*l.provider/objects, "ms", 3)
	b.proxy.take()
	f.timeout = "3s"
	if err := lamia.configure(f.resources()); err != nil {
		return err
	}
	one := "lamia_virtual_service.all[0]"
	if _, err := lamia.run(ctx, "apply", "-auto-approve", "-refresh=false", "-target="+one); err != nil {
		return err
	}
	counted = b.proxy.take()
	b.atMost("change one object, requests that read or write it", float64(counted["get"]+counted["patch"]), "requests", 2)
	if err := b.outage(ctx, lamia); err != nil {
		return err
	}
	_, err = lamia.run(ctx, "destroy", "-auto-approve")
	return err
}

// outage measures how long a plan takes while the API server answers 503.
func (b *bench) outage(ctx context.Context, applied *workspace) error {
	b.proxy.refuse.Store(true)
	defer b.proxy.refuse.Store(false)
	start := time.Now()
	if _, err := applied.run(ctx, "plan"); err == nil {
		return errors.New("the plan succeeded although the API server answers 503")
	}
	b.atMost("plan while the API server answers 503, wall time", time.Since(start).Seconds(), "s", 60)
	return nil
}

// gateways counts the requests of a plan of gateways that have their own proxies.
func (b *bench) gateways(ctx context.Context) (err error) {
	n := min(100, b.n)
	const namespace = "bench-gateways"
	end, err := b.namespace(ctx, namespace)
	if err != nil {
		return err
	}
	defer end()
	w, err := newWorkspace(ctx, gateways(namespace, n), b.lamia, "KUBE_CONFIG_PATH="+b.proxyConfig)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if _, err := w.run(ctx, "apply", "-auto-approve"); err != nil {
		return err
	}
	b.proxy.take()
	if _, err := w.run(ctx, "plan", "-detailed-exitcode"); err != nil {
		return err
	}
	counted := b.proxy.take()
	all, _ := each(counted, "list")
	b.atMost("plan of gateways, requests per gateway", float64(total(counted))/float64(n), "requests", 3)
	b.atMost("plan of gateways, writes and dry runs", float64(total(counted)-counted["get"]-all), "requests", 0)
	_, err = w.run(ctx, "destroy", "-auto-approve")
	return err
}

// large measures the validation and the plan of large objects.
func (b *bench) large(ctx context.Context) (err error) {
	const namespace = "bench-large"
	end, err := b.namespace(ctx, namespace)
	if err != nil {
		return err
	}
	defer end()
	w, err := newWorkspace(ctx, large(namespace, 200, 1000), b.lamia)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	for _, command := range []string{"validate", "plan"} {
		u, err := w.run(ctx, command)
		if err != nil {
			return err
		}
		b.atMost(command+" of 200 subsets and 1,000 routes, provider CPU", u.provider, "s", 1)
	}
	return nil
}
