package engine

import (
	"maps"
	"regexp"
	"slices"

	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// How to handle findings of package admission.
const (
	ChecksError   = "error"
	ChecksWarning = "warning"
	ChecksOff     = "off"
)

// Checks are the values of [Settings.OfflineChecks].
var Checks = []string{ChecksError, ChecksWarning, ChecksOff}

// Settings are the arguments of the provider block that concern all resources.
type Settings struct {
	// ClusterDomain is the DNS domain of the cluster, or "" if it is not known yet.
	ClusterDomain string
	// OfflineChecks is one of Checks. The default is ChecksError.
	OfflineChecks string
	// Labels and Annotations are the defaults for all objects and their companions.
	Labels, Annotations map[string]string
	// IgnoreLabels and IgnoreAnnotations match keys for which changes by others are ignored.
	IgnoreLabels, IgnoreAnnotations []*regexp.Regexp
}

// Use sets the settings of the current provider block for a kind.
func (k *Kind) Use(s Settings) { k.settings.Store(&s) }

func (k *Kind) set() Settings {
	if s := k.settings.Load(); s != nil {
		return *s
	}
	return Settings{}
}

const (
	attrEffectiveLabels      = "effective_labels"
	attrEffectiveAnnotations = "effective_annotations"
)

// metadataOf handles labels or annotations.
type metadataOf struct {
	key, effective string // the attributes' keys in the values of a resource
	defaults       map[string]string
	ignored        []*regexp.Regexp
}

func (s Settings) labels() metadataOf {
	return metadataOf{keyLabels, attrEffectiveLabels, s.Labels, s.IgnoreLabels}
}

func (s Settings) annotations() metadataOf {
	return metadataOf{keyAnnotations, attrEffectiveAnnotations, s.Annotations, s.IgnoreAnnotations}
}

// plan sets the planned effective labels or annotations. They are null without defaults.
func (m metadataOf) plan(planned values) {
	if len(m.defaults) == 0 {
		delete(planned, m.effective)
		return
	}
	if planned[m.key] == spec.Unknown {
		planned[m.effective] = spec.Unknown
		return
	}
	all := mapOf(stringMap(m.defaults))
	maps.Copy(all, mapOf(planned[m.key]))
	planned[m.effective] = all
}

// of returns the labels or annotations of an object that Terraform manages.
func (m metadataOf) of(v values) map[string]any {
	if all, ok := v[m.effective].(map[string]any); ok {
		return all
	}
	return mapOf(v[m.key])
}

// observe sets in now the live values of the keys that prior has.
func (m metadataOf) observe(now, prior values, live map[string]string) {
	for _, key := range []string{m.key, m.effective} {
		now.set(key, owned(prior[key], live, m.ignored))
	}
}

// found sets the entries that this provider has written, except those that only come from the provider's defaults.
func (m metadataOf) found(state values, own map[string]string) {
	given := mapOf(state[m.key])
	if len(m.defaults) > 0 {
		state.set(m.effective, stringMap(own))
	}
	own = maps.Clone(own)
	maps.DeleteFunc(own, func(key, value string) bool { return m.defaults[key] == value && value != "" && given[key] == nil })
	state.set(m.key, stringMap(own))
}

func matches(patterns []*regexp.Regexp, key string) bool {
	return slices.ContainsFunc(patterns, func(p *regexp.Regexp) bool { return p.MatchString(key) })
}
