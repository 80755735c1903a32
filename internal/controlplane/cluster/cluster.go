// Package cluster runs a Kubernetes cluster with Istio in one process: the real etcd, kube-apiserver, kube-controller-manager,
// kube-scheduler and istiod, and a simulated node. With Envoy, gateways run real Envoy processes and load balancers answer requests.
// Everything listens on loopback addresses and stores its data in one directory.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"istio.io/istio/operator/pkg/manifest"
	"istio.io/istio/pkg/config/constants"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/component-base/version"

	"github.com/magneticio/terraform-provider-lamia/internal/controlplane/loadbalancer"
	"github.com/magneticio/terraform-provider-lamia/internal/controlplane/node"
)

const nodeName = "lamia-node"

// publicConfigMap is a ConfigMap in namespace istio-system with what clients of the cluster cannot find out otherwise: "xds" is the host:port
// of istiod's plaintext xDS server, "traffic" the version of Envoy or "" if pods are simulated, and "lowPorts" the number to add to ports of
// load balancers below 1024.
const publicConfigMap = "lamia-controlplane"

// Config configures a cluster.
type Config struct {
	Dir        string // existing directory for all data; the caller removes it after Stop, before the process ends
	Logs       string // existing directory for the logs, one file per part
	Kubeconfig string // path to write the administrator's kubeconfig to
	Envoy      string // path of the Envoy binary; "" simulates all pods
	Version    string // version of Envoy
	// Progress is called for each part that has become ready, with the time it took. Calls can be concurrent.
	Progress func(part string, took time.Duration)
}

// Cluster is a running cluster.
type Cluster struct {
	Config
	dir       string
	server    string // URL of the API server
	webhooks  string // host:port of istiod's webhooks
	xds       string // host:port of istiod's plaintext xDS server
	secureXDS string // host:port of istiod's TLS xDS server
	ca        *authority
	network   network
	config    *rest.Config // of the administrator
	client    kubernetes.Interface

	api         *part                   // the API server
	connections *connections            // to the API server
	machine     *part                   // the node
	forward     *loadbalancer.Forwarder // nil without Envoy
	lowPorts    uint16                  // added to ports of load balancers below 1024
	proxies     atomic.Int64            // number of proxies created so far
	failed      chan error
	abort       context.CancelCauseFunc // ends a start that has failed
}

// Start starts a cluster and returns once pods can be created and Istio's objects are validated. If a part fails, the error is a PartError,
// and the other parts run until the process ends.
func Start(ctx context.Context, config Config) (*Cluster, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	c := &Cluster{Config: config, dir: config.Dir, failed: make(chan error, 1), abort: cancel}
	if err := c.start(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

// fail reports that a part ended on its own.
func (c *Cluster) fail(err error) {
	select {
	case c.failed <- err:
	default: // only the first failure counts
	}
	c.abort(err)
}

// Failed returns a channel that receives the error of the first part that ends on its own after the start.
func (c *Cluster) Failed() <-chan error { return c.failed }

// XDS returns the host:port of istiod's plaintext xDS server.
func (c *Cluster) XDS() string { return c.xds }

// RestartAPIServer stops the API server, closes all its connections, and starts a new one on the same address.
func (c *Cluster) RestartAPIServer(ctx context.Context) error {
	c.api.stop()
	for ended := false; !ended; {
		select {
		case <-c.api.ended:
			ended = true
		case <-time.After(25 * time.Millisecond):
			c.connections.cut() // the server would wait for all watches to end
		}
	}
	listener, err := net.Listen("tcp", strings.TrimPrefix(c.server, "https://"))
	if err != nil {
		return err
	}
	c.api = c.apiserver(listener)
	return c.run(ctx, c.api)
}

// Stop stops the node and its pods. The other parts use nothing but this process and its directory, so they end with the process. Stopping
// them one by one would make each report that another is gone.
func (c *Cluster) Stop() { c.machine.halt(5 * time.Second) }

func (c *Cluster) start(ctx context.Context) error {
	if err := c.logGlobally(); err != nil {
		return fmt.Errorf("logs: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("a port for kube-apiserver: %w", err)
	}
	c.server = "https://" + listener.Addr().String()
	c.network = newNetwork(listener.Addr().(*net.TCPAddr).Port)
	for _, address := range []*string{&c.webhooks, &c.xds, &c.secureXDS} {
		if *address, err = reserve(); err != nil {
			return fmt.Errorf("a port for istiod: %w", err)
		}
	}
	if c.Envoy != "" {
		if c.lowPorts, err = c.network.lowPorts(); err != nil {
			return err
		}
	}
	if err := c.identities(); err != nil {
		return fmt.Errorf("certificates: %w", err)
	}

	// Istio's charts are rendered while the API server starts, because both take a while and are independent.
	var objects []manifest.Manifest
	work, wctx := errgroup.WithContext(ctx)
	work.Go(func() (err error) {
		if objects, err = c.charts(); err != nil {
			err = &PartError{Part: "Istio's charts", Err: err}
		}
		return err
	})
	work.Go(func() error {
		if err := c.run(wctx, c.etcd()); err != nil {
			return err
		}
		c.api = c.apiserver(listener)
		return c.run(wctx, c.api)
	})
	if err := work.Wait(); err != nil {
		return err
	}
	if err := c.step("Istio's charts", func() error { return c.install(ctx, objects) }); err != nil {
		return err
	}
	if c.Envoy != "" {
		if c.forward, err = c.forwarder(); err != nil {
			return err
		}
	}
	c.machine = c.node()
	work, wctx = errgroup.WithContext(ctx)
	for _, p := range []*part{c.controllerManager(), c.scheduler(), c.istiod(), c.machine, c.loadBalancer()} {
		work.Go(func() error { return c.run(wctx, p) })
	}
	if err := work.Wait(); err != nil {
		return err
	}
	return c.publish(ctx)
}

// run starts a part and returns once it is ready.
func (c *Cluster) run(ctx context.Context, p *part) error {
	return c.step(p.name, func() error {
		var err error
		if p.log, err = openLog(c.Logs, p.name); err != nil {
			return err
		}
		p.start(c.fail)
		return p.await(ctx)
	})
}

// step calls do and reports how long it took. Its error names the step.
func (c *Cluster) step(name string, do func() error) error {
	began := time.Now()
	err := do()
	var known *PartError
	switch {
	case err == nil:
		c.Progress(name, time.Since(began))
	case !errors.As(err, &known):
		err = &PartError{Part: name, Err: err}
	}
	return err
}

// identities creates all certificates and kubeconfigs. Each part has the same user and permissions as in a real cluster.
func (c *Cluster) identities() (err error) {
	dir := filepath.Join(c.dir, "pki")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if c.ca, err = newAuthority(dir); err != nil {
		return err
	}
	if err := c.ca.bareKey("serviceaccount"); err != nil {
		return err
	}
	if err := c.ca.server("apiserver", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"); err != nil {
		return err
	}
	if err := c.ca.server("istiod", "istiod.istio-system.svc"); err != nil {
		return err
	}
	for _, i := range []struct {
		name, user string
		groups     []string
	}{
		{"kube-controller-manager", "system:kube-controller-manager", nil},
		{"kube-scheduler", "system:kube-scheduler", nil},
		{"istiod", "system:serviceaccount:" + constants.IstioSystemNamespace + ":istiod", []string{"system:serviceaccounts"}},
		{"node", "system:node:" + nodeName, []string{"system:nodes"}},
		{"kube-proxy", "system:kube-proxy", nil},
		{"load-balancer", "system:serviceaccount:kube-system:service-controller", []string{"system:serviceaccounts"}},
	} {
		if err := c.ca.kubeconfig(c.kubeconfigOf(i.name), c.server, i.user, i.groups...); err != nil {
			return err
		}
	}
	if err := c.ca.kubeconfig(c.Kubeconfig, c.server, "kubernetes-admin", "system:masters"); err != nil {
		return err
	}
	if c.config, err = load(c.Kubeconfig); err != nil {
		return err
	}
	c.client, err = kubernetes.NewForConfig(c.config)
	return err
}

func (c *Cluster) kubeconfigOf(part string) string {
	return filepath.Join(c.dir, "pki", part+".kubeconfig")
}

// load reads a kubeconfig for a client without rate limit, because the API server limits requests itself.
func load(kubeconfig string) (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	config.QPS = -1
	return config, nil
}

// clientOf returns a client with the permissions of a part.
func (c *Cluster) clientOf(part string) (kubernetes.Interface, error) {
	config, err := load(c.kubeconfigOf(part))
	if err != nil {
		return nil, err
	}
	return kubernetes.NewForConfig(rest.AddUserAgent(config, part))
}

func (c *Cluster) node() *part {
	p := &part{name: "node"}
	p.run = func(ctx context.Context) error {
		client, err := c.clientOf(p.name)
		if err != nil {
			return err
		}
		config := node.Config{Name: nodeName, Address: c.network.node, Pods: c.network.pods, Version: version.Get().GitVersion, Log: p.log}
		if c.forward != nil {
			config.Workload, config.Leaving = c.workload, c.forward.Leaving
		}
		return node.Run(ctx, client, config)
	}
	// The node accepts pods once the controller manager considers it healthy and has removed its taints.
	p.ready = func(ctx context.Context) error {
		n, err := c.client.CoreV1().Nodes().Get(ctx, nodeName, metav1.GetOptions{})
		if err == nil && len(n.Spec.Taints) > 0 {
			err = fmt.Errorf("taint %s", n.Spec.Taints[0].ToString())
		}
		return err
	}
	return p
}

func (c *Cluster) loadBalancer() *part {
	p := &part{name: "load-balancer"}
	up := make(chan struct{})
	p.run = func(ctx context.Context) error {
		client, err := c.clientOf(p.name)
		if err != nil {
			return err
		}
		return loadbalancer.Run(withLog(ctx, p), client, c.network.loadBalancers, c.forward, func() { close(up) })
	}
	p.ready = func(ctx context.Context) error { return closed(ctx, p, up) }
	return p
}

// forwarder returns a Forwarder that runs until the process ends.
func (c *Cluster) forwarder() (*loadbalancer.Forwarder, error) {
	client, err := c.clientOf("kube-proxy")
	if err != nil {
		return nil, err
	}
	return loadbalancer.NewForwarder(context.Background(), client, c.network.loopback, c.lowPorts), nil
}

// LowPorts returns the number to add to ports of load balancers below 1024.
func (c *Cluster) LowPorts() int { return int(c.lowPorts) }

// publish creates the ConfigMap with what clients of the cluster cannot find out otherwise.
func (c *Cluster) publish(ctx context.Context) error {
	_, err := c.client.CoreV1().ConfigMaps(constants.IstioSystemNamespace).Create(ctx, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: publicConfigMap},
		Data:       map[string]string{"xds": c.xds, "traffic": c.Version, "lowPorts": strconv.Itoa(int(c.lowPorts))},
	}, metav1.CreateOptions{})
	return err
}
