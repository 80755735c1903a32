// Package node is a node without a kubelet. virtual-kubelet registers it and renews its lease, and pods that the scheduler assigns to it are
// reported as running. No image is pulled; a Workload runs instead of a pod's containers, or nothing.
package node

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/virtual-kubelet/virtual-kubelet/log"
	vklogrus "github.com/virtual-kubelet/virtual-kubelet/log/logrus"
	"github.com/virtual-kubelet/virtual-kubelet/node"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"

	"github.com/magneticio/terraform-provider-lamia/internal/controlplane/address"
)

// maxPods is the default limit of a real kubelet.
const maxPods = 110

// leaseSeconds is the duration of the node's lease, the default of a real kubelet.
const leaseSeconds = 40

// workers is the number of pods that are synchronized concurrently.
const workers = 8

// Config configures a node.
type Config struct {
	Name    string
	Address netip.Addr    // the node's InternalIP and the pods' hostIP
	Pods    *address.Pool // the pool of pod IPs
	Version string        // reported as the kubelet's version
	// Workload returns what runs in a pod with this IP. If Workload is nil or returns nil, nothing runs.
	Workload func(pod *corev1.Pod, ip netip.Addr) Workload
	// Leaving is called with true before the workload of the pod with this IP ends, and with false once the IP can be reused.
	Leaving func(ip netip.Addr, leaving bool)
	Log     io.Writer
}

// Run registers the node and runs its pods until ctx ends. The client needs the permissions of a kubelet only.
func Run(ctx context.Context, client kubernetes.Interface, config Config) error {
	logger := logrus.New()
	logger.SetOutput(config.Log)
	ctx = log.WithLogger(ctx, vklogrus.FromLogrus(logrus.NewEntry(logger)))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	events := record.NewBroadcaster(record.WithContext(ctx))
	events.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: client.CoreV1().Events("")})
	defer events.Shutdown()
	recorder := events.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "kubelet", Host: config.Name})

	factory := informers.NewSharedInformerFactoryWithOptions(client, 0,
		informers.WithTweakListOptions(func(o *metav1.ListOptions) {
			o.FieldSelector = fields.OneTermEqualSelector("spec.nodeName", config.Name).String()
		}),
		informers.WithTransform(withoutEnvironment))
	// virtual-kubelet reads ConfigMaps, Secrets and Services to resolve environment variables. withoutEnvironment removes those, so these
	// informers are never started, and no permission to read Secrets is needed.
	never := informers.NewSharedInformerFactory(client, 0).Core().V1()

	provider := newPods(ctx, client, recorder, config)
	defer provider.workloads.Wait()
	defer cancel()
	pods, err := node.NewPodController(node.PodControllerConfig{
		PodClient:                            client.CoreV1(),
		PodInformer:                          factory.Core().V1().Pods(),
		EventRecorder:                        recorder,
		Provider:                             provider,
		ConfigMapInformer:                    never.ConfigMaps(),
		SecretInformer:                       never.Secrets(),
		ServiceInformer:                      never.Services(),
		SyncPodsFromKubernetesRateLimiter:    backoff(),
		DeletePodsFromKubernetesRateLimiter:  backoff(),
		SyncPodStatusFromProviderRateLimiter: backoff(),
	})
	if err != nil {
		return fmt.Errorf("pod controller: %w", err)
	}
	nodes, err := node.NewNodeController(node.NaiveNodeProvider{}, object(config), client.CoreV1().Nodes(),
		node.WithNodeEnableLeaseV1(client.CoordinationV1().Leases(corev1.NamespaceNodeLease), leaseSeconds))
	if err != nil {
		return fmt.Errorf("node controller: %w", err)
	}

	factory.Start(ctx.Done())
	defer factory.Shutdown()
	ended := make(chan error, 2)
	go func() { ended <- pods.Run(ctx, workers) }()
	go func() { ended <- nodes.Run(ctx) }()
	err = <-ended
	cancel()
	<-ended //nolint:errcheck // the other one ends because the first one did
	return err
}

// backoff retries soon and never waits long. virtual-kubelet's default also delays the first attempt.
func backoff() workqueue.RateLimiter { //nolint:staticcheck // what virtual-kubelet takes
	return workqueue.NewItemExponentialFailureRateLimiter(5*time.Millisecond, 5*time.Second) //nolint:staticcheck // likewise
}

// withoutEnvironment removes the containers' environment before a pod enters the cache. virtual-kubelet would resolve it, and fail for the
// status.podIP of Istio's sidecar. A simulated pod does not need it.
func withoutEnvironment(obj any) (any, error) {
	if pod, ok := obj.(*corev1.Pod); ok {
		disabled := false
		pod.Spec.EnableServiceLinks = &disabled
		for _, containers := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
			for i := range containers {
				containers[i].Env, containers[i].EnvFrom = nil, nil
			}
		}
	}
	return obj, nil
}

func object(config Config) *corev1.Node {
	resources := corev1.ResourceList{
		corev1.ResourceCPU:              resource.MustParse("64"),
		corev1.ResourceMemory:           resource.MustParse("256Gi"),
		corev1.ResourceEphemeralStorage: resource.MustParse("1Ti"),
		corev1.ResourcePods:             *resource.NewQuantity(maxPods, resource.DecimalSI),
	}
	healthy := func(kind corev1.NodeConditionType, status corev1.ConditionStatus, reason, message string) corev1.NodeCondition {
		now := metav1.Now()
		return corev1.NodeCondition{Type: kind, Status: status, Reason: reason, Message: message, LastHeartbeatTime: now, LastTransitionTime: now}
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name: config.Name,
			Labels: map[string]string{
				corev1.LabelHostname:   config.Name,
				corev1.LabelOSStable:   "linux",
				corev1.LabelArchStable: runtime.GOARCH,
				"type":                 "virtual-kubelet",
			},
		},
		Status: corev1.NodeStatus{
			Capacity:    resources,
			Allocatable: resources,
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeInternalIP, Address: config.Address.String()},
				{Type: corev1.NodeHostName, Address: config.Name},
			},
			NodeInfo: corev1.NodeSystemInfo{
				KubeletVersion:          config.Version,
				OperatingSystem:         "linux",
				Architecture:            runtime.GOARCH,
				OSImage:                 "simulated",
				ContainerRuntimeVersion: "simulated://0",
			},
			Conditions: []corev1.NodeCondition{
				healthy(corev1.NodeReady, corev1.ConditionTrue, "KubeletReady", "the simulated node is ready"),
				healthy(corev1.NodeMemoryPressure, corev1.ConditionFalse, "KubeletHasSufficientMemory", "nothing is executed"),
				healthy(corev1.NodeDiskPressure, corev1.ConditionFalse, "KubeletHasNoDiskPressure", "nothing is stored"),
				healthy(corev1.NodePIDPressure, corev1.ConditionFalse, "KubeletHasSufficientPID", "nothing is executed"),
			},
		},
	}
}
