package cluster

import (
	"context"

	"k8s.io/kubernetes/cmd/kube-scheduler/app"
	"k8s.io/kubernetes/cmd/kube-scheduler/app/options"
)

func (c *Cluster) scheduler() *part {
	p := &part{name: "kube-scheduler"}
	up := make(chan struct{})
	p.run = func(ctx context.Context) error {
		o := options.NewOptions()
		if err := parse(p.name, *o.Flags,
			"--kubeconfig="+c.kubeconfigOf("kube-scheduler"),
			"--leader-elect=false",
			"--secure-port=0",
			"--kube-api-qps=500", "--kube-api-burst=1000",
			"--profiling=false",
		); err != nil {
			return err
		}
		ctx = withLog(ctx, p)
		config, scheduler, err := app.Setup(ctx, o)
		if err != nil {
			return err
		}
		go func() {
			config.InformerFactory.WaitForCacheSync(ctx.Done())
			if scheduler.WaitForHandlersSync(ctx) == nil {
				close(up)
			}
		}()
		return app.Run(ctx, config, scheduler)
	}
	p.ready = func(ctx context.Context) error { return closed(ctx, p, up) }
	return p
}
