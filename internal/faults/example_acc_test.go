package faults_test

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/client-go/dynamic"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	"github.com/magneticio/terraform-provider-lamia/internal/scenario"
)

// most is an upper limit of the number of requests of an apply of the example.
const most = 120

// TestAccFaults_example breaks one random request in each copy of the example with three teams.
func TestAccFaults_example(t *testing.T) {
	t.Parallel()
	rounds(t, func(t *testing.T, random *rand.Rand) {
		objects, err := dynamic.NewForConfig(acctest.Config(t))
		if err != nil {
			t.Fatal(err)
		}
		var cells []*cell
		for _, fails := range slices.Sorted(maps.Keys(faults)) {
			prefix := "faults-" + strings.ToLower(crand.Text()[:8]) + "-"
			teams := scenario.New(objects, prefix)
			teams.Change = func(d *appsv1.Deployment) { *d.Spec.Replicas = 0 }
			t.Cleanup(func() {
				if err := teams.Delete(context.WithoutCancel(t.Context())); err != nil {
					t.Error(err)
				}
			})
			if err := teams.Create(t.Context()); err != nil {
				t.Fatal(err)
			}
			cells = append(cells, &cell{Kind: "example", Namespace: prefix, Name: fails, fault: faults[fails], fails: fails, k: 1 + random.Int64N(most), namespaces: teams.Namespaces()})
		}
		m := newMatrix(t, example(t), cells)
		m.tf.Get()
		m.tf.Must("plan", "-out=create", parallelism)
		m.broken("apply", parallelism, "create")
		m.heal()
		m.broken("plan", parallelism)
		m.tf.Must("plan", "-destroy", "-out=destroy", parallelism)
		m.broken("apply", parallelism, "destroy")
		m.agree(true)
		m.tf.Must("destroy", "-auto-approve", parallelism)
		if there := m.there(); len(there) > 0 {
			t.Errorf("left behind: %v", there)
		}
	})
}

// example returns a folder with copies of the example, with gateways that have no running proxies.
func example(t *testing.T) string {
	t.Helper()
	folder := acctest.Folder(t, "testdata/example", nil)
	copied := filepath.Join(folder, "advanced-networking")
	err := os.CopyFS(copied, os.DirFS(filepath.Join("..", "..", "examples", "advanced-networking")))
	main, unread := os.ReadFile(filepath.Join(copied, "main.tf"))
	err = errors.Join(err, unread, os.WriteFile(filepath.Join(copied, "main.tf"), // a module with a provider block cannot have for_each
		[]byte(strings.Replace(string(main), `provider "lamia" {}`, "", 1)), 0o600))
	for team, gateway := range map[string]string{"team-1": "gw_1", "team-2": "gw_2"} {
		err = errors.Join(err, os.WriteFile(filepath.Join(copied, team, "override.tf"),
			fmt.Appendf(nil, "resource \"lamia_gateway\" %q {\n  workload = { replicas = 0 }\n}\n", gateway), 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// rounds runs a test once with a fixed seed, or with random seeds for the duration in LAMIA_TEST_SOAK, as make soak does.
func rounds(t *testing.T, round func(*testing.T, *rand.Rand)) {
	t.Helper()
	soak, _ := time.ParseDuration(os.Getenv("LAMIA_TEST_SOAK"))
	for end, seed := time.Now().Add(soak), uint64(1); ; seed = rand.Uint64() {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { round(t, rand.New(rand.NewPCG(seed, 0))) })
		if t.Failed() || time.Now().After(end) {
			return
		}
	}
}
