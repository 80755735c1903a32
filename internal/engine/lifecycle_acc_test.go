package engine_test

import (
	"fmt"
	"maps"
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/config"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
)

// An object is created as planned, and its import has the same values. resource.Test checks after each step that the next plan is empty.
func TestAccObject_basic(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, s specimen, o *acctest.Object) {
		variables := in(o.Namespace)
		id := o.Namespace + "/test"
		acctest.Test(t, o.Namespace,
			resource.TestStep{
				ConfigDirectory: s.config("minimal"),
				ConfigVariables: variables,
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(s.address(), plancheck.ResourceActionCreate),
					plancheck.ExpectKnownValue(s.address(), tfjsonpath.New("id"), knownvalue.StringExact(id)),
					plancheck.ExpectUnknownValue(s.address(), tfjsonpath.New("uid")),
				}},
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(s.address(), tfjsonpath.New("id"), knownvalue.StringExact(id)),
					statecheck.ExpectKnownValue(s.address(), tfjsonpath.New("uid"), o.UID()),
					statecheck.ExpectKnownValue(s.address(), tfjsonpath.New("labels"), knownvalue.Null()),
					o.StoresFile(s.spec("minimal")),
				},
			},
			resource.TestStep{
				ConfigDirectory:   s.config("minimal"),
				ConfigVariables:   variables,
				ResourceName:      s.address(),
				ImportState:       true,
				ImportStateVerify: true,
			},
			resource.TestStep{
				ConfigDirectory: s.config("minimal"),
				ConfigVariables: variables,
				ResourceName:    s.address(),
				ImportState:     true,
				ImportStateKind: resource.ImportBlockWithID,
			},
		)
	})
}

// An update changes the object in place as planned, and removing an attribute removes the field.
func TestAccObject_update(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, s specimen, o *acctest.Object) {
		var before *unstructured.Unstructured
		remember := func() { before = o.Live() }
		variables := in(o.Namespace)
		labelled := maps.Clone(variables)
		labelled["labels"] = config.MapVariable(map[string]config.Variable{"team": config.StringVariable("one")})
		updated := acctest.Check(func() error { return o.Updated(before) })
		update := resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
			plancheck.ExpectResourceAction(s.address(), plancheck.ResourceActionUpdate),
		}}
		acctest.Test(t, o.Namespace,
			resource.TestStep{ConfigDirectory: s.config("minimal"), ConfigVariables: labelled, ConfigStateChecks: []statecheck.StateCheck{
				o.HasLabel("team", "one"),
			}},
			resource.TestStep{
				PreConfig:        remember,
				ConfigDirectory:  s.config("changed"),
				ConfigVariables:  variables,
				ConfigPlanChecks: update,
				ConfigStateChecks: []statecheck.StateCheck{
					updated, o.StoresFile(s.spec("changed")), o.HasLabel("team", ""),
				},
			},
			resource.TestStep{
				PreConfig:        remember,
				ConfigDirectory:  s.config("minimal"),
				ConfigVariables:  variables,
				ConfigPlanChecks: update,
				ConfigStateChecks: []statecheck.StateCheck{
					updated, o.StoresFile(s.spec("minimal")),
				},
			},
		)
	})
}

// An update also removes fields that are not in the configuration if someone else created the object and it was imported.
func TestAccObject_updateImported(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, s specimen, o *acctest.Object) {
		o.CreateFile(s.spec("changed"), map[string]string{"team": "theirs"})
		acctest.Test(t, o.Namespace,
			resource.TestStep{
				ConfigDirectory:    s.config("minimal"),
				ConfigVariables:    in(o.Namespace),
				ResourceName:       s.address(),
				ImportState:        true,
				ImportStateId:      o.Namespace + "/test",
				ImportStatePersist: true,
			},
			resource.TestStep{
				ConfigDirectory: s.config("minimal"),
				ConfigVariables: in(o.Namespace),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(s.address(), plancheck.ResourceActionUpdate),
				}},
				ConfigStateChecks: []statecheck.StateCheck{
					o.StoresFile(s.spec("minimal")), o.HasLabel("team", "theirs"),
				},
			},
		)
	})
}

// Changes of the spec by others are in the next plan, and the apply reverts them.
func TestAccObject_drift(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, s specimen, o *acctest.Object) {
		steps := []resource.TestStep{{ConfigDirectory: s.config("minimal"), ConfigVariables: in(o.Namespace)}}
		for _, spec := range []string{s.overwrite, s.intrude} {
			steps = append(steps, resource.TestStep{
				PreConfig:       func() { o.Patch(`{"spec":` + spec + `}`) },
				ConfigDirectory: s.config("minimal"),
				ConfigVariables: in(o.Namespace),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(s.address(), plancheck.ResourceActionUpdate),
				}},
				ConfigStateChecks: []statecheck.StateCheck{o.StoresFile(s.spec("minimal"))},
			})
		}
		acctest.Test(t, o.Namespace, steps...)
	})
}

// An object that someone else has deleted is planned to be created.
func TestAccObject_disappears(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, s specimen, o *acctest.Object) {
		acctest.Test(t, o.Namespace,
			resource.TestStep{ConfigDirectory: s.config("minimal"), ConfigVariables: in(o.Namespace)},
			resource.TestStep{
				PreConfig:       o.Delete,
				ConfigDirectory: s.config("minimal"),
				ConfigVariables: in(o.Namespace),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(s.address(), plancheck.ResourceActionCreate),
				}},
				ConfigStateChecks: []statecheck.StateCheck{o.StoresFile(s.spec("minimal"))},
			},
		)
	})
}

// An existing object is not adopted. The error says how to import it, and that works.
func TestAccObject_exists(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, s specimen, o *acctest.Object) {
		before := o.CreateFile(s.spec("minimal"), nil)
		variables := in(o.Namespace)
		acctest.Test(t, o.Namespace,
			resource.TestStep{
				ConfigDirectory: s.config("minimal"),
				ConfigVariables: variables,
				ExpectError: regexp.MustCompile(`(?s)` + s.kind.Kind + ` "` + o.Namespace + `/test" already exists.*` +
					`import \{\s*│?\s*to = ` + regexp.QuoteMeta(s.address()) + `\s*│?\s*id = "` + o.Namespace + `/test"`),
			},
			resource.TestStep{
				ConfigDirectory: config.StaticDirectory(acctest.Folder(t, s.dir("minimal"), map[string]string{
					"import.tf": fmt.Sprintf("import {\n  to = %s\n  id = %q\n}\n", s.address(), o.Namespace+"/test"),
				})),
				ConfigVariables: variables,
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(s.address(), plancheck.ResourceActionNoop),
				}},
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(s.address(), tfjsonpath.New("uid"), o.UID()),
					acctest.Check(func() error { return o.Untouched(before) }),
				},
			},
		)
	})
}

// An import ID that is invalid or of an object that does not exist is an error.
func TestAccObject_importInvalid(t *testing.T) {
	t.Parallel()
	s := specimens(t)[0]
	namespace := acctest.Namespace(t)
	var steps []resource.TestStep
	for id, want := range map[string]string{
		"a/b/c":               `"a/b/c"\s+is\s+not\s+the\s+ID\s+of\s+a\s+Gateway.\s+Use\s+<namespace>/<name>`,
		"/test":               `"/test"\s+is\s+not\s+the\s+ID\s+of\s+a\s+Gateway`,
		namespace + "/":       `"` + namespace + `/"\s+is\s+not\s+the\s+ID\s+of\s+a\s+Gateway`,
		namespace + "/absent": `Cannot\s+import\s+non-existent\s+remote\s+object`,
	} {
		steps = append(steps, resource.TestStep{
			ConfigDirectory: s.config("minimal"), ConfigVariables: in(namespace), ResourceName: s.address(),
			ImportState: true, ImportStateId: id, ExpectError: regexp.MustCompile(want),
		})
	}
	acctest.Test(t, namespace, steps...)
}
