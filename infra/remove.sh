#!/usr/bin/env bash
# Takes rights or resources of tether out of Azure. It lists first, asks, deletes in an order in which
# nothing is left that cannot be deleted any more, and says what it leaves.
#
#   infra/remove.sh writing [NAME] [--yes]           the right to write role assignments, everywhere:
#                                                    the switch that stops tether from changing anything
#   infra/remove.sh subscription ID [NAME] [--yes]   a subscription of the estate, before it is
#                                                    cancelled or handed on
#   infra/remove.sh all [NAME] [--yes]               tether itself
#
# NAME is that of the deployment in Azure, `tether` if left out.
# --assignments also deletes the role assignments that tether made, with `subscription` there, with
# `all` in the whole estate; without it clusters keep what they have.
# PRINCIPAL, the object id of its identity, is needed where that is gone; ESTATE, subscription ids between
# blanks, where tether has built-in roles and Azure no longer has the record of the deployment.

. "$(dirname "$0")/lib.sh"

usage="usage: infra/remove.sh writing|subscription ID|all [NAME] [--assignments] [--yes]"
assignments=
words=
for argument in "$@"; do
  case $argument in
    --yes) yes=yes ;;
    --assignments) assignments=yes ;;
    -*) stop "unknown option $argument; $usage" ;;
    *) words="$words $argument" ;;
  esac
done
# shellcheck disable=SC2086 # words are names and ids, without blanks
set -- $words
what=${1:-}
[ $# -eq 0 ] || shift
only=
case $what in
  writing | all) ;;
  subscription)
    only=$(lower "${1:?$usage}")
    shift
    ;;
  *) stop "$usage" ;;
esac
name=${1:-tether}
[ $# -le 1 ] || stop "$usage"
[ "$what" != writing ] || [ -z "$assignments" ] || stop "--assignments goes with \`subscription\` or \`all\`"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sign_in
# A deployment that failed has parameters and no outputs, and Azure deletes old records, so what is there
# is asked, and not the record alone.
record=$(az deployment sub show --name "$name" --query "[properties.parameters.name.value || '', properties.parameters.resourceGroupName.value || '', join(' ', properties.outputs.installation.value.subscriptions || \`[]\`), 'end']" --output tsv 2>/dev/null) || record=
{ read -r app_prefix && read -r group && read -r estate; } <<<"${record:-$name}" || true
app_prefix=${app_prefix:-$name}
group=${group:-rg-$app_prefix}
estate="${estate:-} ${ESTATE:-}"
principal=${PRINCIPAL:-}
[ -n "$principal" ] ||
  principal=$(az resource show --resource-group "$group" --resource-type Microsoft.ManagedIdentity/userAssignedIdentities --name "id-$app_prefix" --query properties.principalId --output tsv 2>/dev/null) || principal=
# A group that was deleted in part has no identity any more, and what was assigned to it went before.
[ -n "$principal" ] || [ "$what" != all ] || [ "$(az group exists --name "$group" --output tsv)" != true ] || principal=none
[ -n "$principal" ] ||
  stop "there is no identity id-$app_prefix in the resource group $group of $subscription_name ($subscription). Is it another subscription (az account set), or another NAME (az deployment sub list)? If the group is gone, state PRINCIPAL, the object id of the identity, and ESTATE"
# Custom roles can be assigned where tether was ever given a right.
az role definition list --custom-role-only true --query "[?starts_with(roleName, '$app_prefix reader (') || starts_with(roleName, '$app_prefix writer (')].[name, join(' ', assignableScopes)]" --output tsv >"$work/known" || problem "the custom roles cannot be listed: see above"
while read -r _ scopes; do
  for scope in $scopes; do estate="$estate ${scope#/subscriptions/}"; done
done <"$work/known"
topics=$group-events
everywhere=
for id in $(lower "$estate $subscription"); do
  case " $everywhere " in *" $id "*) ;; *) everywhere="$everywhere $id" ;; esac
done
if [ -n "$only" ]; then
  case " $everywhere " in *" $only "*) ;; *) stop "$only is not of the estate of $name:$everywhere" ;; esac
  everywhere=$only
fi

for list in writers others made events groups roles logs; do : >"$work/$list"; done

# Names are not asked of Microsoft Graph, which may be closed to whoever runs this.
assigned() { az role assignment list --all --subscription "$1" --fill-principal-name false --query "$2" --output tsv; }
# Whatever lets it write role assignments, also what somebody gave it beside the deployment.
writes="contains(['Owner', 'User Access Administrator', 'Role Based Access Control Administrator'], roleDefinitionName || '') || starts_with(roleDefinitionName || '', '$app_prefix writer (') || condition"
reads="(roleDefinitionName || '') == 'Reader' || starts_with(roleDefinitionName || '', '$app_prefix reader (')"

for id in $everywhere; do
  assigned "$id" "[?principalId=='$principal' && ($writes)].id" >>"$work/writers" || problem "the role assignments in $id cannot be listed: see above"
  [ "$what" != writing ] || continue
  # Rights of the app at its own queues, storage and log stay with a subscription that it only lives in.
  where="principalId=='$principal' && !($writes)"
  [ -z "$only" ] || where="$where && ($reads)"
  assigned "$id" "[?$where].id" >>"$work/others" || problem "the role assignments in $id cannot be listed: see above"
  [ -z "$assignments" ] || assigned "$id" "[?createdBy=='$principal'].id" >>"$work/made" || problem "the role assignments in $id cannot be listed: see above"
  az monitor diagnostic-settings subscription list --subscription "$id" --query "(value || @)[?name=='$app_prefix'].id" --output tsv >>"$work/logs" || problem "the diagnostic settings of $id cannot be listed: see above"

  # A topic that was there before tether stays, with other subscriptions; only what is tether's goes.
  az eventgrid system-topic list --subscription "$id" --query "[?topicType=='Microsoft.Resources.Subscriptions'].[resourceGroup, name]" --output tsv >"$work/topics" 2>"$work/said" || {
    cat "$work/said" >&2
    # Without the provider there is no topic.
    grep -q 'MissingSubscriptionRegistration' "$work/said" || problem "the system topics of $id cannot be listed: see above"
  }
  while read -r topic_group topic; do
    az eventgrid system-topic event-subscription list --subscription "$id" --resource-group "$topic_group" --system-topic-name "$topic" --query "[].name" --output tsv >"$work/subscriptions"
    grep -qx "$app_prefix" "$work/subscriptions" || continue
    if [ "$(lower "$topic_group")" = "$(lower "$topics")" ] && ! grep -qvx "$app_prefix" "$work/subscriptions"; then
      printf '%s %s\n' "$id" "$topic_group" >>"$work/groups"
    else
      printf '%s %s %s\n' "$id" "$topic_group" "$topic" >>"$work/events"
    fi
  done <"$work/topics"
done
if [ "$what" = all ]; then
  cut -f 1 "$work/known" >>"$work/roles"
  if [ "$(az group exists --name "$group" --output tsv)" = true ]; then
    printf '%s %s\n' "$subscription" "$group" >>"$work/groups"
    # The group goes with all that is in it, so all of it has to be tether's.
    strange=$(az resource list --resource-group "$group" --query "[?!(contains(name, '$app_prefix') || starts_with(name, 'Application Insights Smart') || starts_with(name, 'Failure Anomalies'))].id" --output tsv)
    [ -z "$strange" ] || problem "the resource group $group holds what is not tether's; move it or delete it first: $(printf '%s' "$strange" | tr '\n' ' ')"
  fi
fi
stop_for_problems "nothing was deleted. This is in the way:"

listed() {
  [ -s "$work/$1" ] || return 0
  printf '\n%s\n' "$2"
  sed 's/^/  /' "$work/$1"
}
{
  echo "tether's identity is $principal. What is deleted, in this order:"
  listed writers "role assignments that let it write role assignments:"
  listed made "role assignments that it made, which let clusters pull:"
  listed events "event subscription and alerts \`$app_prefix\` at a topic of others (subscription, resource group, topic):"
  listed logs "the activity log's way into tether's workspace:"
  listed others "its other role assignments:"
  listed roles "its custom roles:"
  listed groups "resource groups with all that is in them (subscription, resource group):"
} >&2
if [ -z "$(cat "$work/writers" "$work/made" "$work/events" "$work/logs" "$work/others" "$work/roles" "$work/groups")" ]; then
  say "there is nothing to delete"
else
  confirm "Delete all of this?"
fi

unassign() {
  local id
  while read -r id; do
    az role assignment delete --ids "$id" --output none || stop "this could not be deleted: $id. Run the same command again; what was deleted above is gone"
  done <"$work/$1"
}
step_if() { [ ! -s "$work/$1" ] || step "$2"; }

step_if writers "the right to write role assignments"
unassign writers
for id in $everywhere; do
  for try in 1 2 3 4 5 6; do
    left=$(assigned "$id" "[?principalId=='$principal' && ($writes)].id") || stop "whether the right is gone from $id was not answered: see above"
    [ -n "$left" ] || break
    # A list may show for a while what is deleted.
    [ "$try" -lt 6 ] || stop "this is still there: $left"
    sleep 10
  done
  say "in $id no role lets tether's identity write role assignments any more"
done

if [ "$what" = all ] && [ "$(az group exists --name "$group" --output tsv)" = true ]; then
  for app in $(az resource list --resource-group "$group" --resource-type Microsoft.Web/sites --query "[].name" --output tsv); do
    step "the app $app is stopped"
    az functionapp stop --resource-group "$group" --name "$app" --output none
  done
fi
step_if made "the role assignments that it made"
unassign made
step_if events "event subscriptions at topics of others"
while read -r id topic_group topic; do
  az eventgrid system-topic event-subscription delete --subscription "$id" --resource-group "$topic_group" --system-topic-name "$topic" --name "$app_prefix" --yes --output none
  for alert in "$app_prefix events given up" "$app_prefix events dropped"; do
    az monitor metrics alert delete --subscription "$id" --resource-group "$topic_group" --name "$alert" --output none
  done
done <"$work/events"
step_if logs "the activity log"
while read -r id; do
  az monitor diagnostic-settings subscription delete --ids "$id" --yes --output none
done <"$work/logs"
step_if others "its other role assignments"
unassign others
step_if roles "its custom roles"
while read -r role; do
  az role definition delete --custom-role-only true --name "$role" --output none || stop "this custom role could not be deleted: $role. Run the same command again; what was deleted above is gone"
done <"$work/roles"
step_if groups "resource groups"
while read -r id resource_group; do
  az group delete --subscription "$id" --name "$resource_group" --yes --output none || stop "this resource group could not be deleted: $resource_group in $id. Run the same command again; what was deleted above is gone"
done <"$work/groups"

# What is under way while a right is taken away may still be done for some minutes.
if [ -n "$assignments" ]; then
  : >"$work/made"
  for id in $everywhere; do assigned "$id" "[?createdBy=='$principal'].id" >>"$work/made"; done
  step_if made "role assignments that it made meanwhile"
  unassign made
fi

step "what is left"
case $what in
  writing)
    cat >&2 <<LEFT
  The app runs, reads and reports, and its changes are refused. Role assignments that it made stay.
  Azure may take some minutes to refuse them everywhere.
  The next infra/deploy.sh gives the right back, unless \`mayWrite\` is false in its parameters.
LEFT
    ;;
  subscription)
    cat >&2 <<LEFT
  Take $only out of \`subscriptions\` in the parameters and run infra/deploy.sh: until then the app
  reports that it cannot see the subscription, and its custom roles still name it. Only then cancel
  the subscription: a role that names a cancelled one cannot be changed any more.
LEFT
    ;;
  all)
    cat >&2 <<LEFT
  The records of the deployments $name and $name-events, until Azure deletes them.
  Deleted blobs and the log workspace can be restored for 14 days.
LEFT
    ;;
esac
[ "$what" = writing ] || [ -n "$assignments" ] || echo "  Role assignments that tether made: clusters still pull by them. --assignments deletes them too." >&2
