package provider

import (
	"os"
	"slices"
	"strings"
)

// Quiet stops the SDK from logging, unless the environment enables Terraform's log. Terraform would read every line and drop it.
func Quiet(environment []string) {
	if slices.ContainsFunc(environment, func(variable string) bool {
		name, value, _ := strings.Cut(variable, "=")
		return strings.HasPrefix(name, "TF_LOG") && value != ""
	}) {
		return
	}
	for _, logger := range []string{"TF_LOG_SDK", "TF_LOG_SDK_PROTO", "TF_LOG_PROVIDER_LAMIA"} {
		_ = os.Setenv(logger, "OFF")
	}
}
