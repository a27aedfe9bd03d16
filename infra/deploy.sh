#!/usr/bin/env bash
# From a signed-in `az` to a running tether: the steps of infra/README.md, one after the other. It may
# be repeated; what is there already stays as it is, but for the policy, which is POLICY afterwards.
#
#   infra/deploy.sh LOCATION [NAME]
#
# NAME is that of the deployment in Azure, `tether` if left out; a second installation needs another.
# POLICY names the policy, policy.yaml if left out. Everything else is in infra/parameters.json and
# infra/events.parameters.json, or in the files that PARAMETERS and EVENTS_PARAMETERS name. PACKAGE
# names a package that is there already: with its own policy, or with POLICY where that is set too.
# OUT names the package that is made otherwise. Relative paths are read from where you stand.
set -euo pipefail
unset CDPATH

location=${1:?usage: infra/deploy.sh LOCATION [NAME]}
name=${2:-tether}
here=$PWD
cd "$(dirname "$0")/.."
from_there() { case $1 in /*) echo "$1" ;; *) echo "$here/$1" ;; esac; }
# The file that a variable names, or the one of this folder.
named() { if [ -n "$1" ]; then from_there "$1"; else echo "$2"; fi; }
step() { printf '\n== %s\n' "$*" >&2; }
# A role that was just assigned may take minutes to hold everywhere.
patiently() {
  for _ in 1 2 3; do
    "$@" && return
    echo "deploy: refused, for the reason above; once more in a minute, in case a new role does not hold yet" >&2
    sleep 60
  done
  "$@"
}

parameters=$(named "${PARAMETERS:-}" infra/parameters.json)
events=$(named "${EVENTS_PARAMETERS:-}" infra/events.parameters.json)
policy=$(named "${POLICY:-}" "$PWD/policy.yaml")
package=$(named "${PACKAGE:-}" "")
if [ -n "${OUT:-}" ]; then OUT=$(from_there "$OUT") && export OUT; fi
needs() { [ -f "$2" ] || { echo "deploy: $1: there is no file $2" >&2 && exit 1; }; }
needs PARAMETERS "$parameters"
needs EVENTS_PARAMETERS "$events"
needs POLICY "$policy"
if [ -n "$package" ]; then needs PACKAGE "$package"; fi

if [ -z "$package" ]; then
  step "the package, with the policy $policy"
  package=$(infra/package.sh "$policy")
elif [ -n "${POLICY:-}" ]; then
  step "the package, with the policy $policy"
  package=$(infra/package.sh --from "$package" "$policy")
fi

step "the function app, the queues, the roles"
az deployment sub create --name "$name" --location "$location" --template-file infra/main.bicep --parameters "@$parameters" --output none
group=$(az deployment sub show --name "$name" --query properties.outputs.resourceGroup.value --output tsv)
app=$(az deployment sub show --name "$name" --query properties.outputs.functionApp.value --output tsv)
id=$(az deployment sub show --name "$name" --query properties.outputs.functionAppId.value --output tsv)
alerts=$(az deployment sub show --name "$name" --query properties.outputs.actionGroupId.value --output tsv)

step "the code"
patiently az functionapp deployment source config-zip --resource-group "$group" --name "$app" --src "$package" --output none

step "the events"
patiently az deployment sub create --name "$name-events" --location "$location" --template-file infra/events.bicep --parameters "@$events" --parameters "actionGroupId=$alerts" --output none

step "the check"
cargo run --locked --quiet -- check-install "$id"
