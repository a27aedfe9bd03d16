#!/usr/bin/env bash
# Puts another policy into a running installation, without building anything.
#
#   infra/change-policy.sh POLICY RESOURCE_GROUP FUNCTION_APP
#
# The program comes from target/tether.zip, or from the package that PACKAGE names. The policy is
# checked before anything is sent. Going back is the same command with the older file.
# Once Azure has taken it, the package that now runs replaces the one that the program came from, or
# the one that OUT names.

. "$(dirname "$0")/lib.sh"

usage="usage: infra/change-policy.sh POLICY RESOURCE_GROUP FUNCTION_APP"
[ $# -eq 3 ] || stop "$usage"
policy=$(from_here "$1")
group=$2
app=$3
package=$(from_here "${PACKAGE:-$root/target/tether.zip}")
kept=$(from_here "${OUT:-$package}")
[ -f "$package" ] || stop "there is no package $package: make it with infra/package.sh from the version that runs"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
changed=$(OUT=$work/tether.zip "$infra/package.sh" --from "$package" "$policy")

sign_in
id=$(az functionapp show --resource-group "$group" --name "$app" --query id --output tsv) ||
  stop "there is no function app $app in the resource group $group of $subscription_name ($subscription)"
# The tag first: were it set afterwards, infra/deploy.sh could take the policy that was here before for
# the one that runs.
az tag update --operation merge --resource-id "$id" --tags "tether-policy=$(sha256 "$policy")" --output none

if ! az functionapp deployment source config-zip --resource-group "$group" --name "$app" --src "$changed" --output none 2>"$work/said"; then
  cat "$work/said" >&2
  grep -q 'appears to be unhealthy' "$work/said" ||
    stop "the policy was not changed; $package is what it was. Run the same command again"
  keep "$changed" "$kept"
  stop "$policy is deployed, but the app does not answer as healthy: look at its log, or go back with the older policy"
fi
cat "$work/said" >&2
keep "$changed" "$kept"
say "$policy is in force once the app has started anew, within a minute or two"
