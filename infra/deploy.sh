#!/usr/bin/env bash
# From a signed-in az to a running tether. It asks Azure first and says all that is wrong at once;
# nothing is made before that. It can be stopped and run again at any step.
#
#   infra/deploy.sh LOCATION [NAME] [--yes]
#
# NAME is that of the deployment in Azure, `tether` if left out; a second installation needs another.
# --yes goes on without asking; without a terminal it is needed.
# POLICY names the policy, policy.yaml if left out. It is needed where another policy runs.
# PARAMETERS and EVENTS_PARAMETERS name other files than infra/parameters.json and
# infra/events.parameters.json.
# PACKAGE names a package that is there already, with its own policy, or with POLICY where that is set
# too. Rust is not needed then, on Linux.
# OUT names where the package that was deployed is kept, target/tether.zip if left out.

. "$(dirname "$0")/lib.sh"

location=
name=
for argument in "$@"; do
  case $argument in
    --yes) yes=yes ;;
    -*) stop "unknown option $argument; usage: infra/deploy.sh LOCATION [NAME] [--yes]" ;;
    *) if [ -z "$location" ]; then location=$argument; elif [ -z "$name" ]; then name=$argument; else stop "one NAME is enough: $argument"; fi ;;
  esac
done
[ -n "$location" ] || stop "usage: infra/deploy.sh LOCATION [NAME] [--yes]"
name=${name:-tether}
# az writes regions in small letters without blanks.
location=$(lower "$location" | tr -d ' ')

parameters=$(from_here "${PARAMETERS:-$root/infra/parameters.json}")
events=$(from_here "${EVENTS_PARAMETERS:-$root/infra/events.parameters.json}")
policy=$(from_here "${POLICY:-$root/policy.yaml}")
policy_shown=$policy
package=${PACKAGE:+$(from_here "$PACKAGE")}
if [ -n "${OUT:-}" ]; then OUT=$(from_here "$OUT") && export OUT; fi
cd "$root"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# ---- what can be said without Azure

file_of() { [ -f "$2" ] || problem "$1: there is no file $2"; }
file_of PARAMETERS "$parameters"
file_of EVENTS_PARAMETERS "$events"
file_of POLICY "$policy"
[ -z "$package" ] || file_of PACKAGE "$package"
stop_for_problems "this is missing:"

sign_in

is_subscription_id() {
  case $1 in
    *[!0-9a-fA-F-]*) false ;;
    ????????-????-????-????-????????????) true ;;
    *) false ;;
  esac
}

for file in "$parameters" "$events"; do
  [ "$(json "$file" 'type(parameters)')" = object ] || problem "$file is no JSON with an object \`parameters\` (comments are not read)"
done
stop_for_problems "this cannot be read:"

stated() { [ "$(json "$parameters" "contains(keys(parameters), '$1')")" = true ]; }

# The last word keeps empty lines before it from being cut off.
{ read -r app_prefix && read -r group && read -r built_in && read -r may_write; } <<<"$(json "$parameters" "parameters.[name.value || 'tether', resourceGroupName.value || '', useBuiltInRoles.value && 'yes' || '', not_null(mayWrite.value, \`true\`) && 'yes' || '', 'end']")"
group=${group:-rg-$app_prefix}
estate=$subscription
if stated subscriptions; then estate=$(json "$parameters" 'parameters.subscriptions.value[]'); fi

[ -n "$estate" ] || problem "$parameters: \`subscriptions\` is empty: name at least one, or leave it out for the one that is set"
seen=" "
for id in $estate; do
  case $id in
    00000000-0000-0000-0000-000000000000)
      problem "$parameters: the subscription $id is a placeholder: name your own, or leave \`subscriptions\` out for the one that is set"
      continue
      ;;
  esac
  is_subscription_id "$id" || problem "$parameters: $id is no subscription id"
  # Azure takes ids in capitals too, and then for others when it merges lists.
  [ "$id" = "$(lower "$id")" ] || problem "$parameters: write the subscription $id in small letters"
  case $seen in *" $(lower "$id") "*) problem "$parameters: the subscription $id is named twice" ;; esac
  seen="$seen$(lower "$id") "
done
is_of_estate() { case $seen in *" $(lower "$1") "*) true ;; *) false ;; esac; }

for id in $(json "$parameters" 'parameters.registryResourceGroups.value[].subscription'); do
  is_of_estate "$id" || problem "$parameters: \`registryResourceGroups\` names the subscription $id, which is not of the estate"
done
twice=$(json "$parameters" "parameters.registryResourceGroups.value[].join('/', [subscription || '', resourceGroup || ''])" | tr '[:upper:]' '[:lower:]' | sort | uniq -d)
[ -z "$twice" ] || problem "$parameters: \`registryResourceGroups\` names this twice: $twice"
# The first deployment hands the rest to the second: a file that states it too could disagree.
for key in $(json "$events" 'parameters.keys(@)'); do
  case $key in
    location | deliverTo | existingTopics | alerts) ;;
    *) problem "$events: \`$key\` is not stated there: it comes from the first deployment, or is unknown" ;;
  esac
done
for id in $(json "$events" 'parameters.existingTopics.value.keys(@)'); do
  is_of_estate "$id" || problem "$events: \`existingTopics\` names the subscription $id, which is not of the estate of $parameters"
done
for member in $(json "$events" 'parameters.existingTopics.value.*.keys(@)[]'); do
  case $member in resourceGroup | topic) ;; *) problem "$events: \`existingTopics\` has no member \`$member\`: it takes \`resourceGroup\` and \`topic\`" ;; esac
done

are_files_right=$([ -n "$problems" ] || echo yes)

# ---- what Azure says

step "asking Azure"
cloud=$(az cloud show --query name --output tsv)
[ "$cloud" = AzureCloud ] || say "this cloud is $cloud; no deployment there was reported yet"

regions=$(az functionapp list-flexconsumption-locations --query "[].name" --output tsv) || problem "which regions have Flex Consumption was not answered: see above"
if [ -n "$regions" ]; then
  if ! printf '%s\n' "$regions" | grep -qx "$location"; then
    problem "the region $location has no Flex Consumption; these have it: $(printf '%s' "$regions" | tr '\n' ' ')"
  elif ! az functionapp list-flexconsumption-runtimes --location "$location" --runtime custom --query "[?name=='custom'].version" --output tsv 2>"$work/said" | grep -qx 1.0; then
    cat "$work/said" >&2
    problem "the region $location does not have the runtime \`custom\` 1.0 on Flex Consumption: take another region"
  fi
fi

# A deployment stays in the region that it was made in, and so do the deployments inside it.
for deployment in "$name" "$name-events"; do
  there=$(az deployment sub show --name "$deployment" --query location --output tsv 2>/dev/null) || there=
  [ -z "$there" ] || [ "$(lower "$there")" = "$location" ] ||
    problem "the deployment $deployment was made in $there: use that region, or another NAME for another installation"
done
there=$(az group show --name "$group" --query location --output tsv 2>/dev/null) || there=
[ -z "$there" ] || [ "$(lower "$there")" = "$location" ] || problem "the resource group $group is in $there: use that region, or another \`resourceGroupName\`"

# Whether what somebody may do in a subscription, by rows of allowed and excluded actions, includes an action
may() {
  local action allowed excluded one is_allowed
  action=$(lower "$1")
  # Azure's wildcard means what the shell's does.
  set -f
  # shellcheck disable=SC2254
  while IFS=$'\t' read -r allowed excluded; do
    is_allowed=
    for one in $(lower "$allowed"); do case $action in $one) is_allowed=yes ;; esac; done
    for one in $(lower "$excluded"); do case $action in $one) is_allowed= ;; esac; done
    [ -z "$is_allowed" ] || { set +f && return 0; }
  done <"$work/permissions"
  set +f
  return 1
}

# `--refresh` asks Azure; without it az tells what it saw at the last sign-in.
az account list --all --refresh --query "[].[id, state, tenantId, name]" --output tsv >"$work/accounts" || problem "which subscriptions can be seen was not answered: see above"
names=
for id in $estate; do
  is_subscription_id "$id" || continue
  row=$(grep -i "^$id" "$work/accounts") || row=
  if [ -z "$row" ]; then
    problem "the subscription $id cannot be seen by $user: is the id right, and is it of the tenant $tenant? else \`az login --tenant TENANT\`"
    continue
  fi
  IFS=$'\t' read -r _ state its_tenant its_name <<<"$row"
  names="$names  - $its_name ($id)"$'\n'
  there=$(az group show --subscription "$id" --name "$group-events" --query location --output tsv 2>/dev/null) || there=
  [ -z "$there" ] || [ "$(lower "$there")" = "$location" ] || problem "$its_name: the resource group $group-events is in $there: use that region, or another \`resourceGroupName\`"
  [ "$state" = Enabled ] || { problem "the subscription $its_name ($id) is $state, not Enabled" && continue; }
  [ "$its_tenant" = "$tenant" ] || { problem "the subscription $its_name ($id) is of the tenant $its_tenant, and tether's identity would be of $tenant" && continue; }

  needed="Microsoft.EventGrid Microsoft.Insights"
  [ "$(lower "$id")" != "$(lower "$subscription")" ] || needed="$needed Microsoft.Web Microsoft.ServiceBus Microsoft.Storage Microsoft.ManagedIdentity Microsoft.OperationalInsights"
  if az provider list --subscription "$id" --query "[?registrationState=='Registered'].namespace" --output tsv >"$work/providers"; then
    for provider in $needed; do
      grep -qix "$provider" "$work/providers" || problem "$its_name: the provider $provider is not registered: az provider register --subscription $id --namespace $provider --wait"
    done
  else
    problem "$its_name: which providers are registered was not answered: see above"
  fi

  actions="Microsoft.Resources/deployments/write Microsoft.Authorization/roleAssignments/write"
  [ -n "$built_in" ] || actions="$actions Microsoft.Authorization/roleDefinitions/write"
  # Documented for resource groups only: where Azure does not know the question, the deployment answers it.
  if az rest --method get --url "/subscriptions/$id/providers/Microsoft.Authorization/permissions?api-version=2022-04-01" --query "value[].[join(' ', actions), join(' ', notActions)]" --output tsv >"$work/permissions" 2>"$work/said"; then
    for action in $actions; do
      may "$action" || problem "$its_name: $user may not do $action there: Owner may, and so may Contributor with User Access Administrator (an eligible role has to be activated first)"
    done
  else
    cat "$work/said" >&2
    if grep -qE '^ERROR: (Not Found|Bad Request)' "$work/said"; then
      say "$its_name: what $user may do there is not known beforehand"
    else
      problem "$its_name: what $user may do there was not answered: see above"
    fi
  fi
done
is_of_estate "$subscription" || names="${names}tether itself is put into $subscription_name ($subscription), which is not of the estate"$'\n'

# Azure's own check of the template and the parameters. It makes nothing.
validate() {
  az deployment sub validate --name "$name" --location "$location" --template-file infra/main.bicep --parameters "@$parameters" --query "properties.parameters.[functionAppName.value || '', serviceBusName.value || '', storageAccountName.value || '']" --output tsv
}
if [ -n "$are_files_right" ]; then
  if validate >"$work/names" 2>"$work/said"; then
    { read -r site && read -r bus && read -r storage; } <"$work/names" || true
  else
    cat "$work/said" >&2
    problem "Azure refuses the template with these parameters: see above"
  fi
fi

# Names that are unique in all of Azure are free, or belong to this installation.
is_ours() { az resource list --resource-group "$group" --resource-type "$1" --query "[].name" --output tsv 2>/dev/null | grep -qix "$2"; }
taken() { problem "the name $2 is taken in Azure by another $1: state \`$3\` in $parameters"; }
if [ -n "${site:-}" ] && ! is_ours Microsoft.Web/sites "$site"; then
  free=$(az rest --method post --url "/subscriptions/$subscription/providers/Microsoft.Web/checknameavailability?api-version=2024-04-01" --body "{\"name\": \"$site\", \"type\": \"Microsoft.Web/sites\"}" --query nameAvailable --output tsv) || free=
  [ "$free" != false ] || taken "function app or web app" "$site" functionAppName
fi
if [ -n "${bus:-}" ] && ! is_ours Microsoft.ServiceBus/namespaces "$bus"; then
  free=$(az servicebus namespace exists --name "$bus" --query nameAvailable --output tsv) || free=
  [ "$free" != false ] || taken "Service Bus namespace" "$bus" serviceBusName
fi
if [ -n "${storage:-}" ] && ! is_ours Microsoft.Storage/storageAccounts "$storage"; then
  free=$(az storage account check-name --name "$storage" --query nameAvailable --output tsv) || free=
  [ "$free" != false ] || taken "storage account" "$storage" storageAccountName
fi

# ---- the policy, and the one that runs

has_cargo() { command -v cargo >/dev/null; }
unpack() { rm -rf "$work/unpacked" && unzip -q "$package" -d "$work/unpacked"; }
has_program() { { [ -n "$package" ] && runs_packages; } || has_cargo; }
# tether itself: the packaged one where it runs, so that Rust is not needed.
tether() {
  if [ -n "$package" ] && runs_packages; then "$work/unpacked/tether" "$@"; else cargo run --locked --quiet -- "$@"; fi
}

if [ -n "$package" ]; then
  { unpack 2>/dev/null && [ -x "$work/unpacked/tether" ] && [ -f "$work/unpacked/policy.yaml" ]; } || stop "PACKAGE: $package is no package of tether"
  [ -n "${POLICY:-}" ] || { cp "$work/unpacked/policy.yaml" "$work/own.yaml" && policy=$work/own.yaml && policy_shown="$package's own"; }
elif ! has_cargo; then
  problem "there is no Rust here to build the package with: install it, or name a package by PACKAGE"
fi
if has_program; then
  tether policy check "$policy" >"$work/said" 2>&1 || { cat "$work/said" >&2 && problem "the policy $policy_shown cannot be used: see above"; }
elif [ -n "${POLICY:-}" ]; then
  problem "the policy $policy cannot be checked here: that takes Rust, or Linux on x86-64"
fi

policy_sha=$(sha256 "$policy")
app=$(az resource list --resource-group "$group" --resource-type Microsoft.Web/sites --query "[?tags.\"tether-policy\" || starts_with(name, 'func-$app_prefix-') || name=='${site:-}'].name | [0] || ''" --output tsv 2>/dev/null) || app=
if [ -n "$app" ] && [ -z "${POLICY:-}" ]; then
  functions=$(az functionapp function list --resource-group "$group" --name "$app" --query "length(@)" --output tsv 2>/dev/null) || functions=unknown
  running=$(az resource list --resource-group "$group" --resource-type Microsoft.Web/sites --query "[?name=='$app'].tags.\"tether-policy\" | [0] || ''" --output tsv) || running=
  [ "$functions" = 0 ] || [ "$running" = "$policy_sha" ] ||
    problem "$app runs another policy than $policy_shown: name the one that is to run by POLICY"
fi

stop_for_problems "nothing was changed. This is wrong:"

# ---- go

cat >&2 <<SUMMARY

signed in as  $user
into          $subscription_name ($subscription), $location, resource group $group
deployment    $name$([ -z "$app" ] || printf ', which is there: %s is updated' "$app")
policy        $policy_shown ($(sed -nE 's/^(owner|mode): */\1 /p' "$policy" | tr '\n' ' '))
writes        $([ -n "$may_write" ] && printf 'role assignments of two pull roles' || printf 'nothing: mayWrite is false')
estate
$names
SUMMARY
confirm "Deploy this?"

# Runs az until what only time fixes is fixed: roles, identities and functions that were just made take
# minutes to be known everywhere. Any other refusal ends the script.
# Flex Consumption refuses a package with 400 and a 403 inside while the identity's role at the storage
# account is not known there.
passing='PrincipalNotFound|RoleDefinitionDoesNotExist|RoleAssignmentScopeNotAssignableToRoleDefinition|does not have (the )?permission|Destination endpoint not found|DeploymentActive|AnotherOperationInProgress|ongoing deployment|another deployment is in progress|TooManyRequests|ServiceUnavailable|GatewayTimeout|InternalServerError|Status Code: 400,.*(403|Forbidden|not authorized)|Status Code: (403|409|429|5[0-9][0-9])|Failed to retrieve deployment status|Timeout reached'
# What looks like that and is not: whoever deploys lacks the right.
lasting="AuthorizationFailed|The client .* does not have"
patiently() {
  local tries=0
  while ! "$@" 2>"$work/said"; do
    cat "$work/said" >&2
    if grep -q 'appears to be unhealthy' "$work/said"; then
      say "the code is deployed; the check below says whether the app works"
      return 0
    fi
    tries=$((tries + 1))
    { tr '\n' ' ' <"$work/said" | grep -qE "$passing" && ! grep -qE "$lasting" "$work/said"; } || stop "waiting does not fix this. Fix what is said above, then run the same command again: what is there stays"
    [ "$tries" -lt 6 ] || stop "this was refused $tries times. Run the same command again later: what is there stays"
    say "this may pass: once more in a minute ($tries of 5)"
    sleep 60
  done
  cat "$work/said" >&2
}

# The package that runs is kept, for infra/change-policy.sh; one that was refused is not.
kept=${OUT:-$root/target/tether.zip}
if [ -z "$package" ]; then
  step "the package, with the policy $policy"
  package=$(OUT=$work/tether.zip "$infra/package.sh" "$policy")
elif [ -n "${POLICY:-}" ]; then
  step "the package, with the policy $policy"
  package=$(OUT=$work/tether.zip "$infra/package.sh" --from "$package" "$policy")
fi

step "the function app, the queues, the roles"
patiently az deployment sub create --name "$name" --location "$location" --template-file infra/main.bicep --parameters "@$parameters" --parameters "policyHash=$policy_sha" --output none
{ read -r group && read -r app && read -r app_id; } <<<"$(az deployment sub show --name "$name" --query "properties.outputs.[resourceGroup.value, functionApp.value, functionAppId.value]" --output tsv)"
installation=$(az deployment sub show --name "$name" --query "{installation: {value: properties.outputs.installation.value}}" --output json)

step "the code"
patiently az functionapp deployment source config-zip --resource-group "$group" --name "$app" --src "$package" --output none
keep "$package" "$kept"
functions() { az functionapp function list --resource-group "$group" --name "$app" --query "[].name" --output tsv; }
expected=$(unzip -Z1 "$package" '*/function.json' | cut -d / -f 1)
unknown=
for try in 1 2 3 4 5 6; do
  known=$(functions) || known=
  unknown=
  for function in $expected; do
    printf '%s\n' "$known" | grep -qE "(^|/)$function\$" || unknown="$unknown $function"
  done
  [ -n "$unknown" ] || break
  [ "$try" -lt 6 ] || stop "the host does not know these functions after five minutes:$unknown. Its log says why; then run the same command again"
  say "the host does not know these functions yet:$unknown. Once more in a minute"
  # A host that was not told of new code finds it when it starts.
  [ "$try" -ne 2 ] || az functionapp restart --resource-group "$group" --name "$app"
  sleep 60
done

step "the events"
patiently az deployment sub create --name "$name-events" --location "$location" --template-file infra/events.bicep --parameters "@$events" --parameters "$installation" --output none

step "the check"
is_right=yes
unpack
if has_program; then
  tether check-install "$app_id" || is_right=
else
  say "not made: it takes Rust, or Linux on x86-64"
fi

step "deployed: $app in $group"
printf '%s\n' "$known" | sed 's|.*/|  function |' >&2
cat >&2 <<NEXT

What to do next:
  TETHER_SUBSCRIPTIONS=$(printf '%s' "$estate" | tr '\n' ',') cargo run -- plan      shows what it would do
  infra/change-policy.sh policy.yaml $group $app      changes the policy, such as its mode
  infra/remove.sh writing $name      stops it: takes its right to write away
NEXT
[ -n "$is_right" ] || stop "it is deployed, and the check above found something. New roles take minutes to hold: infra/deploy.sh may be run again"
