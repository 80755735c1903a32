package cluster

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
)

// controllerManager runs all default controllers, each with the permissions of its own service account.
func (c *Cluster) controllerManager() *part {
	p := &part{name: "kube-controller-manager"}
	p.run = func(ctx context.Context) error {
		o, err := options.NewKubeControllerManagerOptions()
		if err != nil {
			return err
		}
		known, disabled, aliases := app.KnownControllers(), app.ControllersDisabledByDefault(), app.ControllerAliases()
		if err := parse(p.name, o.Flags(known, disabled, aliases),
			"--kubeconfig="+c.kubeconfigOf("kube-controller-manager"),
			"--leader-elect=false",
			"--secure-port=0",
			"--use-service-account-credentials",
			"--service-account-private-key-file="+c.ca.keyFile("serviceaccount"),
			"--root-ca-file="+c.ca.certFile("ca"),
			"--cluster-signing-cert-file="+c.ca.certFile("ca"),
			"--cluster-signing-key-file="+c.ca.keyFile("ca"),
			"--kube-api-qps=500", "--kube-api-burst=1000",
			"--profiling=false",
		); err != nil {
			return err
		}
		ctx = withLog(ctx, p)
		config, err := o.Config(ctx, known, disabled, aliases)
		if err != nil {
			return err
		}
		return app.Run(ctx, config.Complete())
	}
	// Pods can be created in a namespace once it has its default service account.
	p.ready = func(ctx context.Context) error {
		_, err := c.client.CoreV1().ServiceAccounts(corev1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
		return err
	}
	return p
}
