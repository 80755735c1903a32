# For the other scripts in this folder: runs their steps, and prints at the end how long each took.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

times=()
total() {
  [ ${#times[@]} -eq 0 ] || printf '\n%s: time per step\n' "${0##*/}"
  [ ${#times[@]} -eq 0 ] || printf '%s\n' "${times[@]}"
  exit "$1"
}
trap 'total $?' EXIT

# step NAME COMMAND... runs a command. A failure ends the script with the command's status.
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
