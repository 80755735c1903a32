package cluster

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"
	"istio.io/istio/operator/pkg/manifest"
	"istio.io/istio/operator/pkg/render"
	"istio.io/istio/operator/pkg/util/clog"
	"istio.io/istio/pkg/config/constants"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"
)

// istioVersion is the Istio release of the charts, and the tag of the images that injection sets.
const istioVersion = "1.31.1"

// elsewhere are the kinds in Istio's charts that run istiod in a pod. Here it runs in this process.
var elsewhere = map[string]bool{"Deployment": true, "HorizontalPodAutoscaler": true, "PodDisruptionBudget": true}

// charts returns the objects that "istioctl install --set profile=minimal" creates, from Istio's own charts. The webhooks point to the
// istiod of this process and fail closed.
func (c *Cluster) charts() ([]manifest.Manifest, error) {
	bundle := base64.StdEncoding.EncodeToString(c.ca.pem())
	operator, err := yaml.Marshal(map[string]any{
		"apiVersion": "install.istio.io/v1alpha1",
		"kind":       "IstioOperator",
		"spec": map[string]any{
			"profile": "minimal",
			"hub":     "docker.io/istio",
			"tag":     istioVersion,
			"values": map[string]any{
				// Without a default revision, the charts omit the webhook that validates objects without a revision label.
				"defaultRevision": "default",
				"base":            map[string]any{"validationURL": "https://" + c.webhooks + "/validate", "validationCABundle": bundle},
				"istiodRemote":    map[string]any{"injectionURL": "https://" + c.webhooks + "/inject", "injectionCABundle": bundle},
			},
		},
	})
	if err != nil {
		return nil, err
	}
	file := filepath.Join(c.dir, "istio-operator.yaml")
	if err := os.WriteFile(file, operator, 0o600); err != nil {
		return nil, err
	}
	sets, _, err := render.GenerateManifest([]string{file}, nil, false, nil, clog.NewDefaultLogger())
	if err != nil {
		return nil, err
	}
	var objects []manifest.Manifest
	for _, set := range sets {
		for _, m := range set.Manifests {
			if !elsewhere[m.GetKind()] {
				objects = append(objects, m)
			}
		}
	}
	return objects, nil
}

// install creates the objects of the charts. It returns once the CRDs are established, so that the garbage collector, which looks for new
// kinds only every 30 seconds, knows them from the start.
func (c *Cluster) install(ctx context.Context, objects []manifest.Manifest) error {
	client, err := dynamic.NewForConfig(c.config)
	if err != nil {
		return err
	}
	system := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: constants.IstioSystemNamespace}}
	if _, err := c.client.CoreV1().Namespaces().Create(ctx, system, metav1.CreateOptions{}); err != nil {
		return err
	}
	work, wctx := errgroup.WithContext(ctx)
	work.SetLimit(8)
	var crds []string
	for _, m := range objects {
		if m.GetKind() == "CustomResourceDefinition" {
			crds = append(crds, m.GetName())
		}
		work.Go(func() error {
			// Istio's kinds have regular plurals, so discovery would only take time.
			resource, _ := meta.UnsafeGuessKindToResource(m.GroupVersionKind())
			_, err := client.Resource(resource).Namespace(m.GetNamespace()).Create(wctx, m.Unstructured, metav1.CreateOptions{})
			if err != nil {
				return fmt.Errorf("%s %s: %w", m.GetKind(), m.GetName(), err)
			}
			return nil
		})
	}
	if err := work.Wait(); err != nil {
		return err
	}
	definitions, err := apiextensions.NewForConfig(c.config)
	if err != nil {
		return err
	}
	return poll(ctx, func() error {
		list, err := definitions.ApiextensionsV1().CustomResourceDefinitions().List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		established := 0
		for _, d := range list.Items {
			for _, condition := range d.Status.Conditions {
				if condition.Type == apiextensionsv1.Established && condition.Status == apiextensionsv1.ConditionTrue {
					established++
				}
			}
		}
		if established < len(crds) {
			return fmt.Errorf("%d of %d CRDs are established", established, len(crds))
		}
		return nil
	})
}
