package provider_test

import (
	"os"
	"testing"

	"github.com/magneticio/terraform-provider-lamia/internal/provider"
)

func TestQuiet(t *testing.T) { //nolint:paralleltest // it sets the environment
	for environment, want := range map[string]string{"TF_LOG=": "OFF", "TF_LOG=debug": "", "TF_LOG_PROVIDER=trace": ""} {
		t.Setenv("TF_LOG_SDK", "")
		t.Setenv("TF_LOG_SDK_PROTO", "")
		t.Setenv("TF_LOG_PROVIDER_LAMIA", "")
		provider.Quiet([]string{"HOME=/", environment})
		if got := os.Getenv("TF_LOG_SDK"); got != want {
			t.Errorf("%s: TF_LOG_SDK is %q, want %q", environment, got, want)
		}
	}
}
