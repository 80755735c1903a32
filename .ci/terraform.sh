# For the scripts beside it: the CLI that tests run, which is that of TF_ACC_TERRAFORM_PATH, Terraform or OpenTofu, or else the Terraform
# of the PATH.
[ -n "${TF_ACC_TERRAFORM_PATH:-}" ] || .ci/need terraform
export TF_ACC=1 CHECKPOINT_DISABLE=1 TF_ACC_TERRAFORM_PATH
TF_ACC_TERRAFORM_PATH=$(command -v "${TF_ACC_TERRAFORM_PATH:-terraform}") ||
  { echo "TF_ACC_TERRAFORM_PATH is no program" >&2; exit 1; }
case $("$TF_ACC_TERRAFORM_PATH" version 2>/dev/null) in
  OpenTofu*) export TF_ACC_PROVIDER_HOST=registry.opentofu.org ;; # which a source without a host means there
esac
