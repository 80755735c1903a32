package admission

import (
	"istio.io/api/networking/v1alpha3"
	"istio.io/istio/pkg/config/schema/gvk"
	"istio.io/istio/pkg/config/validation"
)

// Gateway judges Gateways.
func Gateway() *Judges {
	return &Judges{crd: newCRD("Gateway"), istiod: istiod{gvk.Gateway, &v1alpha3.Gateway{}, validation.ValidateGateway}}
}

// VirtualService judges VirtualServices.
func VirtualService() *Judges {
	return &Judges{crd: newCRD("VirtualService"), istiod: istiod{gvk.VirtualService, &v1alpha3.VirtualService{}, validation.ValidateVirtualService}, advice: rewrites}
}

// DestinationRule judges DestinationRules.
func DestinationRule() *Judges {
	return &Judges{crd: newCRD("DestinationRule"), istiod: istiod{gvk.DestinationRule, &v1alpha3.DestinationRule{}, validation.ValidateDestinationRule}}
}

// ServiceEntry judges ServiceEntries.
func ServiceEntry() *Judges {
	return &Judges{crd: newCRD("ServiceEntry"), istiod: istiod{gvk.ServiceEntry, &v1alpha3.ServiceEntry{}, validation.ValidateServiceEntry}}
}
