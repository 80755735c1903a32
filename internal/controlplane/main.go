// Command controlplane is a Kubernetes cluster with Istio's control plane in one binary, to try out and test the provider. It leaves
// nothing behind when it ends.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

// exitStatus is an error that ends the program with an exit status and without a message.
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

If Envoy is on the PATH or next to this program, gateways run real Envoy processes, application pods
answer requests with their name, and load balancers forward requests. Without Envoy, requests get no answer.

Without a command, it runs in the foreground and prints two lines for a shell to evaluate once it is ready:
export KUBECONFIG=... and export KUBE_CONFIG_PATH=...
SIGUSR1 restarts the API server.
With a command, it sets KUBECONFIG, KUBE_CONFIG_PATH and LAMIA_TEST_KUBECONFIG, runs the command and exits with
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
	root.Flags().StringVar(&o.kubeconfig, "kubeconfig", "", "write the administrator's kubeconfig to this new `file` and remove it on exit (default: in the temporary folder)")
	root.Flags().StringVar(&o.logs, "logs", "", "write the logs to this `folder` and keep it on exit (default: in the temporary folder)")
	root.Flags().BoolVar(&o.traffic, "traffic", false, "serve requests with Envoy, and fail if that is not possible; false: simulate all pods (default: serve requests if possible)")
	root.AddCommand(kubeconfigCommand())
	return root
}
