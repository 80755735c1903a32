# For the scripts beside it: runs their steps and says at the end where the time went.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

times=()
total() {
  [ ${#times[@]} -eq 0 ] || printf '\n%s: where the time went\n' "${0##*/}"
  [ ${#times[@]} -eq 0 ] || printf '%s\n' "${times[@]}"
  exit "$1"
}
trap 'total $?' EXIT

# step NAME COMMAND... runs a command; a failure ends the script, with the command's status.
step() {
  local name=$1 start=$SECONDS status=0
  shift
  printf '\n== %s\n' "$name"
  "$@" || status=$?
  local result=ok
  [ $status -eq 0 ] || result="failed, status $status"
  times+=("$(printf '%6d s  %s: %s' $((SECONDS - start)) "$name" "$result")")
  [ $status -eq 0 ] || exit $status
}
