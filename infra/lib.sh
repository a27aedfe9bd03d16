# shellcheck shell=bash disable=SC2034 # what is set here is for the scripts that source it
# What the scripts of this folder share. Sourced, not run. bash 3.2 and BSD tools are enough.

set -euo pipefail
unset CDPATH

me=$(basename "$0" .sh)
here=$PWD
infra=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$infra")
yes=

say() { printf '%s: %s\n' "$me" "$*" >&2; }
stop() { say "$*"; exit 1; }
step() { printf '\n== %s\n' "$*" >&2; }

# Relative paths are read from where the command was given, not from this folder.
from_here() { case $1 in /*) printf '%s\n' "$1" ;; *) printf '%s\n' "$here/$1" ;; esac; }

lower() { printf '%s\n' "$1" | tr '[:upper:]' '[:lower:]'; }

sha256() { if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1; }

# Whether the program of a package runs on this machine.
runs_packages() { [ "$(uname -sm)" = "Linux x86_64" ]; }

is_guid() {
  case $1 in
    *[!0-9a-fA-F-]*) false ;;
    ????????-????-????-????-????????????) true ;;
    *) false ;;
  esac
}

# Problems are collected, so that all of them are said at once.
problems=
problem() { problems="$problems  - $*"$'\n'; }
stop_for_problems() {
  [ -z "$problems" ] && return
  say "$1"
  printf '%s' "$problems" >&2
  exit 1
}

# Asks on a terminal. Without one, only --yes goes on.
confirm() {
  local answer
  [ "$yes" = yes ] && return
  [ -t 0 ] || stop "there is no terminal to ask on: with --yes it goes on without asking"
  printf '%s [y/N] ' "$1" >&2
  read -r answer || answer=
  case $answer in y | Y | yes | Yes) ;; *) stop "nothing was changed" ;; esac
}

# What a JMESPath query finds in a JSON file. az is there wherever these scripts run, and reads JSON
# alike everywhere; inside backticks JMESPath takes JSON as it is.
json() {
  local text
  # shellcheck disable=SC2016 # the backticks are JMESPath's
  text=$(sed 's/`/\\`/g' "$1")
  az version --query "\`$text\`.$2" --output tsv
}

# Ends the script unless an account is signed in.
sign_in() {
  local account
  command -v az >/dev/null || stop "needs az, the Azure CLI"
  account=$(az account show --query "[id, name, tenantId, user.name]" --output tsv) ||
    stop "sign in first: az login"
  { read -r subscription && read -r subscription_name && read -r tenant && read -r user; } <<<"$account" ||
    stop "az account show does not say which subscription is set: az account set --subscription ID"
}

# az in the subscription that was shown, whatever is set meanwhile.
azure() { az "$@" --subscription "$subscription"; }

# Whether allowed and excluded actions, between blanks, include an action. Azure's wildcard means what the
# shell's does.
allows() {
  local action one is_allowed=
  action=$(lower "$1")
  set -f
  # shellcheck disable=SC2254
  for one in $(lower "$2"); do case $action in $one) is_allowed=yes ;; esac; done
  # shellcheck disable=SC2254
  for one in $(lower "$3"); do case $action in $one) is_allowed= ;; esac; done
  set +f
  [ -n "$is_allowed" ]
}

# Whether a file can be put there; nothing is left.
is_writable() { mkdir -p "$(dirname "$1")" 2>/dev/null && { : >"$1.new"; } 2>/dev/null && rm "$1.new"; }

# Puts a copy of a file into the place of another, as a whole or not at all.
keep() {
  [ "$1" != "$2" ] || return 0
  mkdir -p "$(dirname "$2")"
  cp "$1" "$2.new" && mv "$2.new" "$2"
}
