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
# PRINCIPAL and ESTATE (subscription ids between blanks) are needed where Azure no longer has the record
# of the deployment.

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

sign_in
outputs=$(az deployment sub show --name "$name" --query "properties.outputs.[identityPrincipalId.value, installation.value.name, resourceGroup.value, join(' ', installation.value.subscriptions), roles.value[0], roles.value[1], 'end']" --output tsv 2>/dev/null) || outputs=
if [ -n "$outputs" ] && [ "$(printf '%s\n' "$outputs" | head -n 1)" != None ]; then
  { read -r principal && read -r app_prefix && read -r group && read -r estate && read -r reader && read -r writer; } <<<"$outputs"
else
  { [ -n "${PRINCIPAL:-}" ] && [ -n "${ESTATE:-}" ]; } ||
    stop "there is no record of a deployment $name in $subscription_name ($subscription). Is it another subscription (az account set), or another NAME (az deployment sub list)? If Azure deleted the record: PRINCIPAL=\$(az identity show --resource-group rg-$name --name id-$name --query principalId --output tsv) ESTATE=\"ID ID\" $0 $what"
  principal=$PRINCIPAL
  estate=$ESTATE
  app_prefix=$name
  group=rg-$name
  reader=
  writer=
fi
topics=$group-events
estate=$(lower "$estate")
everywhere=$estate
case " $estate " in *" $(lower "$subscription") "*) ;; *) everywhere="$estate $(lower "$subscription")" ;; esac
if [ -n "$only" ]; then
  case " $everywhere " in *" $only "*) ;; *) stop "$only is not of the estate of $name: $estate" ;; esac
  everywhere=$only
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
: >"$work/writers" && : >"$work/others" && : >"$work/made" && : >"$work/events" && : >"$work/groups" && : >"$work/roles" && : >"$work/logs"

# Names are not asked of Microsoft Graph, which may be closed to whoever runs this.
assigned() { az role assignment list --all --subscription "$1" --fill-principal-name false --query "$2" --output tsv; }
# Built-in roles have no place in the record: what writes is known by its condition or by its role.
builtin_writer=f58310d9-a9f6-439a-9e8d-f62e7b41a168
writes="ends_with(roleDefinitionId, '${writer:-$builtin_writer}') || ends_with(roleDefinitionId, '$builtin_writer')"

for id in $everywhere; do
  assigned "$id" "[?principalId=='$principal' && ($writes)].id" >>"$work/writers" || problem "the role assignments in $id cannot be listed: see above"
  [ "$what" != writing ] || continue
  # Rights of the app at its own queues, storage and log stay with a subscription that it only lives in.
  where="principalId=='$principal' && !($writes)"
  [ -z "$only" ] || where="$where && (ends_with(roleDefinitionId, '${reader:-none}') || ends_with(roleDefinitionId, 'acdd72a7-3385-48ef-bd42-f606fba81ae7'))"
  assigned "$id" "[?$where].id" >>"$work/others" || true
  [ -z "$assignments" ] || assigned "$id" "[?createdBy=='$principal'].id" >>"$work/made" || problem "the role assignments in $id cannot be listed: see above"
  az monitor diagnostic-settings subscription list --subscription "$id" --query "(value || @)[?name=='$app_prefix'].id" --output tsv >>"$work/logs" 2>/dev/null || true

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
  az role definition list --custom-role-only true --query "[?ends_with(id, '${reader:-none}') || ends_with(id, '${writer:-none}')].name" --output tsv >>"$work/roles" || problem "custom roles cannot be listed: see above"
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
  az role definition delete --custom-role-only true --name "$role" --output none
done <"$work/roles"
step_if groups "resource groups"
while read -r id resource_group; do
  az group delete --subscription "$id" --name "$resource_group" --yes --output none
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
  A token that it holds works for up to an hour with rights that are cached for some minutes.
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
  Storage that was deleted can be restored for as long as its soft delete says; nothing is billed for
  the app any more.
LEFT
    ;;
esac
[ "$what" = writing ] || [ -n "$assignments" ] || echo "  Role assignments that tether made: clusters still pull by them. --assignments deletes them too." >&2
