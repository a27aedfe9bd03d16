#!/usr/bin/env bash
# From a signed-in `az` to a running tether: the steps of infra/README.md, one after the other. It may
# be repeated; what is there already stays as it is.
#
#   infra/deploy.sh LOCATION [NAME]
#
# NAME is that of the deployment in Azure, `tether` if left out; a second installation needs another.
# Everything else is in infra/parameters.json and infra/events.parameters.json, or in the files that
# PARAMETERS and EVENTS_PARAMETERS name. PACKAGE names a package that is there already.
set -euo pipefail
cd "$(dirname "$0")/.."

location=${1:?usage: infra/deploy.sh LOCATION [NAME]}
name=${2:-tether}
parameters=${PARAMETERS:-infra/parameters.json}
events=${EVENTS_PARAMETERS:-infra/events.parameters.json}
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

package=${PACKAGE:-target/tether.zip}
if [ -z "${PACKAGE:-}" ]; then
  step "the package"
  infra/package.sh
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
