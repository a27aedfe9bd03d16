#!/usr/bin/env bash
# Puts another policy into a running installation, without building anything.
#
#   infra/change-policy.sh POLICY RESOURCE_GROUP FUNCTION_APP
#
# The program comes from target/tether.zip, or from the package that PACKAGE names. The policy is
# checked before anything is sent. Going back is the same command with the older file.
set -euo pipefail
unset CDPATH

policy=${1:?usage: infra/change-policy.sh POLICY RESOURCE_GROUP FUNCTION_APP}
group=${2:?which resource group is the function app in?}
app=${3:?what is the function app called?}
infra=$(dirname "$0")
package=${PACKAGE:-$infra/../target/tether.zip}

if [ ! -f "$package" ]; then
  echo "change-policy: there is no package $package: make it with infra/package.sh from the version that runs" >&2
  exit 1
fi
changed=$("$infra/package.sh" --from "$package" "$policy")
az functionapp deployment source config-zip --resource-group "$group" --name "$app" --src "$changed" --output none
echo "change-policy: $policy is in force once the app has started anew, within a minute or two" >&2
