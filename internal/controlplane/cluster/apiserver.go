package cluster

import (
	"context"
	"net"
	"sync"

	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/client-go/tools/cache"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
)

// apiserver serves on listener, with RBAC and the admission plugins of a kubeadm cluster.
func (c *Cluster) apiserver(listener net.Listener) *part {
	p := &part{name: "kube-apiserver"}
	c.connections = &connections{Listener: listener, open: map[net.Conn]bool{}}
	taken := c.connections
	p.run = func(ctx context.Context) error {
		name, err := cache.NewInformerName(p.name)
		if err != nil {
			return err
		}
		defer name.Release() // so that the API server can start again in this process
		o := options.NewServerRunOptions()
		o.InformerName = name
		if err := parse(p.name, o.Flags(),
			"--etcd-servers=unix://"+c.etcdSocket(),
			"--bind-address=127.0.0.1",
			"--advertise-address=127.0.0.1",
			// The endpoints of the Service "kubernetes" cannot be loopback addresses, so it has none.
			"--endpoint-reconciler-type=none",
			"--service-cluster-ip-range="+serviceNetwork.String(),
			"--tls-cert-file="+c.ca.certFile("apiserver"),
			"--tls-private-key-file="+c.ca.keyFile("apiserver"),
			"--client-ca-file="+c.ca.certFile("ca"),
			"--authorization-mode=Node,RBAC",
			"--enable-admission-plugins=NodeRestriction",
			"--allow-privileged",
			"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
			"--service-account-signing-key-file="+c.ca.keyFile("serviceaccount"),
			"--service-account-key-file="+c.ca.keyFile("serviceaccount"),
			// The node has no kubelet to get logs from. It has no ExternalIP either, so requests for logs fail at once.
			"--kubelet-preferred-address-types=ExternalIP",
			"--profiling=false",
		); err != nil {
			return err
		}
		o.SecureServing.Listener = taken
		o.SecureServing.BindPort = listener.Addr().(*net.TCPAddr).Port
		if err := o.GenericServerRunOptions.ComponentGlobalsRegistry.Set(); err != nil {
			return err
		}
		completed, err := o.Complete(ctx)
		if err != nil {
			return err
		}
		if errs := completed.Validate(); len(errs) != 0 {
			return utilerrors.NewAggregate(errs)
		}
		return app.Run(ctx, completed)
	}
	p.ready = func(ctx context.Context) error {
		return c.client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
	}
	return p
}

// connections is a listener that can close all connections that it has accepted.
type connections struct {
	net.Listener

	mu   sync.Mutex
	open map[net.Conn]bool
}

type connection struct {
	net.Conn
	of *connections
}

func (c *connections) Accept() (net.Conn, error) {
	accepted, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open[accepted] = true
	return connection{accepted, c}, nil
}

func (c connection) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c.Conn)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

func (c *connections) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for open := range c.open {
		open.Close()
	}
}
