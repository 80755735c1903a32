package engine

import (
	"maps"
	"regexp"
	"slices"

	"github.com/magneticio/terraform-provider-lamia/internal/spec"
)

// What becomes of what package admission has to say against an object.
const (
	ChecksError   = "error"
	ChecksWarning = "warning"
	ChecksOff     = "off"
)

// Checks are the values of [Settings.OfflineChecks].
var Checks = []string{ChecksError, ChecksWarning, ChecksOff}

// Settings are the arguments of the provider block that concern all resources.
type Settings struct {
	// ClusterDomain is the DNS domain of the cluster, "" while it is not known.
	ClusterDomain string
	// OfflineChecks is one of Checks; ChecksError if it is empty.
	OfflineChecks string
	// Labels and Annotations are the defaults for all objects and their companions.
	Labels, Annotations map[string]string
	// IgnoreLabels and IgnoreAnnotations match the keys whose changes by others are left alone.
	IgnoreLabels, IgnoreAnnotations []*regexp.Regexp
}

// Use gives a kind the settings of the current provider block.
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
	key, effective string // in the values of a resource
	defaults       map[string]string
	ignored        []*regexp.Regexp
}

func (s Settings) labels() metadataOf {
	return metadataOf{keyLabels, attrEffectiveLabels, s.Labels, s.IgnoreLabels}
}

func (s Settings) annotations() metadataOf {
	return metadataOf{keyAnnotations, attrEffectiveAnnotations, s.Annotations, s.IgnoreAnnotations}
}

// plan sets what there is to be in all: null, if that is what the configuration gives.
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

// of is what an object has of it that is Terraform's.
func (m metadataOf) of(v values) map[string]any {
	if all, ok := v[m.effective].(map[string]any); ok {
		return all
	}
	return mapOf(v[m.key])
}

// observe sets in now the values of live under the keys of prior.
func (m metadataOf) observe(now, prior values, live map[string]string) {
	for _, key := range []string{m.key, m.effective} {
		now.set(key, owned(prior[key], live, m.ignored))
	}
}

// found sets the entries that this provider wrote, except those that come only from the provider's defaults.
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
