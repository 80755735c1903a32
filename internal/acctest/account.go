package acctest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	apischema "k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/yaml"
)

// Account creates a ServiceAccount in the namespace with only the Role in the YAML file, and returns the path of its kubeconfig. The
// ServiceAccount and the Role have the file's name.
func Account(t *testing.T, namespace, role string) string {
	t.Helper()
	name := strings.TrimSuffix(filepath.Base(role), filepath.Ext(role))
	create := func(resource apischema.GroupVersionResource, kind apischema.GroupVersionKind, content map[string]any, subresources ...string) map[string]any {
		object := &unstructured.Unstructured{Object: content}
		object.SetGroupVersionKind(kind)
		object.SetName(name)
		object, err := client(t).Resource(resource).Namespace(namespace).Create(t.Context(), object, metav1.CreateOptions{}, subresources...)
		if err != nil {
			t.Fatal(err)
		}
		return object.Object
	}
	data, err := os.ReadFile(role)
	if err != nil {
		t.Fatal(err)
	}
	var given map[string]any
	if err := yaml.Unmarshal(data, &given); err != nil {
		t.Fatalf("%s: %v", role, err)
	}
	accounts := corev1.SchemeGroupVersion.WithResource("serviceaccounts")
	create(accounts, corev1.SchemeGroupVersion.WithKind("ServiceAccount"), map[string]any{})
	create(rbacv1.SchemeGroupVersion.WithResource("roles"), rbacv1.SchemeGroupVersion.WithKind("Role"), map[string]any{"rules": given["rules"]})
	create(rbacv1.SchemeGroupVersion.WithResource("rolebindings"), rbacv1.SchemeGroupVersion.WithKind("RoleBinding"), map[string]any{
		"roleRef":  map[string]any{"apiGroup": rbacv1.GroupName, "kind": "Role", "name": name},
		"subjects": []any{map[string]any{"kind": rbacv1.ServiceAccountKind, "name": name, "namespace": namespace}},
	})
	request := create(accounts, authenticationv1.SchemeGroupVersion.WithKind("TokenRequest"), map[string]any{}, "token")
	token, _, _ := unstructured.NestedString(request, "status", "token")
	return kubeconfig(t, &api.Cluster{Server: Config(t).Host, CertificateAuthority: Config(t).CAFile, CertificateAuthorityData: Config(t).CAData},
		&api.AuthInfo{Token: token})
}

// kubeconfig writes a kubeconfig and returns its path.
func kubeconfig(t *testing.T, cluster *api.Cluster, user *api.AuthInfo) string {
	t.Helper()
	content := api.NewConfig()
	content.Clusters["test"], content.AuthInfos["test"] = cluster, user
	content.Contexts["test"] = &api.Context{Cluster: "test", AuthInfo: "test"}
	content.CurrentContext = "test"
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*content, file); err != nil {
		t.Fatal(err)
	}
	return file
}
