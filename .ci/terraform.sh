# For the other scripts in this folder: sets the CLI that tests run. It is TF_ACC_TERRAFORM_PATH, which can be Terraform or OpenTofu, or else terraform
# on the PATH.
[ -n "${TF_ACC_TERRAFORM_PATH:-}" ] || .ci/need terraform
export TF_ACC=1 CHECKPOINT_DISABLE=1 TF_ACC_TERRAFORM_PATH
TF_ACC_TERRAFORM_PATH=$(command -v "${TF_ACC_TERRAFORM_PATH:-terraform}") ||
  { echo "TF_ACC_TERRAFORM_PATH: command not found" >&2; exit 1; }
case $("$TF_ACC_TERRAFORM_PATH" version 2>/dev/null) in
  OpenTofu*) export TF_ACC_PROVIDER_HOST=registry.opentofu.org ;; # its default for sources without a host
esac
