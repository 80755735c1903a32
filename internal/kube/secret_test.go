package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-log/tflogtest"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// FuzzSecretsStayHidden gives New and a failing request random arguments with a secret in each that may contain one. The secret must not be in
// anything that a user can see: errors, diagnostics, the log, and the printed Config.
func FuzzSecretsStayHidden(f *testing.F) {
	f.Add("", "", "", "", uint16(0))
	f.Add("https://", "http://", "a: [", "", uint16(0xffff))
	f.Add("https://me:", "ftp://u:", "users: ", "{", uint16(0x0181))
	f.Add("me:", "socks5://u:", "apiVersion: v1\nkind: Config\nusers:\n- user:\n    token: ", "{\"status\":{\"token\":\"", uint16(0x0a40))
	f.Add("", "", "", "", uint16(0x0202))
	f.Add("", "http://u:", "", "status: ", uint16(0x0e40))
	f.Fuzz(func(t *testing.T, user, proxy, file, output string, which uint16) {
		if strings.ContainsAny(strings.TrimPrefix(user, "https://"), "/?#\\") {
			return // the rest is a path, which is not secret
		}
		on := func(bit int) bool { return which>>bit&1 == 1 }
		var config Config
		set := func(bit int, field *string, value string) {
			if on(bit) {
				*field = value
			}
		}
		set(0, &config.Password, secret)
		set(1, &config.Token, secret)
		set(2, &config.ClientKey, secret)
		set(3, &config.ClientKey, "-----BEGIN PRIVATE KEY-----\n"+secret+"\n-----END PRIVATE KEY-----\n")
		set(4, &config.ClientCertificate, newCertificate(t).pem)
		set(5, &config.Username, "me")
		set(6, &config.ProxyURL, proxy+secret+"@127.0.0.1:1")
		set(7, &config.Host, user+secret+"@127.0.0.1:1")
		set(8, &config.ConfigPath, write(t, "kubeconfig", file+secret+"\n"))
		set(9, &config.Host, "https://127.0.0.1:1")
		config.Insecure = on(10)
		if on(11) { // echo prints its argument
			config.Exec = &Exec{APIVersion: ExecAPIVersions[0], Command: "/bin/echo", Args: []string{output + secret}, Env: map[string]string{"SECRET": secret}}
		}

		var log bytes.Buffer
		ctx := tflogtest.RootLogger(context.Background(), &log)
		shown := fmt.Sprintf("%v %+v %#v %s", config, config, config, config)
		cluster, err := New(ctx, config)
		if err == nil {
			err = Retry(ctx, cluster.createVS1)
		}
		shown += fmt.Sprint(err, Diagnostics("create", vs1, err, nil)) + log.String()
		if strings.Contains(shown, secret) {
			t.Errorf("shows the secret: %s", shown)
		}
	})
}

// The log masks known secrets in a server's response.
func TestSecretsInAServersAnswerAreMaskedInTheLog(t *testing.T) {
	t.Parallel()
	transport := &transport{secrets: []string{secret}, next: roundTripper(func(*http.Request) (*http.Response, error) {
		return nil, errors.New("malformed header: Bearer " + secret)
	})}
	var log bytes.Buffer
	request, err := http.NewRequestWithContext(tflogtest.RootLogger(context.Background(), &log), http.MethodGet, "https://a.test/x?token="+secret, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := transport.RoundTrip(request); err == nil {
		t.Fatal("no error")
	}
	if strings.Contains(log.String(), secret) || !strings.Contains(log.String(), "***") {
		t.Errorf("got %s", &log)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// FuzzDiagnostics gives Diagnostics random responses of a server. There must always be at least one diagnostic, with a detail and a summary that
// names the object.
func FuzzDiagnostics(f *testing.F) {
	for _, err := range []*apierrors.StatusError{tooMany, unavailable, noWebhook, denied, exists} {
		body, _ := json.Marshal(err.Status())
		f.Add(body)
	}
	f.Add([]byte(`{"code":422,"details":{"causes":[{"field":"<nil>"},{"field":""}]}}`))
	f.Add([]byte(`{"code":409,"details":{"causes":[{"reason":"FieldManagerConflict"}]}}`))
	f.Add([]byte(`{"code":404,"details":{"kind":"namespaces"}}`))
	f.Add([]byte(`{"message":"admission webhook \"a\" denied the request: * "}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var err apierrors.StatusError
		if json.Unmarshal(body, &err.ErrStatus) != nil {
			return // not a Status, so the API server would not send it
		}
		for _, verb := range []string{"create", "get", "patch", "delete"} {
			diags := Diagnostics(verb, vs1, &err, attributes)
			if len(diags) == 0 {
				t.Fatalf("%s: nothing is said of %s", verb, body)
			}
			for _, d := range diags {
				if !strings.HasPrefix(d.Summary(), vs1.String()+" not ") || strings.TrimSpace(d.Detail()) == "" {
					t.Errorf("%s: %q: %q", verb, d.Summary(), d.Detail())
				}
			}
		}
	})
}
