#!/usr/bin/env bash
# Puts another policy into a running installation, without building anything.
#
#   infra/change-policy.sh POLICY RESOURCE_GROUP FUNCTION_APP
#
# The program comes from target/deployed.zip, where infra/deploy.sh keeps what it deployed, or from the
# package that PACKAGE names. The policy is checked before anything is sent. Going back is the same
# command with the older file. Once Azure has taken it, the package that now runs replaces the one that
# the program came from, or the one that OUT names.

. "$(dirname "$0")/lib.sh" || exit 1

usage="usage: infra/change-policy.sh POLICY RESOURCE_GROUP FUNCTION_APP"
[ $# -eq 3 ] || stop "$usage"
policy=$(from_here "$1")
group=$2
app=$3
package=$(from_here "${PACKAGE:-$root/target/deployed.zip}")
kept=$(from_here "${OUT:-$package}")
[ -f "$package" ] || stop "there is no package $package: infra/deploy.sh keeps the one that it deployed there; name another by PACKAGE, such as one of infra/package.sh"
is_writable "$kept" || stop "the changed package cannot be kept at $kept: name another place by OUT"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
[ -f "$policy" ] || stop "there is no policy file $policy"
shown=$policy
# What was checked is what is sent and put on record, also if the file is edited meanwhile.
mkdir "$work/policy" && cp "$policy" "$work/policy/" && policy=$work/policy/$(basename "$policy")
changed=$(OUT=$work/tether.zip "$infra/package.sh" --from "$package" "$policy") || stop "$shown is not deployed"

sign_in
if ! azure functionapp show --resource-group "$group" --name "$app" --query "[id, tags.\"tether-policy\" || '', 'end']" --output tsv >"$work/app" 2>"$work/said"; then
  cat "$work/said" >&2
  stop "there is no function app $app in the resource group $group of $subscription_name ($subscription), or it cannot be read: see above"
fi
{ read -r id && read -r recorded; } <"$work/app" || stop "the app $app cannot be read"
if [ -z "$recorded" ]; then
  # An installation that was made step by step has no such tag.
  functions=$(azure functionapp function list --resource-group "$group" --name "$app" --query "[].name" --output tsv) || stop "the functions of $app cannot be listed: see above"
  printf '%s\n' "$functions" | grep -q 'command-received$' || stop "$app is no installation of tether: it has neither the tag \`tether-policy\` nor the function command-received"
fi
# While it is not known which policy runs, infra/deploy.sh asks for the one that is to run.
record() { azure tag update --operation merge --resource-id "$id" --tags "tether-policy=$1" --output none; }
record changing || stop "nothing was changed: the app's tag cannot be written, see above"

if ! azure functionapp deployment source config-zip --resource-group "$group" --name "$app" --src "$changed" --output none 2>"$work/said"; then
  cat "$work/said" >&2
  if ! grep -q 'appears to be unhealthy' "$work/said"; then
    # Azure did not take the package. A conflict (409) is not among these: it may be an earlier try of this
    # command that is still under way.
    ! grep -qE 'Status Code: (400|401|403|404|413)' "$work/said" || stop "the policy was not changed. Run the same command again"
    stop "whether the policy was changed is not known. Run the same command again"
  fi
  is_unhealthy=yes
fi
[ -n "${is_unhealthy:-}" ] || cat "$work/said" >&2
keep "$changed" "$kept"
record "$(sha256 "$policy")" || stop "$shown is deployed, and not on record: run the same command again"
[ -z "${is_unhealthy:-}" ] || stop "$shown is deployed, but the app does not answer as healthy: look at its log, or go back with the older policy"
say "$shown is in force once the app has started anew, within a minute or two"
