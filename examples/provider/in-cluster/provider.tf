# In a pod, the provider uses the address, certificate authority and token of the pod's service account.
provider "lamia" {}
