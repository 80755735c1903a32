// Command controlplane is a Kubernetes cluster with Istio's control plane in one binary, for trying the
// provider out and for its tests. Nothing of it is left when it ends.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

// exitStatus ends the program with a status and without a message.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

func main() {
	err := command().Execute()
	var status exitStatus
	switch {
	case errors.As(err, &status):
		os.Exit(int(status))
	case err != nil:
		fmt.Fprintln(os.Stderr, "controlplane:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	var o options
	root := &cobra.Command{
		Use:   "controlplane [flags] [-- command args...]",
		Short: "Run Kubernetes and Istio's control plane on 127.0.0.1 until interrupted, or until a command ends",
		Long: `Runs etcd, kube-apiserver, kube-controller-manager, kube-scheduler and istiod in this process, with a
simulated node and load balancers on loopback addresses, all in a temporary folder.

With an Envoy, on the PATH or beside this program, the proxies of gateways are processes of it, applications'
pods answer who they are, and load balancers pass requests on. Without one, no request is answered.

Without a command it runs in the foreground and, when ready, prints two lines for a shell to evaluate:
export KUBECONFIG=... and export KUBE_CONFIG_PATH=...
SIGUSR1 restarts the API server.
With a command it runs that, with KUBECONFIG, KUBE_CONFIG_PATH and LAMIA_TEST_KUBECONFIG set, and ends with
its status.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && cmd.ArgsLenAtDash() != 0 {
				return fmt.Errorf("unexpected argument %q; to run a command, put it after --", args[0])
			}
			return nil
		},
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.chosen = cmd.Flags().Changed("traffic")
			return run(o, args)
		},
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.Flags().StringVar(&o.kubeconfig, "kubeconfig", "", "new `file` to write the administrator's kubeconfig to; removed at the end (default: in the temporary folder)")
	root.Flags().StringVar(&o.logs, "logs", "", "`folder` to write the logs to; kept at the end (default: in the temporary folder)")
	root.Flags().BoolVar(&o.traffic, "traffic", false, "pass requests, and fail where that is impossible; false: never (default: wherever it is possible)")
	root.AddCommand(kubeconfigCommand())
	return root
}
