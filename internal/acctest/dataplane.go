package acctest

import (
	"os"
	"testing"
)

// dataplaneEnv is the only switch that skips tests.
const dataplaneEnv = "LAMIA_TEST_DATAPLANE"

// NeedDataplane skips a test that waits for proxies, or for pods with one, if LAMIA_TEST_DATAPLANE=0 says that the cluster cannot pull Istio's proxy
// image.
func NeedDataplane(t *testing.T) {
	t.Helper()
	if os.Getenv(dataplaneEnv) == "0" {
		t.Skip(dataplaneEnv + "=0: needs proxies that run")
	}
}
