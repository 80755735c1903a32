package engine_test

import (
	"maps"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/config"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	"github.com/magneticio/terraform-provider-lamia/internal/istio"
)

func with(variables config.Variables, name string, value config.Variable) config.Variables {
	variables = maps.Clone(variables)
	variables[name] = value
	return variables
}

func labels(entries ...string) config.Variable {
	m := make(map[string]config.Variable)
	for i := 0; i < len(entries); i += 2 {
		m[entries[i]] = config.StringVariable(entries[i+1])
	}
	return config.MapVariable(m)
}

func expectAction(address string, action plancheck.ResourceActionType) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(address, action)}}
}

// An explicit zero, false, "", [] or {} is stored as configured and kept.
func TestAccObject_zeros(t *testing.T) {
	t.Parallel()
	o := acctest.NewObject(t, istio.VirtualService(), acctest.Namespace(t), "test")
	at := func(path ...any) tfjsonpath.Path {
		p := tfjsonpath.New("http").AtSliceIndex(0)
		for _, step := range path {
			switch s := step.(type) {
			case int:
				p = p.AtSliceIndex(s)
			case string:
				p = p.AtMapKey(s)
			}
		}
		return p
	}
	address := "lamia_virtual_service.test"
	acctest.Test(t, o.Namespace, resource.TestStep{
		ConfigDirectory: config.StaticDirectory("testdata/zeros"),
		ConfigVariables: in(o.Namespace),
		ConfigStateChecks: []statecheck.StateCheck{
			o.Stores(`{"hosts":["a.example.com"],"gateways":[],"http":[{"retries":{"attempts":0},"headers":{},
				"match":[{"uri":{"prefix":""},"ignoreUriCase":false,"headers":{}}],
				"route":[{"destination":{"host":"svc","subset":"one"},"weight":1},{"destination":{"host":"svc","subset":"two"},"weight":0}]}]}`),
			statecheck.ExpectKnownValue(address, tfjsonpath.New("gateways"), knownvalue.ListSizeExact(0)),
			statecheck.ExpectKnownValue(address, tfjsonpath.New("export_to"), knownvalue.Null()),
			statecheck.ExpectKnownValue(address, at("route", 1, "weight"), knownvalue.Int64Exact(0)),
			statecheck.ExpectKnownValue(address, at("match", 0, "uri", "prefix"), knownvalue.StringExact("")),
			statecheck.ExpectKnownValue(address, at("match", 0, "uri", "exact"), knownvalue.Null()),
			statecheck.ExpectKnownValue(address, at("match", 0, "ignore_uri_case"), knownvalue.Bool(false)),
			statecheck.ExpectKnownValue(address, at("match", 0, "headers"), knownvalue.MapSizeExact(0)),
			statecheck.ExpectKnownValue(address, at("match", 0, "without_headers"), knownvalue.Null()),
			statecheck.ExpectKnownValue(address, at("headers", "request"), knownvalue.Null()),
		},
	}, resource.TestStep{
		ConfigDirectory: config.StaticDirectory("testdata/zeros"),
		ConfigVariables: in(o.Namespace),
		ResourceName:    address, ImportState: true, ImportStateVerify: true,
	})
}

// Two spellings of the same duration are no difference, whoever wrote them.
func TestAccObject_durations(t *testing.T) {
	t.Parallel()
	o := acctest.NewObject(t, istio.VirtualService(), acctest.Namespace(t), "test")
	var before *unstructured.Unstructured
	step := func(timeout string, action plancheck.ResourceActionType) resource.TestStep {
		return resource.TestStep{
			PreConfig:        func() { before = o.Live() },
			ConfigDirectory:  config.StaticDirectory("testdata/stale"),
			ConfigVariables:  with(in(o.Namespace), "timeout", config.StringVariable(timeout)),
			ConfigPlanChecks: expectAction("lamia_virtual_service.test", action),
		}
	}
	create := step("60s", plancheck.ResourceActionCreate)
	create.PreConfig = nil
	respelled := step("60s", plancheck.ResourceActionNoop)
	respelled.PreConfig = func() { before = o.Patch(`{"spec":` + stored("1m") + `}`) }
	respelled.ConfigStateChecks = []statecheck.StateCheck{
		acctest.Check(func() error { return o.Untouched(before) }), o.Stores(stored("1m")),
		statecheck.ExpectKnownValue("lamia_virtual_service.test", tfjsonpath.New("http").AtSliceIndex(0).AtMapKey("timeout"), knownvalue.StringExact("60s")),
	}
	changed := step("61s", plancheck.ResourceActionUpdate)
	changed.ConfigStateChecks = []statecheck.StateCheck{
		acctest.Check(func() error { return o.Updated(before) }), o.Stores(stored("61s")),
	}
	acctest.Test(t, o.Namespace, create, respelled, changed)
}

// Terraform manages only the labels and annotations in the configuration.
func TestAccObject_labels(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, s specimen, o *acctest.Object) {
		var before *unstructured.Unstructured
		variables := with(with(in(o.Namespace), "labels", labels("team", "one", "tier", "web")), "annotations", labels("team", "one"))
		fewer := with(in(o.Namespace), "labels", labels("team", "one"))
		acctest.Test(t, o.Namespace,
			resource.TestStep{ConfigDirectory: s.config("minimal"), ConfigVariables: variables, ConfigStateChecks: []statecheck.StateCheck{
				o.HasLabel("team", "one"), o.HasLabel("tier", "web"), o.HasAnnotation("team", "one"),
			}},
			resource.TestStep{ // others add labels
				PreConfig: func() {
					before = o.Patch(`{"metadata":{"labels":{"theirs":"x","example.com/theirs":"x"},"annotations":{"theirs":"x"}}}`)
				},
				ConfigDirectory: s.config("minimal"), ConfigVariables: variables,
				ConfigPlanChecks: expectAction(s.address(), plancheck.ResourceActionNoop),
				ConfigStateChecks: []statecheck.StateCheck{
					acctest.Check(func() error { return o.Untouched(before) }),
					statecheck.ExpectKnownValue(s.address(), tfjsonpath.New("labels"), knownvalue.MapSizeExact(2)),
				},
			},
			resource.TestStep{ // others change labels of the configuration
				PreConfig:       func() { o.Patch(`{"metadata":{"labels":{"team":"theirs"},"annotations":{"team":null}}}`) },
				ConfigDirectory: s.config("minimal"), ConfigVariables: variables,
				ConfigPlanChecks:  expectAction(s.address(), plancheck.ResourceActionUpdate),
				ConfigStateChecks: []statecheck.StateCheck{o.HasLabel("team", "one"), o.HasAnnotation("team", "one"), o.HasLabel("theirs", "x")},
			},
			resource.TestStep{ // the configuration removes labels
				ConfigDirectory: s.config("minimal"), ConfigVariables: fewer,
				ConfigPlanChecks: expectAction(s.address(), plancheck.ResourceActionUpdate),
				ConfigStateChecks: []statecheck.StateCheck{
					o.HasLabel("team", "one"), o.HasLabel("tier", ""), o.HasAnnotation("team", ""),
					o.HasLabel("theirs", "x"), o.HasLabel("example.com/theirs", "x"), o.HasAnnotation("theirs", "x"),
				},
			},
			resource.TestStep{ // an import finds the labels that Terraform wrote
				ConfigDirectory: s.config("minimal"), ConfigVariables: fewer,
				ResourceName: s.address(), ImportState: true, ImportStateVerify: true,
			},
		)
	})
}

// An object without a namespace attribute is in the provider's namespace and moves with it.
func TestAccObject_namespace(t *testing.T) {
	t.Parallel()
	one, two := acctest.NewObject(t, istio.ServiceEntry(), acctest.Namespace(t), "test"), acctest.NewObject(t, istio.ServiceEntry(), acctest.Namespace(t), "test")
	address := "lamia_service_entry.test"
	exists := func(o *acctest.Object, want bool) acctest.Check {
		return func() error { return o.Expect(want) }
	}
	acctest.Test(t, two.Namespace,
		resource.TestStep{
			ConfigDirectory: config.StaticDirectory("testdata/provider_namespace"), ConfigVariables: in(one.Namespace),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectKnownValue(address, tfjsonpath.New("namespace"), knownvalue.StringExact(one.Namespace)),
			}},
			ConfigStateChecks: []statecheck.StateCheck{exists(one, true)},
		},
		resource.TestStep{ // by name only, in the provider's namespace
			ConfigDirectory: config.StaticDirectory("testdata/provider_namespace"), ConfigVariables: in(one.Namespace),
			ResourceName: address, ImportState: true, ImportStateId: "test", ImportStateVerify: true,
		},
		resource.TestStep{
			ConfigDirectory: config.StaticDirectory("testdata/provider_namespace"), ConfigVariables: in(two.Namespace),
			ConfigPlanChecks:  expectAction(address, plancheck.ResourceActionDestroyBeforeCreate),
			ConfigStateChecks: []statecheck.StateCheck{exists(one, false), exists(two, true)},
		},
	)
}

// Without any namespace, it is "default".
func TestAccObject_namespaceDefault(t *testing.T) {
	t.Parallel()
	acctest.Test(t, acctest.Namespace(t), resource.TestStep{
		ConfigDirectory: config.StaticDirectory("testdata/default_namespace"),
		PlanOnly:        true, ExpectNonEmptyPlan: true,
		ConfigPlanChecks: resource.ConfigPlanChecks{PostApplyPostRefresh: []plancheck.PlanCheck{
			plancheck.ExpectKnownValue("lamia_service_entry.test", tfjsonpath.New("id"), knownvalue.StringExact("default/lamia-test-default-namespace")),
		}},
	})
}

// Values that other resources provide only at apply are unknown at plan, and so are values that depend on them, but no others.
func TestAccObject_unknown(t *testing.T) {
	t.Parallel()
	o := acctest.NewObject(t, istio.ServiceEntry(), acctest.Namespace(t), "test")
	acctest.Test(t, o.Namespace, resource.TestStep{
		ConfigDirectory: config.StaticDirectory("testdata/unknown"), ConfigVariables: in(o.Namespace),
		ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
			plancheck.ExpectUnknownValue("lamia_service_entry.test", tfjsonpath.New("id")),
			plancheck.ExpectUnknownValue("lamia_service_entry.test", tfjsonpath.New("namespace")),
			plancheck.ExpectUnknownValue("lamia_service.test", tfjsonpath.New("host")),
			plancheck.ExpectKnownValue("lamia_service.known", tfjsonpath.New("host"), knownvalue.StringExact("known."+o.Namespace+".svc.cluster.local")),
			plancheck.ExpectUnknownValue("lamia_service.known", tfjsonpath.New("selector")),
			plancheck.ExpectUnknownValue("lamia_service.known", tfjsonpath.New("cluster_ip")),
		}},
		ConfigStateChecks: []statecheck.StateCheck{
			o.Stores(`{"hosts":["a.example.com"],"ports":[{"number":80,"name":"http","protocol":"HTTP"}]}`), o.HasLabel("later", "x"),
			statecheck.ExpectKnownValue("lamia_service_entry.test", tfjsonpath.New("id"), knownvalue.StringExact(o.Namespace+"/test")),
			statecheck.ExpectKnownValue("lamia_service.test", tfjsonpath.New("host"), knownvalue.StringExact("test."+o.Namespace+".svc.cluster.local")),
		},
	})
}
