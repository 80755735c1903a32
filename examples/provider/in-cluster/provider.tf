# In a pod: the address, the certificate authority and the token are those of its service account.
provider "lamia" {}
