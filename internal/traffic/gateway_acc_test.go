package traffic_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
	"github.com/magneticio/terraform-provider-lamia/internal/traffic"
)

const www = "http://www.example.test/"

// team is a namespace with an application and a gateway. All teams use the same names.
type team struct {
	plane
	namespace string
	tf        *acctest.Terraform
	at        string // of the gateway's port 80
}

// newTeam creates a team and waits until its application answers through its gateway.
func newTeam(p plane) *team {
	p.t.Helper()
	team := &team{plane: p, namespace: acctest.Namespace(p.t)}
	p.application(team.namespace, "app", "v1")
	team.tf = acctest.NewTerraform(p.t, "testdata/gateway", "", map[string]any{"namespace": team.namespace})
	team.tf.Must("apply", "-auto-approve")
	team.at = p.LoadBalancer(address(p.t, team.tf, "lamia_gateway.gw"), 80)
	p.eventually("the gateway answers", team.answers)
	return team
}

// answers returns nil if the team's own application answers a request on a new connection.
func (t *team) answers() error {
	client := traffic.NewClient(t.at, nil)
	defer client.Close()
	return t.ask(client)
}

func (t *team) ask(client *traffic.Client) error {
	a, err := client.Get(t.t.Context(), www)
	if err == nil && (a.Status != 200 || a.Asked.Namespace != t.namespace) {
		err = fmt.Errorf("status %d, answered by namespace %q: %s", a.Status, a.Asked.Namespace, a.Body)
	}
	return err
}

// missesNothing sends requests continuously while do runs, on new connections and on one that stays open as long as the gateway allows. No
// request may fail.
func (t *team) missesNothing(what string, do func()) {
	t.t.Helper()
	ctx, cancel := context.WithCancel(t.t.Context())
	defer cancel()
	kept := traffic.NewClient(t.at, nil)
	defer kept.Close()
	var asking sync.WaitGroup
	var mu sync.Mutex
	var failed []error
	asked := 0
	for _, ask := range []func() error{t.answers, func() error { return t.ask(kept) }} {
		asking.Go(func() {
			for ctx.Err() == nil {
				err := ask()
				mu.Lock()
				asked++
				if err != nil {
					failed = append(failed, fmt.Errorf("%s: %w", time.Now().Format(time.StampMilli), err))
				}
				mu.Unlock()
				select {
				case <-ctx.Done():
				case <-time.After(2 * time.Millisecond):
				}
			}
		})
	}
	do()
	cancel()
	asking.Wait()
	if len(failed) > 0 || asked < 20 {
		t.t.Errorf("%s: %d of %d requests failed: %v", what, len(failed), asked, errors.Join(failed[:min(len(failed), 5)]...))
	}
	t.t.Logf("%s: %d requests, %d failed", what, asked, len(failed))
}

// rolledOut waits until there are only pods of the current template.
func (t *team) rolledOut() {
	t.t.Helper()
	t.eventually("the Deployment is rolled out", func() error {
		d, err := t.client.AppsV1().Deployments(t.namespace).Get(t.t.Context(), "gw-gateway", metav1.GetOptions{})
		if err != nil {
			return err
		}
		s := d.Status
		if s.ObservedGeneration < d.Generation || s.UpdatedReplicas != *d.Spec.Replicas || s.Replicas != s.UpdatedReplicas || s.AvailableReplicas != s.Replicas {
			return fmt.Errorf("%+v", s)
		}
		pods, err := t.client.CoreV1().Pods(t.namespace).List(t.t.Context(), metav1.ListOptions{
			LabelSelector: metav1.FormatLabelSelector(d.Spec.Selector),
		})
		if err == nil && len(pods.Items) != int(s.Replicas) {
			err = fmt.Errorf("%d pods", len(pods.Items))
		}
		return err
	})
}

// Two teams use the same name and host for their gateways. Each gets its own answers, and when one team deletes its gateway, no request of the
// other team fails.
func TestAccTraffic_neighbours(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	one, other := newTeam(p), newTeam(p)
	if one.at == other.at {
		t.Fatalf("both gateways are at %s", one.at)
	}
	other.missesNothing("the neighbour's gateway is deleted", func() {
		one.missesNothing("nothing happens", func() {
			other.tf.Empty()
		})
		one.tf.Must("destroy", "-auto-approve")
		p.eventually("the deleted gateway answers no more", func() error {
			if one.answers() == nil {
				return errors.New("it answers")
			}
			return nil
		})
	})
	other.tf.Must("destroy", "-auto-approve")
}

// No request fails while a gateway changes.
func TestAccTraffic_changes(t *testing.T) {
	t.Parallel()
	team := newTeam(newPlane(t))
	apply := func(workload string) func() {
		return func() {
			team.tf.Must("apply", "-auto-approve", "-var=workload="+workload)
			team.rolledOut()
		}
	}
	for _, change := range []struct {
		what string
		do   func()
	}{
		{"more proxies", apply(`{replicas=3}`)},
		{"fewer proxies", apply(`{replicas=1}`)},
		{"the proxies are tuned", apply(`{replicas=1,pod_annotations={tuned="yes"},resources={requests={cpu="20m"}}}`)},
		{"the Deployment is rolled", func() {
			patch := fmt.Sprintf(`{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":%q}}}}}`, time.Now().Format(time.RFC3339))
			if _, err := team.client.AppsV1().Deployments(team.namespace).Patch(t.Context(), "gw-gateway", types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
				t.Fatal(err)
			}
			team.rolledOut()
		}},
		{"the application is replaced", func() {
			team.application(team.namespace, "app", "v2")
			team.eventually("the new version answers", func() error {
				client := traffic.NewClient(team.at, nil)
				defer client.Close()
				versions, err := client.Versions(t.Context(), 10, www)
				if err == nil && versions["v2"] == 0 {
					err = fmt.Errorf("%v", versions)
				}
				return err
			})
			if err := team.client.AppsV1().Deployments(team.namespace).Delete(t.Context(), "app-v1", metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			team.eventually("only the new version is left", func() error {
				pods, err := team.client.CoreV1().Pods(team.namespace).List(t.Context(), metav1.ListOptions{LabelSelector: "version=v1"})
				if err == nil && len(pods.Items) > 0 {
					err = fmt.Errorf("%d pods of the old one", len(pods.Items))
				}
				return err
			})
		}},
		{"no proxies of its own tuning", apply(`{}`)},
	} {
		team.missesNothing(change.what, change.do)
	}
	team.tf.Must("destroy", "-auto-approve")
}

// No request fails while versions are added and removed, each in one apply.
func TestAccTraffic_versions(t *testing.T) {
	t.Parallel()
	team := newTeam(newPlane(t))
	team.application(team.namespace, "app", "v2")
	team.tf.Configure("testdata/versions")
	for _, versions := range []string{"v1=1", "v1=1,v2=1", "v2=1", "v1=1", "v1=9,v2=1", "v1=1"} { // at first there is no destination rule
		team.missesNothing(versions, func() {
			team.tf.Must("apply", "-auto-approve", "-var=versions={"+versions+"}")
			team.eventually("the versions answer", func() error {
				client := traffic.NewClient(team.at, nil)
				defer client.Close()
				answered, err := client.Versions(t.Context(), 100, www)
				if err == nil && len(answered) != strings.Count(versions, "=") || answered["v1"] > 0 != strings.Contains(versions, "v1") {
					err = fmt.Errorf("%v", answered)
				}
				return err
			})
			team.tf.Empty("-var=versions={" + versions + "}")
		})
	}
	team.tf.Must("destroy", "-auto-approve", "-var=versions={v1=1}")
}
