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
# PRINCIPAL, the object id of its identity, and ESTATE, subscription ids between blanks, are needed only
# where Azure has no record of the deployment any more; the script says so.

. "$(dirname "$0")/lib.sh" || exit 1

usage="usage: infra/remove.sh writing|subscription ID|all [NAME] [--assignments] [--yes]"
assignments=
words=
for argument in "$@"; do
  case $argument in
    --yes) yes=yes ;;
    --assignments) assignments=yes ;;
    -*) stop "unknown option $argument; $usage" ;;
    '' | *[!0-9a-zA-Z._-]*) stop "$argument is no name and no id; $usage" ;;
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
    [ $# -gt 0 ] || stop "$usage"
    only=$(lower "$1")
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

# ---- what belongs to this installation

# A deployment that failed has parameters and no outputs. `end` keeps empty lines before it.
if azure deployment sub show --name "$name" --query "[properties.provisioningState || '', properties.parameters.name.value || '', properties.parameters.resourceGroupName.value || '', join(' ', properties.parameters.subscriptions.value || \`[]\`), join(' ', properties.outputs.installation.value.subscriptions || \`[]\`), properties.outputs.identityPrincipalId.value || '', join(' ', properties.outputs.roles.value || \`[]\`), properties.outputs.functionApp.value || properties.parameters.functionAppName.value || '', properties.outputs.serviceBus.value || properties.parameters.serviceBusName.value || '', properties.outputs.storageAccount.value || properties.parameters.storageAccountName.value || '', 'end']" --output tsv >"$work/record" 2>"$work/said"; then
  is_recorded=yes
else
  is_recorded=
  grep -q 'NotFound' "$work/said" || { cat "$work/said" >&2 && stop "the record of the deployment $name was not answered: see above"; }
  printf '\n\n\n\n\n\n\n\n\n\nend\n' >"$work/record"
fi
{ read -r state && read -r prefix && read -r group && read -r asked && read -r estate && read -r principal && read -r roles && read -r app && read -r bus && read -r storage; } <"$work/record" ||
  stop "the record of the deployment $name cannot be read"
prefix=${prefix:-$name}
group=${group:-rg-$prefix}
case $state in
  Running | Accepted) stop "the deployment $name is running and would give rights again: az deployment sub cancel --name $name, then the same command" ;;
esac

# What the switch does not know it must not pass over: it goes on, and ends with 1.
unseen=
unknown() {
  if [ "$what" = writing ] && [ -n "$principal" ]; then say "$1 was not answered: see above" && unseen="$unseen ($1)"; else stop "$1 was not answered: see above"; fi
}
group_exists=$(azure group exists --name "$group" --output tsv) || { unknown "whether there is a resource group $group" && group_exists=; }

found=$principal
if [ -z "$found" ] && [ "$group_exists" = true ]; then
  found=$(azure resource list --resource-group "$group" --resource-type Microsoft.ManagedIdentity/userAssignedIdentities --query "[?name=='id-$prefix'].id | [0] || ''" --output tsv) ||
    stop "the resources in $group cannot be listed: see above"
  [ -z "$found" ] || found=$(azure resource show --ids "$found" --query properties.principalId --output tsv) ||
    stop "the identity id-$prefix cannot be read: see above"
fi
principal=$(lower "${PRINCIPAL:-$found}")
[ -z "$found" ] || [ "$principal" = "$(lower "$found")" ] ||
  stop "the identity of $name is $found, and PRINCIPAL is $principal: leave PRINCIPAL out"
[ -n "$principal" ] ||
  stop "there is no identity id-$prefix in the resource group $group of $subscription_name ($subscription), and no record of it. Is it another subscription (az account set), or another NAME (az deployment sub list)? If both are gone, state PRINCIPAL, the object id of the identity, and ESTATE"
is_guid "$principal" || stop "PRINCIPAL is no object id: $principal"

setting=
if [ "$group_exists" = true ]; then
  [ -n "$app" ] || app=$(azure resource list --resource-group "$group" --resource-type Microsoft.Web/sites --query "[?starts_with(name, 'func-$prefix-')].name | [0] || ''" --output tsv) ||
    unknown "which apps are in $group"
  # What the app looks after, where no record says it.
  [ -z "$app" ] || [ -n "$estate" ] ||
    setting=$(azure functionapp config appsettings list --resource-group "$group" --name "$app" --query "[?name=='TETHER_SUBSCRIPTIONS'].value | [0] || ''" --output tsv) ||
    unknown "the estate in the settings of $app"
fi
# A custom role names every subscription that it may be assigned in. Another installation of the tenant may
# have one of the same name, so which are this one's is decided by the record and by what its identity has.
azure role definition list --custom-role-only true --query "[?starts_with(roleName, '$prefix reader (') || starts_with(roleName, '$prefix writer (')].[name, join(' ', assignableScopes)]" --output tsv >"$work/named" ||
  unknown "which custom roles there are"
scopes=
while read -r _ its_scopes; do
  for scope in $its_scopes; do scopes="$scopes ${scope#/subscriptions/}"; done
done <"$work/named"

estate=$(lower "$asked $estate $setting $scopes ${ESTATE:-}" | tr ',' ' ')
[ -n "$is_recorded" ] || [ -n "${estate// /}" ] ||
  stop "which subscriptions are of the estate is not known: there is no record of a deployment $name. State them in ESTATE"
everywhere=
for id in $estate $(lower "$subscription"); do
  case " $everywhere " in *" $id "*) ;; *) everywhere="$everywhere $id" ;; esac
done
if [ -n "$only" ]; then
  case " $everywhere " in *" $only "*) ;; *) stop "$only is not of the estate of $name, which is$everywhere; if it was once: ESTATE=$only $0 $what $only" ;; esac
  everywhere=$only
fi

# ---- what is there

for list in writers others made events groups contents logs roles stays; do : >"$work/$list"; done
# For the switch, what can be listed goes even where something else cannot.
cannot_list() {
  if [ "$what" = writing ]; then unseen="$unseen $2" && say "$1 of $2 cannot be listed: see above"; else problem "$1 of $2 cannot be listed: see above"; fi
}
# Names are not asked of Microsoft Graph, which the account may not be allowed to read.
assigned() { az role assignment list --all --subscription "$1" --fill-principal-name false --query "$2" --output tsv; }

# The ids of roles that let an identity write role assignments, by what they allow. Owner, User Access
# Administrator and Role Based Access Control Administrator always do.
writing_roles() {
  local role allowed excluded
  printf '%s\n' 8e3af657-a8ff-443c-a75c-2fe8c4bcb635 18d7d88d-d35e-4fb5-a5c3-7773c20a72d9 f58310d9-a9f6-439a-9e8d-f62e7b41a168
  # Most roles name neither everything nor Microsoft.Authorization, and are not worth a look.
  az role definition list --subscription "$1" --query "[?length((permissions[].actions[] || \`[]\`) | [?!ends_with(@, '/read') && (starts_with(@, '*') || starts_with(@, 'Microsoft.*') || starts_with(@, 'Microsoft.Auth') || starts_with(@, 'microsoft.auth'))]) > \`0\`].[name, join(' ', permissions[].actions[]) || '-', join(' ', permissions[].notActions[]) || '-']" --output tsv >"$work/custom" || return 1
  while IFS=$'\t' read -r role allowed excluded; do
    ! allows Microsoft.Authorization/roleAssignments/write "$allowed" "$excluded" || printf '%s\n' "$role"
  done <"$work/custom"
}
# A JMESPath condition: the assignment is of the identity, and of one of these roles.
of_roles() {
  local role condition=
  while read -r role; do condition="$condition || ends_with(roleDefinitionId, '$role')"; done
  printf "principalId=='%s' && (%s)" "$principal" "${condition# || }"
}
# Whether an event subscription delivers to this installation
leads_here() { case $(lower "$1") in *"/subscriptions/$(lower "$subscription")/resourcegroups/$(lower "$group")/"*) true ;; *) false ;; esac; }

topics_of() {
  local id=$1 topic_group topic topic_type topic_principal subscription_name destination assignment has_topic=
  az eventgrid system-topic list --subscription "$id" --query "[].[resourceGroup, name, topicType || '-', identity.principalId || '']" --output tsv >"$work/topics" 2>"$work/said" || {
    cat "$work/said" >&2
    # Without the provider there is no topic.
    grep -q 'MissingSubscriptionRegistration' "$work/said" || cannot_list "the system topics" "$id"
    return 0
  }
  while IFS=$'\t' read -r topic_group topic topic_type topic_principal; do
    [ "$(lower "$topic_type")" = microsoft.resources.subscriptions ] || continue
    az eventgrid system-topic event-subscription list --subscription "$id" --resource-group "$topic_group" --system-topic-name "$topic" --query "[].[name, to_string([destination, deliveryWithResourceIdentity])]" --output tsv >"$work/subscriptions" || {
      cannot_list "the event subscriptions" "$id"
      continue
    }
    is_ours=
    others_there=
    while IFS=$'\t' read -r subscription_name destination; do
      if [ "$subscription_name" = "$prefix" ] && leads_here "$destination"; then is_ours=yes; else others_there="$others_there $subscription_name"; fi
    done <"$work/subscriptions"
    if [ "$(lower "$topic_group/$topic")" = "$(lower "$group-events/egst-$prefix")" ]; then
      has_topic=yes
      if [ -z "$others_there" ]; then
        printf '%s %s\n' "$id" "$topic_group" >>"$work/groups"
      else
        printf '%s\n' "the system topic $topic in $topic_group of $id, which others use:$others_there" >>"$work/stays"
        [ -z "$is_ours" ] || printf '%s %s %s\n' "$id" "$topic_group" "$topic" >>"$work/events"
      fi
    elif [ -n "$is_ours" ]; then
      printf '%s %s %s\n' "$id" "$topic_group" "$topic" >>"$work/events"
    else
      continue
    fi
    # What the topic's identity may do at tether's queue and storage
    [ -n "$topic_principal" ] || continue
    assigned "$subscription" "[?principalId=='$topic_principal'].id" >"$work/of-topic" || cannot_list "the role assignments" "$subscription"
    while read -r assignment; do
      ! leads_here "$assignment" || printf '%s\n' "$assignment" >>"$work/others"
    done <"$work/of-topic"
  done <"$work/topics"
  # A deployment that was stopped leaves the group without its topic.
  if [ -z "$has_topic" ]; then
    case $(az group exists --subscription "$id" --name "$group-events" --output tsv || echo unknown) in
      true) printf '%s %s\n' "$id" "$group-events" >>"$work/groups" ;;
      unknown) cannot_list "the resource groups" "$id" ;;
    esac
  fi
}

for id in $everywhere; do
  if ! writing_roles "$id" >"$work/writing-$id"; then
    cannot_list "the custom roles" "$id"
    continue
  fi
  assigned "$id" "[?$(of_roles <"$work/writing-$id")].id" >>"$work/writers" || { cannot_list "the role assignments" "$id" && continue; }
  [ "$what" != writing ] || continue
  # Rights of the app at its own queues, storage and log stay with a subscription that it only lives in.
  { cut -f 1 "$work/named" && echo acdd72a7-3385-48ef-bd42-f606fba81ae7; } >"$work/reading"
  if [ -n "$only" ]; then its=$(of_roles <"$work/reading"); else its="principalId=='$principal'"; fi
  assigned "$id" "[?$its].id" >>"$work/others" || cannot_list "the role assignments" "$id"
  [ -z "$assignments" ] || assigned "$id" "[?createdBy=='$principal'].id" >>"$work/made" || cannot_list "the role assignments" "$id"
  az monitor diagnostic-settings subscription list --subscription "$id" --query "(value || @)[?name=='$prefix'].[id, to_string(@)]" --output tsv >"$work/settings" || cannot_list "the diagnostic settings" "$id"
  while IFS=$'\t' read -r setting_id text; do
    case $(lower "$text") in
      *"/subscriptions/$(lower "$subscription")/resourcegroups/$(lower "$group")/"*"/workspaces/$(lower "log-$prefix")\""*) printf '%s\n' "$setting_id" >>"$work/logs" ;;
    esac
  done <"$work/settings"
  topics_of "$id"
done
# What is in both lists goes as what lets it write.
grep -vxFf "$work/writers" "$work/others" | sort -u >"$work/rest" || true
mv "$work/rest" "$work/others"
if [ "$what" = all ]; then
  [ "$group_exists" != true ] || printf '%s %s\n' "$subscription" "$group" >>"$work/groups"
  held=
  for id in $everywhere; do
    held="$held $(assigned "$id" "[?principalId=='$principal'].roleDefinitionId" | tr '\n' ' ')" || cannot_list "the role assignments" "$id"
  done
  while read -r role _; do
    case " $roles $held " in
      *" $role "* | *"/$role "*) printf '%s\n' "$role" >>"$work/roles" ;;
      *) printf '%s\n' "the custom role $role, which has the name of tether's and may be another installation's" >>"$work/stays" ;;
    esac
  done <"$work/named"
fi

# A group goes with all that is in it, so all of it has to be tether's.
is_tethers() {
  local p
  p=$(lower "$prefix")
  # shellcheck disable=SC2254 # names that no record has end in what Azure computed
  case $(lower "$1") in
    "microsoft.managedidentity/userassignedidentities id-$p" | "microsoft.web/serverfarms plan-$p" | \
      "microsoft.operationalinsights/workspaces log-$p" | "microsoft.insights/components appi-$p" | \
      "microsoft.insights/actiongroups ag-$p" | "microsoft.eventgrid/systemtopics egst-$p" | \
      "microsoft.insights/scheduledqueryrules $p roles assigned elsewhere") true ;;
    "microsoft.insights/metricalerts $p commands given up" | "microsoft.insights/metricalerts $p messages refused" | \
      "microsoft.insights/metricalerts $p commands wait" | "microsoft.insights/metricalerts $p invocations fail" | \
      "microsoft.insights/metricalerts $p events given up" | "microsoft.insights/metricalerts $p events dropped") true ;;
    # Azure makes these two for Application Insights.
    "microsoft.insights/actiongroups application insights smart detection" | \
      "microsoft.alertsmanagement/smartdetectoralertrules failure anomalies - appi-$p") true ;;
    "microsoft.web/sites "${app_pattern}) true ;;
    "microsoft.servicebus/namespaces "${bus_pattern}) true ;;
    "microsoft.storage/storageaccounts "${storage_pattern}) true ;;
    *) false ;;
  esac
}
# Azure computes 13 characters; names of storage accounts are cut at 24.
app_pattern=$(lower "${app:-func-$prefix-?????????????}")
bus_pattern=$(lower "${bus:-sbns-$prefix-?????????????}")
storage_base=st$(printf '%s' "$prefix" | tr -d -)
storage_rest='?????????????'
storage_pattern=$(lower "${storage:-$storage_base${storage_rest:0:$((24 - ${#storage_base}))}}")
while read -r id resource_group; do
  az resource list --subscription "$id" --resource-group "$resource_group" --query "[].[type, name, id]" --output tsv >"$work/inside" || { cannot_list "the resources in $resource_group" "$id" && continue; }
  while IFS=$'\t' read -r type resource resource_id; do
    printf '%s\n' "$resource_id" >>"$work/contents"
    is_tethers "$type $resource" || problem "the resource group $resource_group holds what is not tether's; move it or delete it first: $resource_id"
  done <"$work/inside"
done <"$work/groups"
stop_for_problems "nothing was deleted. This is in the way:"

# ---- list, ask, delete

listed() {
  [ -s "$work/$1" ] || return 0
  printf '\n%s\n' "$2"
  sed 's/^/  /' "$work/$1"
}
{
  echo "tether's identity is $principal. What is deleted, in this order:"
  listed writers "role assignments that let it write role assignments:"
  listed made "role assignments that it made, which let clusters pull:"
  listed events "event subscription and alerts \`$prefix\` at a topic that stays (subscription, resource group, topic):"
  listed logs "the activity log's way into tether's workspace:"
  listed others "its other role assignments, and those of topics at its queue and storage:"
  listed roles "its custom roles:"
  listed groups "resource groups (subscription, resource group):"
  listed contents "with all that is in them:"
} >&2
if [ -z "$(cat "$work/writers" "$work/made" "$work/events" "$work/logs" "$work/others" "$work/roles" "$work/groups")" ]; then
  say "there is nothing to delete"
else
  confirm "Delete all of this?"
fi

again="Run the same command again; what was deleted above is gone"
unassign() {
  local id
  while read -r id; do
    az role assignment delete --ids "$id" --output none || stop "this could not be deleted: $id. $again"
  done <"$work/$1"
}
step_if() { [ ! -s "$work/$1" ] || step "$2"; }

step_if writers "the right to write role assignments"
while read -r id; do
  az role assignment delete --ids "$id" --output none || unseen="$unseen $id"
done <"$work/writers"
for id in $everywhere; do
  case " $unseen " in *" $id "*) continue ;; esac
  for try in 1 2 3 4 5 6; do
    left=$(assigned "$id" "[?$(of_roles <"$work/writing-$id")].id") || left="not answered"
    # A list may show for a while what is deleted.
    { [ -n "$left" ] && [ "$try" -lt 6 ]; } || break
    sleep 10
  done
  if [ -n "$left" ]; then unseen="$unseen $id" && continue; fi
  say "in $id no role of tether's identity itself lets it write role assignments any more"
done
[ -z "$unseen" ] || stop "these could not be looked at or taken away, so the right may still be there:$unseen. See above, then run the same command again"

if [ "$what" = all ] && [ -n "$app" ] && grep -qi "/sites/$app\$" "$work/contents"; then
  step "the app $app is stopped"
  azure functionapp stop --resource-group "$group" --name "$app" --output none || stop "the app could not be stopped: see above. $again"
fi
step_if made "the role assignments that it made"
unassign made
step_if events "event subscriptions at topics that stay"
while read -r id topic_group topic; do
  az eventgrid system-topic event-subscription delete --subscription "$id" --resource-group "$topic_group" --system-topic-name "$topic" --name "$prefix" --yes --output none || stop "the event subscription at $topic could not be deleted: see above. $again"
  for alert in "$prefix events given up" "$prefix events dropped"; do
    az monitor metrics alert delete --subscription "$id" --resource-group "$topic_group" --name "$alert" --output none || stop "the alert \`$alert\` could not be deleted: see above. $again"
  done
done <"$work/events"
step_if logs "the activity log"
while read -r id; do
  az monitor diagnostic-settings subscription delete --ids "$id" --yes --output none || stop "this could not be deleted: $id. $again"
done <"$work/logs"
step_if others "its other role assignments"
unassign others
step_if roles "its custom roles"
while read -r role; do
  azure role definition delete --custom-role-only true --name "$role" --output none || stop "this custom role could not be deleted: $role. $again"
done <"$work/roles"
step_if groups "resource groups"
while read -r id resource_group; do
  az group delete --subscription "$id" --name "$resource_group" --yes --output none || stop "this resource group could not be deleted: $resource_group in $id. $again"
done <"$work/groups"
# What is under way while a right is taken away may still be done for some minutes.
if [ -n "$assignments" ]; then
  : >"$work/made"
  for id in $everywhere; do
    assigned "$id" "[?createdBy=='$principal'].id" >>"$work/made" || stop "whether role assignments of tether are left in $id was not answered: see above"
  done
  step_if made "role assignments that it made meanwhile"
  unassign made
fi

step "what is left"
case $what in
  writing)
    cat >&2 <<LEFT
  The app runs, reads and reports, and its changes are refused. Role assignments that it made stay.
  Azure may take some minutes to refuse them everywhere. Rights by way of a group were not looked at.
  The next infra/deploy.sh gives the right back, unless \`mayWrite\` is false in its parameters.
LEFT
    ;;
  subscription)
    cat >&2 <<LEFT
  Take $only out of \`subscriptions\` and \`registryResourceGroups\` in the parameters, and out of
  \`existingTopics\` in those of the events, and run infra/deploy.sh: until then the app reports that it
  cannot see the subscription, and its custom roles still name it. Only then cancel the subscription:
  a role that names a cancelled one cannot be changed any more.
LEFT
    ;;
  all)
    cat >&2 <<LEFT
  The records of the deployments $name and $name-events, until Azure deletes them, and the log workspace,
  which Azure keeps for 14 days.
LEFT
    ;;
esac
sed 's/^/  /' "$work/stays" >&2
[ "$what" = writing ] || [ -n "$assignments" ] || echo "  Role assignments that tether made: clusters still pull by them. --assignments deletes them too." >&2
