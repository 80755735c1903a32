// Package loadbalancer is a cloud provider that has nothing but load balancers. Kubernetes' own service controller requests one for each
// Service of type LoadBalancer. A load balancer has an address and forwards connections to pods.
package loadbalancer

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	cloudprovider "k8s.io/cloud-provider"
	"k8s.io/cloud-provider/controllers/service"
	controllersmetrics "k8s.io/component-base/metrics/prometheus/controllers"

	"github.com/magneticio/terraform-provider-lamia/internal/controlplane/address"
)

const (
	name    = "loopback"
	workers = 2
)

// Run gives each Service of type LoadBalancer an address from pool until ctx ends. It ignores Services with a loadBalancerClass. Without a
// forwarder, nothing listens on the addresses. Run calls up once its caches are synced.
func Run(ctx context.Context, client kubernetes.Interface, pool *address.Pool, forwarder *Forwarder, up func()) error {
	factory := informers.NewSharedInformerFactory(client, 0)
	controller, err := service.New(&cloud{balancer{pool, forwarder}}, client, factory.Core().V1().Services(), factory.Core().V1().Nodes(),
		name, utilfeature.DefaultFeatureGate)
	if err != nil {
		return fmt.Errorf("service controller: %w", err)
	}
	factory.Start(ctx.Done())
	defer factory.Shutdown()
	go func() {
		factory.WaitForCacheSync(ctx.Done())
		if ctx.Err() == nil {
			up()
		}
	}()
	controller.Run(ctx, workers, controllersmetrics.NewControllerManagerMetrics(name))
	return nil
}

// balancer implements cloudprovider.LoadBalancer.
type balancer struct {
	pool      *address.Pool
	forwarder *Forwarder // nil if pods are simulated
}

func (b balancer) GetLoadBalancerName(_ context.Context, _ string, s *corev1.Service) string {
	return cloudprovider.DefaultLoadBalancerName(s)
}

func (b balancer) GetLoadBalancer(_ context.Context, _ string, s *corev1.Service) (*corev1.LoadBalancerStatus, bool, error) {
	a, ok := b.pool.Lookup(string(s.UID))
	if !ok {
		return nil, false, nil
	}
	return status(a.String()), true, nil
}

func (b balancer) EnsureLoadBalancer(_ context.Context, _ string, s *corev1.Service, _ []*corev1.Node) (*corev1.LoadBalancerStatus, error) {
	a, err := b.pool.Acquire(string(s.UID))
	if err != nil {
		return nil, err
	}
	if b.forwarder != nil {
		if err := b.forwarder.Forward(s, a); err != nil {
			return nil, err
		}
	}
	return status(a.String()), nil
}

func (b balancer) UpdateLoadBalancer(context.Context, string, *corev1.Service, []*corev1.Node) error {
	return nil // the address does not depend on the nodes
}

func (b balancer) EnsureLoadBalancerDeleted(_ context.Context, _ string, s *corev1.Service) error {
	if b.forwarder != nil {
		b.forwarder.Stop(string(s.UID))
	}
	b.pool.Release(string(s.UID))
	return nil
}

func status(ip string) *corev1.LoadBalancerStatus {
	mode := corev1.LoadBalancerIPModeVIP
	return &corev1.LoadBalancerStatus{Ingress: []corev1.LoadBalancerIngress{{IP: ip, IPMode: &mode}}}
}

// cloud implements cloudprovider.Interface with load balancers only.
type cloud struct {
	balancer
}

func (c *cloud) Initialize(cloudprovider.ControllerClientBuilder, <-chan struct{}) {}
func (c *cloud) LoadBalancer() (cloudprovider.LoadBalancer, bool)                  { return c.balancer, true }
func (c *cloud) Instances() (cloudprovider.Instances, bool)                        { return nil, false }
func (c *cloud) InstancesV2() (cloudprovider.InstancesV2, bool)                    { return nil, false }
func (c *cloud) Zones() (cloudprovider.Zones, bool)                                { return nil, false }
func (c *cloud) Clusters() (cloudprovider.Clusters, bool)                          { return nil, false }
func (c *cloud) Routes() (cloudprovider.Routes, bool)                              { return nil, false }
func (c *cloud) ProviderName() string                                              { return name }
func (c *cloud) HasClusterID() bool                                                { return true }
