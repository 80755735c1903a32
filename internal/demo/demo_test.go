package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	"github.com/magneticio/terraform-provider-lamia/internal/scenario"
)

var folder string // of the provider's binary; removed after all tests

func TestMain(m *testing.M) {
	var err error
	if folder, err = os.MkdirTemp("", "lamia-demo-test-"); err != nil {
		panic(err)
	}
	status := m.Run()
	os.RemoveAll(folder)
	os.Exit(status)
}

// provider builds the provider's binary and returns its path.
var provider = sync.OnceValues(func() (string, error) {
	binary := filepath.Join(folder, "terraform-provider-lamia")
	if output, err := exec.Command("go", "build", "-o", binary, "../..").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, output)
	}
	return binary, nil
})

// start prepares a demo in namespaces of its own that are deleted at the end of the test.
func start(t *testing.T, out io.Writer, prefix string) *demo {
	t.Helper()
	acctest.Config(t)
	terraform, err := exec.LookPath(cmp.Or(os.Getenv("TF_ACC_TERRAFORM_PATH"), "terraform"))
	if err != nil {
		t.Fatal(err)
	}
	provider, err := provider()
	if err != nil {
		t.Fatal(err)
	}
	d, err := newDemo(config{
		terraform:  terraform,
		provider:   provider,
		example:    filepath.Join("..", "..", "examples", "advanced-networking"),
		kubeconfig: os.Getenv("LAMIA_TEST_KUBECONFIG"),
		prefix:     prefix,
		variables:  fmt.Sprintf(`namespaces = { team_1 = "%[1]svamp-test1", team_2 = "%[1]svamp-test2", team_3 = "%[1]svamp-test3" }`+"\n", prefix),
		picture:    filepath.Join(t.TempDir(), "demo.mmd"),
		out:        out,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.close(context.Background()); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(d.work.root); !os.IsNotExist(err) {
			t.Errorf("the folder %s is left: %v", d.work.root, err)
		}
		for _, namespace := range d.before.Namespaces() {
			n, err := d.client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}).Get(context.Background(), namespace, metav1.GetOptions{})
			if err == nil && n.GetDeletionTimestamp() == nil {
				t.Errorf("namespace %s is left", namespace)
			}
		}
	})
	return d
}

func prefix() string { return "demo-" + strings.ToLower(rand.Text()[:8]) + "-" }

const shown = `
KIND NAME SAYS
Gateway vamp-test1/gw-1 vamp-gw1-test.democluster.net, port 80 HTTP
vamp-gw1-alt-test.democluster.net, port 80 HTTP
VirtualService vamp-test1/vs-1 vamp-gw1-test.democluster.net at vamp-test1/gw-1
→ svc-1.vamp-test1.svc.cluster.local:9090 subset1, weight 100
VirtualService vamp-test1/vs-2 vamp-gw1-alt-test.democluster.net at vamp-test1/gw-1
→ svc-1.vamp-test1.svc.cluster.local subset2, weight 100
DestinationRule vamp-test1/dr-1 svc-1.vamp-test1.svc.cluster.local: subset1, subset2, subset3
Service vamp-test1/gw-1-gateway address ADDRESS
port 15021 → 15021 of pods with lamia.magnetic.io/gateway=vamp-test1.gw-1
port 80 → 80 of pods with lamia.magnetic.io/gateway=vamp-test1.gw-1
Service vamp-test1/svc-1 port 9090 → 9090 of pods with app=app1
Gateway vamp-test2/gw-2 vamp-gw2-test.democluster.net, port 80 HTTP
VirtualService vamp-test2/vs-3 vamp-gw2-test.democluster.net at vamp-test2/gw-2
/service1* → svc-1.vamp-test1.svc.cluster.local:9090 subset3, as /
/service2* → svc-2.vamp-test2.svc.cluster.local:9090 subset1, as /
DestinationRule vamp-test2/dr-2 svc-2.vamp-test2.svc.cluster.local: subset1, subset2, subset3
Service vamp-test2/gw-2-gateway address ADDRESS
port 15021 → 15021 of pods with lamia.magnetic.io/gateway=vamp-test2.gw-2
port 80 → 80 of pods with lamia.magnetic.io/gateway=vamp-test2.gw-2
Service vamp-test2/svc-2 port 9090 → 9090 of pods with app=app2
ServiceEntry vamp-test3/se-1 vamp-gw2-test.democluster.net, port 80 HTTP
VirtualService vamp-test3/vs-4 vamp-gw2-test.democluster.net in the mesh
→ vamp-gw2-test.democluster.net, 5 retries of 3s each
`

// address returns the address of a gateway's own load balancer, an IP address or a host name.
var address = regexp.MustCompile(`address \S+`)

func TestAccDemo(t *testing.T) {
	t.Parallel()
	acctest.NeedDataplane(t)
	var out bytes.Buffer
	prefix := prefix()
	d := start(t, &out, prefix)
	if err := d.up(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	picture, err := os.ReadFile(d.picture)
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.ReplaceAll(string(picture), prefix, ""); !strings.Contains(string(readme), "```mermaid\n"+got+"```") {
		t.Errorf("the README has another picture than\n%s", got)
	}
	d.invite()
	if err := d.down(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}

	if d.traffic.Proxies != "" {
		d.showsRequests(t, out.String())
	}
	said := oneSpace(address.ReplaceAllString(strings.ReplaceAll(out.String(), prefix, ""), "address ADDRESS"))
	for _, want := range []string{
		"Installed magneticio/lamia v" + providerVersion,
		"Plan: 11 to add, 0 to change, 0 to destroy.",
		"Apply complete! Resources: 11 added, 0 changed, 0 destroyed.",
		shown,
		"No changes. Your infrastructure matches the configuration.",
		"export KUBE_CONFIG_PATH=" + d.kubeconfig,
		"Destroy complete! Resources: 11 destroyed.",
		"no routing; of what existed before, 7 of 7 Deployments available",
	} {
		if !strings.Contains(said, oneSpace(want)) {
			t.Errorf("the demo does not say %q:\n%s", want, &out)
		}
	}
}

// showsRequests checks the printed results of requests in a cluster with a data plane.
func (d *demo) showsRequests(t *testing.T, said string) {
	t.Helper()
	for _, want := range []string{
		`vs-1 +http://vamp-gw1-test\.democluster\.net/ +at [\d.:]+ +20 of 20 answered by app1 version1, asked for /\n`,
		`vs-2 +http://vamp-gw1-alt-test\.democluster\.net/ +at [\d.:]+ +20 of 20 answered by app1 version2, asked for /\n`,
		`vs-3 +http://vamp-gw2-test\.democluster\.net/service1/y +at [\d.:]+ +20 of 20 answered by app1 version3, asked for //y\n`,
		`vs-3 +http://vamp-gw2-test\.democluster\.net/service2 +at [\d.:]+ +20 of 20 answered by app2 version1, asked for /\n`,
		`vs-4, from a pod of team 3 +http://vamp-gw2-test\.democluster\.net/service2 +at [\d.:]+ +20 of 20 answered by app2 version1, asked for / `,
		`answered 1000 by version1\n`,
		`Resources: 0 added, 1 changed, 0 destroyed\.\n`,
		`answered [78]\d\d by version1, [12]\d\d by version2 `,
		`(✓ .*\n\s*){4}`,
		`curl -H 'Host: vamp-gw2-test\.democluster\.net' http://[\d.:]+/service1/y\n`,
		`curl 'http://[\d.:]+/\?at=`,
	} {
		if !regexp.MustCompile(want).MatchString(said) {
			t.Errorf("the demo does not say %s:\n%s", want, said)
		}
	}
}

// oneSpace replaces white space within lines by single spaces.
func oneSpace(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}

// interrupter calls a function before it writes a certain text.
type interrupter struct {
	bytes.Buffer
	at        string
	interrupt func()
}

func (i *interrupter) Write(p []byte) (int, error) {
	if strings.Contains(string(p), i.at) {
		i.interrupt()
	}
	return i.Buffer.Write(p)
}

// start checks at the end that nothing is left.
func TestAccDemo_interrupted(t *testing.T) {
	t.Parallel()
	for i, at := range []string{"What exists before", "Initializing provider plugins", "Terraform will perform", "Creating..."} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			if i > 0 {
				acctest.NeedDataplane(t) // Terraform runs once the Deployments are available
			}
			ctx, cancel := context.WithCancel(t.Context())
			out := &interrupter{at: at, interrupt: cancel}
			d := start(t, out, prefix())
			d.work.terraform.SetStdout(io.MultiWriter(&d.work.stdout, out))
			if err := d.up(ctx); err == nil {
				t.Errorf("no error:\n%s", out)
			}
			if ctx.Err() == nil {
				t.Errorf("not interrupted:\n%s", out)
			}
		})
	}
}

func TestAccDemo_namespaceExists(t *testing.T) {
	t.Parallel()
	prefix := prefix()
	d := start(t, io.Discard, prefix)
	if err := d.before.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	other := scenario.New(d.client, prefix)
	if err := other.Create(t.Context()); err == nil || !strings.Contains(err.Error(), "namespace "+prefix+"vamp-test1 already exists") {
		t.Errorf("error: %v", err)
	}
	if err := other.Delete(t.Context()); err != nil {
		t.Error(err)
	}
	for _, namespace := range d.before.Namespaces() {
		n, err := d.client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}).Get(t.Context(), namespace, metav1.GetOptions{})
		if err != nil || n.GetDeletionTimestamp() != nil {
			t.Errorf("someone else's namespace %s was touched: %v, %v", namespace, n, err)
		}
	}
}

func TestAccDemo_terraformFails(t *testing.T) {
	t.Parallel()
	acctest.NeedDataplane(t)
	var out bytes.Buffer
	d := start(t, &out, prefix())
	wrong := "resource \"lamia_gateway\" \"wrong\" {\n  nonsense = 1\n}\n"
	if err := os.WriteFile(filepath.Join(d.work.dir, "wrong.tf"), []byte(wrong), 0o644); err != nil {
		t.Fatal(err)
	}
	err := d.up(t.Context())
	if err == nil || !strings.Contains(err.Error(), "terraform plan failed") || !strings.Contains(err.Error(), `"nonsense"`) {
		t.Errorf("error: %v", err)
	}
}

// Once a Deployment with a new version runs, the next plan has one change: a subset for the version.
func TestAccDemo_newVersion(t *testing.T) {
	t.Parallel()
	acctest.NeedDataplane(t)
	var out bytes.Buffer
	d := start(t, &out, prefix())
	if err := d.up(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	namespace := d.before.Namespaces()[0]
	deployments := d.client.Resource(schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}).Namespace(namespace)
	running, err := deployments.Get(t.Context(), "vamp-test-deployment3", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	another := &unstructured.Unstructured{Object: map[string]any{"spec": running.Object["spec"]}}
	another.SetGroupVersionKind(running.GroupVersionKind())
	another.SetName("vamp-test-deployment4")
	labels := map[string]any{"app": "app1", "deployment": "vamp-test-deployment4", "version": "version4"}
	for _, at := range [][]string{{"spec", "selector", "matchLabels"}, {"spec", "template", "metadata", "labels"}} {
		if err := unstructured.SetNestedMap(another.Object, labels, at...); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := deployments.Create(t.Context(), another, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}

	if said, _, err := d.work.plan(t.Context()); err != nil || !strings.Contains(said, "Plan: 0 to add, 1 to change, 0 to destroy.") {
		t.Fatalf("the plan says %q, %v", said, err)
	}
	plan, err := d.work.terraform.ShowPlanFile(t.Context(), planFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range plan.ResourceChanges {
		if r.Change.Actions.NoOp() || r.Change.Actions.Read() {
			continue
		}
		if r.Address != "module.team_1.lamia_destination_rule.dr_1" {
			t.Errorf("%s changes too: %v", r.Address, r.Change.Actions)
			continue
		}
		before, after := r.Change.Before.(map[string]any), r.Change.After.(map[string]any)
		subset := map[string]any{"name": "subset4", "labels": map[string]any{"version": "version4"}, "traffic_policy": nil}
		before["subsets"] = append(before["subsets"].([]any), subset)
		if !reflect.DeepEqual(before, after) {
			t.Errorf("the plan is\n%v\nwant\n%v", after, before)
		}
	}
	if _, err := d.work.apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if said, changes, err := d.work.plan(t.Context()); err != nil || changes {
		t.Errorf("the plan after it is not empty: %q, %v", said, err)
	}
}
