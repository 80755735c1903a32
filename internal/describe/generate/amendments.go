package main

import (
	"regexp"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// amendment replaces a part of a comment that would mislead a reader of the attribute's description. The generator fails if the comment no
// longer contains it.
type amendment struct{ from, to string }

const (
	v1alpha3   = "istio.networking.v1alpha3."
	security   = "istio.security.v1beta1."
	telemetry  = "istio.telemetry.v1alpha1."
	extensions = "istio.extensions.v1alpha1."
)

// oneTarget is for fields that Istio has hidden from its documentation.
var oneTarget = amendment{"$hide_from_docs", "The resource that this is applied to. Istio hides this from its documentation: use `targetRefs`, which takes several."}

var amendments = map[protoreflect.FullName]amendment{
	// The first sentence makes no sense on its own.
	v1alpha3 + "ServerTLSSettings.tls_certificates":            {"Only one of", "The server's certificates. Only one of"},
	v1alpha3 + "LocalityLoadBalancerSetting.failover_priority": {"Optional: only", "Only"},
	// The comment does not say what the resource is for.
	v1alpha3 + "VirtualService": {"Configuration affecting traffic routing.", "Configuration affecting traffic routing: which requests to a host go where, and how."},
	// Istio has hidden these from its documentation, and there is no other comment.
	v1alpha3 + "HTTPFaultInjection.Abort.http2_error":                    {"$hide_from_docs", "HTTP/2 error code to use to abort the request. Istio hides this from its documentation."},
	v1alpha3 + "HTTPFaultInjection.Delay.exponential_delay":              {"$hide_from_docs", "An exponential delay. Istio rejects it: it is not supported yet."},
	v1alpha3 + "LoadBalancerSettings.ConsistentHashLB.minimum_ring_size": {"Deprecated. Use RingHash instead.", "Deprecated: use `ringHash` instead."},
	security + "AuthorizationPolicy.targetRef":                           oneTarget,
	security + "RequestAuthentication.targetRef":                         oneTarget,
	telemetry + "Telemetry.targetRef":                                    oneTarget,
	extensions + "WasmPlugin.targetRef":                                  oneTarget,
	// There is no comment.
	security + "PeerAuthentication":    {"", "Mutual TLS (mTLS) of incoming connections: whether workloads require it, accept it, or do not use it.\n\n"},
	security + "RequestAuthentication": {"", "Authentication of requests: which JSON Web Tokens (JWT) workloads accept.\n\n"},
	telemetry + "Telemetry":            {"", "Which metrics, traces and access logs workloads produce.\n\n"},
	extensions + "TrafficExtension":    {"", "Extends proxies with a filter in WebAssembly or Lua.\n\n"},
	// These fields must not contain secrets.
	security + "JWTRule.jwks":                                    {"public keys", "public keys, which are not secret,"},
	extensions + "EnvVar.value":                                  {"Value for the environment variable.", "Value for the environment variable. Do not use it for a secret: it is stored in Terraform's state, and everyone who can read the object can read it."},
	"istio.networking.v1beta1.ProxyConfig.environment_variables": {"variables for the proxy.", "variables for the proxy. Do not use them for secrets: they are stored in Terraform's state, and everyone who can read the object or the pods can read them."},
	security + "JWTRule.output_claim_to_headers":                 {"[TODO:Update the status whenever this feature is promoted.]", ""},
	// These deprecated fields have replacements.
	v1alpha3 + "CorsPolicy.allow_origin":             {"$hide_from_docs", "Deprecated: use `allow_origins` instead."},
	v1alpha3 + "OutlierDetection.consecutive_errors": {"$hide_from_docs", "Deprecated: use `consecutive5xxErrors` or `consecutiveGatewayErrors` instead."},
}

// rewrites are corrections of several comments.
var rewrites = []struct {
	from *regexp.Regexp
	to   string
}{
	{regexp.MustCompile("\u2063"), ""}, // an invisible character
	// All durations get the same sentence about their format.
	{regexp.MustCompile(`\s*\b[Ff]ormat:\s+1h/1m/1s/1ms\.`), ""},
	{regexp.MustCompile(`\s*\bMUST be >=1ms\.`), ""},
	{regexp.MustCompile(`\s*\bDuration must be at least 1ms\.`), ""},
	// A full stop is missing between two sentences.
	{regexp.MustCompile(`(?m)^(URI to match|URI Scheme|HTTP Method|HTTP Authority)\nvalues are`), "$1. Values are"},
	{regexp.MustCompile("([a-z)`])\n(If|Only|Note:|Here|Path pattern) "), "$1. $2 "},
	// The document does not exist here.
	{regexp.MustCompile(`\s\(see\s+glossary in beginning of document\)`), ""},
	// The element's limits say this, too.
	{regexp.MustCompile(`\n\nValues must be in the range \[100, 599\]\.`), ""},
	// Go names or names of older Istio versions.
	{regexp.MustCompile(`\bCredentialName\b`), "`credential_name`"},
	{regexp.MustCompile("`Route` and `Redirect`"), "`route` and `redirect`"},
	{regexp.MustCompile(`\bwithoutHeader\b`), "`without_headers`"},
}
