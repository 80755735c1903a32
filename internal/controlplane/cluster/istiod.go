package cluster

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	networkingv1 "istio.io/api/networking/v1"
	clientv1 "istio.io/client-go/pkg/apis/networking/v1"
	versionedclient "istio.io/client-go/pkg/clientset/versioned"
	"istio.io/istio/pilot/pkg/bootstrap"
	"istio.io/istio/pilot/pkg/features"
	"istio.io/istio/pilot/pkg/serviceregistry/provider"
	"istio.io/istio/pkg/cluster"
	"istio.io/istio/pkg/config/constants"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// istiod is Istio's control plane: validation, injection and xDS. It has the permissions of its service account.
func (c *Cluster) istiod() *part {
	p := &part{name: "istiod"}
	features.EnableQUICListeners = true // elsewhere set by PILOT_ENABLE_QUIC_LISTENERS; has an effect on gateways with a UDP port only
	up := make(chan struct{})
	p.run = func(ctx context.Context) error {
		args := bootstrap.NewPilotArgs(func(a *bootstrap.PilotArgs) {
			a.PodName = "istiod"
			a.Namespace = constants.IstioSystemNamespace
			a.CniNamespace = a.Namespace
			a.Revision = "default"
			a.MeshConfigFile = filepath.Join(c.dir, "none") // does not exist, so istiod reads the ConfigMap "istio"
			a.NetworksConfigFile = a.MeshConfigFile
			a.InjectionOptions.InjectionDirectory = a.MeshConfigFile // likewise, so istiod reads "istio-sidecar-injector"
			a.ShutdownDuration = time.Second
			a.RegistryOptions.Registries = []string{string(provider.Kubernetes)}
			a.RegistryOptions.KubeConfig = c.kubeconfigOf("istiod")
			a.RegistryOptions.ClusterRegistriesNamespace = a.Namespace
			a.RegistryOptions.KubeOptions.Revision = a.Revision
			a.RegistryOptions.KubeOptions.DomainSuffix = constants.DefaultClusterLocalDomain
			a.RegistryOptions.KubeOptions.ClusterID = cluster.ID(constants.DefaultClusterName)
			a.RegistryOptions.KubeOptions.KubernetesAPIQPS = 500
			a.RegistryOptions.KubeOptions.KubernetesAPIBurst = 1000
			a.ServerOptions = bootstrap.DiscoveryServerOptions{
				HTTPAddr:       "127.0.0.1:0",
				HTTPSAddr:      c.webhooks,
				GRPCAddr:       c.xds,
				SecureGRPCAddr: c.secureXDS,
				TLSOptions: bootstrap.TLSOptions{
					CaCertFile:    c.ca.certFile("ca"),
					CertFile:      c.ca.certFile("istiod"),
					KeyFile:       c.ca.keyFile("istiod"),
					TLSMinVersion: bootstrap.TLSMinVersion1_2,
				},
			}
		})
		if err := args.Complete(); err != nil {
			return err
		}
		server, err := bootstrap.NewServer(args)
		if err != nil {
			return err
		}
		if err := server.Start(ctx.Done()); err != nil {
			return err
		}
		close(up)
		<-ctx.Done()
		server.WaitUntilCompletion()
		return nil
	}
	p.ready = func(ctx context.Context) error {
		if err := closed(ctx, p, up); err != nil {
			return err
		}
		return c.validates(ctx)
	}
	return p
}

// validates returns nil once the API server calls istiod to validate Istio's objects. It creates a VirtualService with an empty route, as a dry
// run: the CRD allows that, but Istio does not.
func (c *Cluster) validates(ctx context.Context) error {
	client, err := versionedclient.NewForConfig(c.config)
	if err != nil {
		return err
	}
	_, err = client.NetworkingV1().VirtualServices(corev1.NamespaceDefault).Create(ctx, &clientv1.VirtualService{
		ObjectMeta: metav1.ObjectMeta{Name: "probe"},
		Spec:       networkingv1.VirtualService{Hosts: []string{"probe.invalid"}, Http: []*networkingv1.HTTPRoute{{}}},
	}, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err == nil {
		return errors.New("an invalid VirtualService was not rejected")
	}
	if !strings.Contains(err.Error(), `"validation.istio.io" denied the request`) {
		return fmt.Errorf("an invalid VirtualService was rejected for another reason: %w", err)
	}
	return nil
}
