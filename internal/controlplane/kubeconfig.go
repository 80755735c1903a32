package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/utils/ptr"

	"github.com/magneticio/terraform-provider-lamia/internal/controlplane/cluster"
)

// tokenLifetime is the lifetime of a token: longer than a working day and any test.
const tokenLifetime = 12 * time.Hour

func kubeconfigCommand() *cobra.Command {
	var namespace, account string
	cmd := &cobra.Command{
		Use:   "kubeconfig --namespace N --service-account SA",
		Short: "Print a kubeconfig with the permissions of a ServiceAccount in the cluster of $KUBECONFIG",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			content, err := mint(cmd.Context(), namespace, account)
			if err != nil {
				return err
			}
			_, err = os.Stdout.Write(content)
			return err
		},
	}
	cmd.Flags().StringVarP(&namespace, "namespace", "n", "default", "namespace of the ServiceAccount and of the kubeconfig's context")
	cmd.Flags().StringVar(&account, "service-account", "", "name of the ServiceAccount")
	cobra.CheckErr(cmd.MarkFlagRequired("service-account"))
	return cmd
}

// mint requests a token for a ServiceAccount from the API server and returns a kubeconfig with it.
func mint(ctx context.Context, namespace, account string) ([]byte, error) {
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(clientcmd.NewDefaultClientConfigLoadingRules(), nil).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("KUBECONFIG: %w", err)
	}
	if err := rest.LoadTLSFiles(config); err != nil {
		return nil, fmt.Errorf("KUBECONFIG: %w", err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: ptr.To(int64(tokenLifetime.Seconds()))}}
	response, err := client.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, account, request, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("creating a token for ServiceAccount %s/%s: %w", namespace, account, err)
	}
	return clientcmd.Write(*cluster.Kubeconfig(
		&clientcmdapi.Cluster{Server: config.Host, CertificateAuthorityData: config.CAData},
		namespace, account, &clientcmdapi.AuthInfo{Token: response.Status.Token}))
}
