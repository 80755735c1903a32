package istio_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/config"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
)

// An imported gateway finds its companions. workload is only in the configuration, and setting it again changes nothing.
func TestAccGateway_import(t *testing.T) {
	t.Parallel()
	acctest.NeedDataplane(t)
	g := newGateway(t, "gw")
	var before map[string]*unstructured.Unstructured
	untouched := acctest.Check(func() error {
		live := g.live()
		for kind, b := range before {
			if err := errors.Join(is("the UID of the "+kind, live[kind].GetUID(), b.GetUID()),
				is("its generation", live[kind].GetGeneration(), b.GetGeneration())); err != nil {
				return err
			}
		}
		return nil
	})
	tuned := object{"workload": object{"autoscaling": object{"max_replicas": 7}, "termination_grace_period_seconds": 7}}
	forgotten := config.StaticDirectory(acctest.Folder(t, "", map[string]string{
		"main.tf": "removed {\n  from = " + gatewayAddress + "\n  lifecycle {\n    destroy = false\n  }\n}\n",
	}))
	imported := config.StaticDirectory(acctest.Folder(t, g.folder(tuned), map[string]string{
		"import.tf": fmt.Sprintf("import {\n  to = %s\n  id = %q\n}\n", gatewayAddress, g.Namespace+"/gw"),
	}))
	g.test(
		resource.TestStep{ConfigDirectory: g.config(nil)},
		resource.TestStep{ConfigDirectory: g.config(nil), ResourceName: gatewayAddress, ImportState: true, ImportStateVerify: true},
		resource.TestStep{ConfigDirectory: g.config(nil), ResourceName: gatewayAddress, ImportState: true, ImportStateKind: resource.ImportBlockWithID},
		resource.TestStep{ConfigDirectory: g.config(tuned)},
		resource.TestStep{ConfigDirectory: forgotten},
		resource.TestStep{
			PreConfig:       func() { before = g.live() },
			ConfigDirectory: imported,
			ConfigPlanChecks: plans(plancheck.ResourceActionUpdate, told{
				"Deployment":              regexp.MustCompile(`^changed: spec\.template\.spec\.terminationGracePeriodSeconds$`),
				"HorizontalPodAutoscaler": regexp.MustCompile(`^changed: spec\.maxReplicas$`),
				"Service":                 regexp.MustCompile(`^in sync$`),
			}, planned("address", found(g.loadBalancer))),
			ConfigStateChecks: []statecheck.StateCheck{
				untouched, state("address", found(g.loadBalancer)), state("companions", inSync(g.companions()...)),
				state("workload", knownvalue.NotNull()),
			},
		},
	)
}

// Every valid name of a Gateway is also valid for its companions, even one that a Service could not have before Kubernetes 1.36.
func TestAccGateway_names(t *testing.T) {
	t.Parallel()
	acctest.NeedDataplane(t)
	for what, name := range map[string]string{"longest": strings.Repeat("long-name-", 6) + "xyz", "digit": "1gw"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, name)
			g.test(resource.TestStep{ConfigDirectory: g.config(nil), ConfigStateChecks: []statecheck.StateCheck{
				acctest.Check(g.available), acctest.Check(g.owns), acctest.Check(g.selectsItsPods),
				state("address", found(g.loadBalancer)), state("service_name", knownvalue.StringRegexp(regexp.MustCompile("^[a-z].*-gateway$"))),
			}})
			g.gone()
		})
	}
}
