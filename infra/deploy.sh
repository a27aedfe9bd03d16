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
# OUT names where the package that was deployed is kept, target/deployed.zip if left out.

. "$(dirname "$0")/lib.sh" || exit 1

location=
name=
for argument in "$@"; do
  case $argument in
    '') stop "an argument is empty; usage: infra/deploy.sh LOCATION [NAME] [--yes]" ;;
    --yes) yes=yes ;;
    -*) stop "unknown option $argument; usage: infra/deploy.sh LOCATION [NAME] [--yes]" ;;
    *) if [ -z "$location" ]; then location=$argument; elif [ -z "$name" ]; then name=$argument; else stop "one NAME is enough: $argument"; fi ;;
  esac
done
[ -n "$location" ] || stop "usage: infra/deploy.sh LOCATION [NAME] [--yes]"
name=${name:-tether}
case $name in *[!0-9a-zA-Z._-]*) stop "NAME takes letters, digits, dots, hyphens and underscores: $name" ;; esac
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
for tool in zip unzip; do
  command -v "$tool" >/dev/null || problem "the program $tool is missing"
done
[ -z "$package" ] || file_of PACKAGE "$package"
stop_for_problems "this is missing:"

sign_in

for file in "$parameters" "$events"; do
  [ "$(json "$file" 'type(parameters)')" = object ] || problem "$file is no JSON with an object \`parameters\` (comments are not read)"
done
stop_for_problems "this cannot be read:"

# The last word keeps empty lines before it from being cut off.
{ read -r app_prefix && read -r group && read -r built_in && read -r may_write && read -r stated_location && read -r form; } <<<"$(json "$parameters" "parameters.[name.value || 'tether', resourceGroupName.value || '', useBuiltInRoles.value && 'yes' || '', not_null(mayWrite.value, \`true\`) && 'yes' || '', location.value || '', subscriptions && type(subscriptions.value) || '', 'end']")" ||
  stop "$parameters cannot be read"
group=${group:-rg-$app_prefix}
[ -z "$stated_location" ] || [ "$(lower "$stated_location" | tr -d ' ')" = "$location" ] ||
  problem "$parameters: \`location\` is $stated_location, and LOCATION is $location: leave it out there"
stated_location=$(json "$events" "parameters.location.value || ''")
[ -z "$stated_location" ] || [ "$(lower "$stated_location" | tr -d ' ')" = "$location" ] ||
  problem "$events: \`location\` is $stated_location, and LOCATION is $location: leave it out there"

case $form in
  '') printf '%s\n' "$subscription" >"$work/estate" ;;
  array) json "$parameters" 'parameters.subscriptions.value[]' >"$work/estate" ;;
  *) problem "$parameters: \`subscriptions\` is no list of ids" && : >"$work/estate" ;;
esac
[ -s "$work/estate" ] || [ "$form" != array ] || problem "$parameters: \`subscriptions\` is empty: name at least one, or leave it out for the one that is set"
estate=
seen=" "
while IFS= read -r id; do
  if [ "$id" = 00000000-0000-0000-0000-000000000000 ]; then
    problem "$parameters: the subscription $id is a placeholder: name your own, or leave \`subscriptions\` out for the one that is set"
    continue
  fi
  is_guid "$id" || { problem "$parameters: $id is no subscription id" && continue; }
  # Azure takes ids in capitals too, and then for others when it merges lists.
  [ "$id" = "$(lower "$id")" ] || problem "$parameters: write the subscription $id in small letters"
  case $seen in *" $(lower "$id") "*) problem "$parameters: the subscription $id is named twice" && continue ;; esac
  seen="$seen$(lower "$id") "
  estate="$estate $(lower "$id")"
done <"$work/estate"
is_of_estate() { case $seen in *" $(lower "$1") "*) true ;; *) false ;; esac; }

json "$parameters" "parameters.registryResourceGroups.value[].[subscription || '-', resourceGroup || '-']" >"$work/registry-groups"
while IFS=$'\t' read -r id registry_group; do
  is_of_estate "$id" || { problem "$parameters: \`registryResourceGroups\` names the subscription $id, which is not of the estate" && continue; }
  # A member that is missing is for the template to refuse.
  [ "$registry_group" != - ] || continue
  case $(az group exists --subscription "$id" --name "$registry_group" --output tsv || echo unknown) in
    true) ;;
    false) problem "$parameters: \`registryResourceGroups\` names the group $registry_group, which is not found in $id" ;;
    *) problem "$parameters: whether there is the group $registry_group in $id was not answered: see above" ;;
  esac
done <"$work/registry-groups"
twice=$(json "$parameters" "parameters.registryResourceGroups.value[].join('/', [subscription || '', resourceGroup || ''])" | tr '[:upper:]' '[:lower:]' | sort | uniq -d)
[ -z "$twice" ] || problem "$parameters: \`registryResourceGroups\` names this twice: $twice"
# The first deployment hands the rest to the second: a file that states it too could disagree.
keys=$(json "$events" 'parameters.keys(@)') || stop "$events cannot be read"
for key in $keys; do
  case $key in
    location | deliverTo | existingTopics | alerts) ;;
    *) problem "$events: \`$key\` is not stated there: it comes from the first deployment, or is unknown" ;;
  esac
done
keys=$(json "$events" "keys(parameters.existingTopics.value || \`{}\`)") || stop "$events: \`existingTopics\` is no object"
for id in $keys; do
  is_of_estate "$id" || problem "$events: \`existingTopics\` names the subscription $id, which is not of the estate of $parameters"
done
keys=$(json "$events" 'parameters.existingTopics.value.*.keys(@)[]') || stop "$events: \`existingTopics\` holds what is no object"
for member in $keys; do
  case $member in resourceGroup | topic) ;; *) problem "$events: \`existingTopics\` has no member \`$member\`: it takes \`resourceGroup\` and \`topic\`" ;; esac
done

are_files_right=$([ -n "$problems" ] || echo yes)

# ---- what Azure says

step "asking Azure"
cloud=$(az cloud show --query name --output tsv)
[ "$cloud" = AzureCloud ] || say "this cloud is $cloud; no deployment there was reported yet"

regions=$(azure functionapp list-flexconsumption-locations --query "[].name" --output tsv) || problem "which regions have Flex Consumption was not answered: see above"
if [ -n "$regions" ]; then
  if ! printf '%s\n' "$regions" | grep -qx "$location"; then
    problem "the region $location has no Flex Consumption; these have it: $(printf '%s' "$regions" | tr '\n' ' ')"
  elif ! azure functionapp list-flexconsumption-runtimes --location "$location" --runtime custom --query "[?name=='custom'].version" --output tsv 2>"$work/said" | grep -qx 1.0; then
    cat "$work/said" >&2
    problem "the region $location does not have the runtime \`custom\` 1.0 on Flex Consumption: take another region"
  fi
fi

# A deployment stays in the region that it was made in, and so do the deployments inside it. Its record
# is what infra/remove.sh finds the installation by, so one name is for one resource group.
for deployment in "$name" "$name-events"; do
  if azure deployment sub show --name "$deployment" --query "[location, properties.outputs.resourceGroup.value || properties.parameters.resourceGroupName.value || '', properties.outputs.identityPrincipalId.value || '', join(' ', properties.outputs.installation.value.subscriptions || \`[]\`), 'end']" --output tsv >"$work/record" 2>"$work/said"; then
    { read -r there && read -r its_group && read -r its_principal && read -r its_estate; } <"$work/record" || problem "the record of the deployment $deployment cannot be read"
    [ "$(lower "$there")" = "$location" ] ||
      problem "the deployment $deployment was made in $there: use that region, or another NAME for another installation"
    [ -z "$its_group" ] || [ "$(lower "$its_group")" = "$(lower "$group")" ] ||
      problem "the deployment $deployment made the resource group $its_group, not $group: use another NAME for another installation"
    # No script finds a right in a subscription that left the estate.
    for id in $its_estate; do
      ! is_of_estate "$id" || continue
      if ! az role assignment list --all --subscription "$id" --fill-principal-name false --query "[?principalId=='$its_principal' && !contains(scope, '/resourceGroups/')].id" --output tsv >"$work/left"; then
        problem "the subscription $id leaves the estate, and whether tether has rights there was not answered: see above"
      elif [ -s "$work/left" ]; then
        problem "the subscription $id leaves the estate, and tether still has rights there: infra/remove.sh subscription $id $name first"
      fi
    done
  elif ! grep -q 'NotFound' "$work/said"; then
    cat "$work/said" >&2
    problem "whether there is a deployment $deployment was not answered: see above"
  fi
done
there=$(azure group show --name "$group" --query location --output tsv 2>/dev/null) || there=
[ -z "$there" ] || [ "$(lower "$there")" = "$location" ] || problem "the resource group $group is in $there: use that region, or another \`resourceGroupName\`"

# Whether the account may do something: one of its rows of allowed and excluded actions has it. `-` is for
# none, since `read` would skip an empty field.
may() {
  local allowed excluded
  while IFS=$'\t' read -r allowed excluded; do
    ! allows "$1" "$allowed" "$excluded" || return 0
  done <"$work/permissions"
  return 1
}

# `--refresh` asks Azure; without it az tells what it saw at the last sign-in.
az account list --all --refresh --query "[].[id, state, tenantId, name]" --output tsv >"$work/accounts" || problem "which subscriptions can be seen was not answered: see above"
names=
# tether itself is put into the subscription that is set, whether or not that is of the estate.
for id in $estate $(is_of_estate "$subscription" || lower "$subscription"); do
  row=$(grep -i "^$id" "$work/accounts") || row=
  if [ -z "$row" ]; then
    problem "the subscription $id cannot be seen by $user: is the id right, and is it of the tenant $tenant? else \`az login --tenant TENANT\`"
    continue
  fi
  IFS=$'\t' read -r _ state its_tenant its_name <<<"$row"
  ! is_of_estate "$id" || names="$names  - $its_name ($id)"$'\n'
  there=$(az group show --subscription "$id" --name "$group-events" --query location --output tsv 2>/dev/null) || there=
  [ -z "$there" ] || [ "$(lower "$there")" = "$location" ] || problem "$its_name: the resource group $group-events is in $there: use that region, or another \`resourceGroupName\`"
  [ "$state" = Enabled ] || { problem "the subscription $its_name ($id) is $state, not Enabled" && continue; }
  [ "$its_tenant" = "$tenant" ] || { problem "the subscription $its_name ($id) is of the tenant $its_tenant, and tether's identity would be of $tenant" && continue; }

  needed=Microsoft.Insights
  ! is_of_estate "$id" || needed="$needed Microsoft.EventGrid"
  [ "$id" != "$(lower "$subscription")" ] || needed="$needed Microsoft.Web Microsoft.ServiceBus Microsoft.Storage Microsoft.ManagedIdentity Microsoft.OperationalInsights"
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
  if az rest --method get --url "/subscriptions/$id/providers/Microsoft.Authorization/permissions?api-version=2022-04-01" --query "value[].[join(' ', actions) || '-', join(' ', notActions) || '-']" --output tsv >"$work/permissions" 2>"$work/said"; then
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
  azure deployment sub validate --name "$name" --location "$location" --template-file infra/main.bicep --parameters "@$parameters" --query "properties.parameters.[functionAppName.value || '', serviceBusName.value || '', storageAccountName.value || '']" --output tsv
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
is_ours() { azure resource list --resource-group "$group" --resource-type "$1" --query "[].name" --output tsv 2>/dev/null | grep -qix "$2"; }
taken() { problem "the name $2 is taken in Azure by another $1: state \`$3\` in $parameters"; }
if [ -n "${site:-}" ] && ! is_ours Microsoft.Web/sites "$site"; then
  free=$(az rest --method post --url "/subscriptions/$subscription/providers/Microsoft.Web/checknameavailability?api-version=2024-04-01" --body "{\"name\": \"$site\", \"type\": \"Microsoft.Web/sites\"}" --query nameAvailable --output tsv) || free=
  [ "$free" != false ] || taken "function app or web app" "$site" functionAppName
fi
if [ -n "${bus:-}" ] && ! is_ours Microsoft.ServiceBus/namespaces "$bus"; then
  free=$(azure servicebus namespace exists --name "$bus" --query nameAvailable --output tsv) || free=
  [ "$free" != false ] || taken "Service Bus namespace" "$bus" serviceBusName
fi
if [ -n "${storage:-}" ] && ! is_ours Microsoft.Storage/storageAccounts "$storage"; then
  free=$(azure storage account check-name --name "$storage" --query nameAvailable --output tsv) || free=
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
elif ! command -v musl-gcc >/dev/null && ! command -v cargo-zigbuild >/dev/null; then
  problem "there is no C compiler for a static binary: on Debian and Ubuntu \`apt-get install musl-tools\`, elsewhere \`cargo install cargo-zigbuild\` and \`pip install ziglang\`"
fi
if has_program; then
  tether policy check "$policy" >"$work/said" 2>&1 || { cat "$work/said" >&2 && problem "the policy $policy_shown cannot be used: see above"; }
elif [ -n "${POLICY:-}" ]; then
  problem "the policy $policy cannot be checked here: that takes Rust, or Linux on x86-64"
fi

# What was checked is what is packed and put on record, also if the file is edited meanwhile.
mkdir "$work/policy" && cp "$policy" "$work/policy/" && policy=$work/policy/$(basename "$policy")
# The app says in a tag which policy it was given. A question that is not answered is no leave.
policy_sha=$(sha256 "$policy")
app=
: >"$work/apps"
if ! there=$(azure group exists --name "$group" --output tsv); then
  problem "whether there is a resource group $group was not answered: see above"
elif [ "$there" = true ]; then
  azure resource list --resource-group "$group" --resource-type Microsoft.Web/sites --query "[?tags.\"tether-policy\" || name=='${site:-}' || starts_with(name, 'func-$app_prefix-')].[name, tags.\"tether-policy\" || '']" --output tsv >"$work/apps" ||
    problem "the apps in $group cannot be listed: see above"
fi
while IFS=$'\t' read -r there running; do
  # shellcheck disable=SC2254 # the default name ends in what Azure computes
  case $(lower "$there") in
    $(lower "${site:-func-$app_prefix-*}")) ;;
    *)
      problem "the resource group $group holds the installation $there: another one needs a group and a \`name\` of its own, and the name of an app cannot be changed"
      continue
      ;;
  esac
  app=$there
  [ -z "${POLICY:-}" ] || continue
  if [ -z "$running" ]; then
    functions=$(azure functionapp function list --resource-group "$group" --name "$app" --query "length(@)" --output tsv) || functions=unknown
    [ "$functions" = 0 ] || problem "$app may run another policy than $policy_shown, since none is on record: name the one that is to run by POLICY"
  elif [ "$running" = changing ]; then
    problem "$app may run another policy than $policy_shown, since a change of it did not end: name the one that is to run by POLICY"
  elif [ "$running" != "$policy_sha" ]; then
    problem "$app runs another policy than $policy_shown, or was given one: name the one that is to run by POLICY"
  fi
done <"$work/apps"

kept=${OUT:-$root/target/deployed.zip}
is_writable "$kept" || problem "the package that is deployed cannot be kept at $kept: name another place by OUT"

stop_for_problems "nothing was changed. This is wrong:"

# ---- go

cat >&2 <<SUMMARY

signed in as  $user
into          $subscription_name ($subscription), $location, resource group $group
deployment    $name$([ -z "$app" ] || printf ', which is there: %s is updated' "$app")
policy        $policy_shown ($(sed -nE 's/^(owner|mode): */\1 /p' "$policy" | tr '\n' ' '))
writes        $([ -n "$may_write" ] && printf 'role assignments of two pull roles' || printf 'nothing new: mayWrite is false; a right from before stays until infra/remove.sh writing %s' "$name")
estate
$names
SUMMARY
confirm "Deploy this?"

# Runs az until what only time fixes is fixed: roles, identities and functions that were just made take
# minutes to be known everywhere. Any other refusal ends the script.
# Flex Consumption refuses a package with 400 and a 403 inside while the identity's role at the storage
# account is not known there.
passing='PrincipalNotFound|RoleDefinitionDoesNotExist|RoleAssignmentScopeNotAssignableToRoleDefinition|does not have (the )?permission|Destination endpoint not found|DeploymentActive|AnotherOperationInProgress|ongoing deployment|another deployment is in progress|TooManyRequests|ServiceUnavailable|GatewayTimeout|InternalServerError|Status Code: 400,.*(403|Forbidden|not authorized)|Status Code: (403|409|429|5[0-9][0-9])|Failed to retrieve deployment status|Timeout reached|Max retries exceeded|Connection aborted|Connection reset|Read timed out|Temporary failure in name resolution'
# Similar words for what waiting does not fix: the account lacks a right.
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

if [ -z "$package" ]; then
  step "the package, with the policy $policy_shown"
  package=$(OUT=$work/tether.zip "$infra/package.sh" "$policy")
elif [ -n "${POLICY:-}" ]; then
  step "the package, with the policy $policy_shown"
  package=$(OUT=$work/tether.zip "$infra/package.sh" --from "$package" "$policy")
fi

step "the function app, the queues, the roles"
patiently azure deployment sub create --name "$name" --location "$location" --template-file infra/main.bicep --parameters "@$parameters" --parameters "policyHash=$policy_sha" --output none
again="run the same command again: what is there stays"
azure deployment sub show --name "$name" --query "properties.outputs.[resourceGroup.value, functionApp.value, functionAppId.value]" --output tsv >"$work/made" ||
  stop "what was made was not answered: see above, and $again"
{ read -r group && read -r app && read -r app_id; } <"$work/made" || stop "the record of the deployment $name cannot be read; $again"
installation=$(azure deployment sub show --name "$name" --query "{installation: {value: properties.outputs.installation.value}}" --output json) ||
  stop "what was made was not answered: see above, and $again"

step "the code"
patiently azure functionapp deployment source config-zip --resource-group "$group" --name "$app" --src "$package" --output none
keep "$package" "$kept"
functions() { azure functionapp function list --resource-group "$group" --name "$app" --query "[].name" --output tsv; }
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
  [ "$try" -ne 2 ] || azure functionapp restart --resource-group "$group" --name "$app" || say "$app could not be restarted: see above"
  sleep 60
done

step "the events"
patiently azure deployment sub create --name "$name-events" --location "$location" --template-file infra/events.bicep --parameters "@$events" --parameters "$installation" --output none

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
  TETHER_SUBSCRIPTIONS=$(printf '%s' "${estate# }" | tr ' ' ',') $(if has_cargo; then printf 'cargo run -- plan'; else printf 'tether plan'; fi)      shows what it would do
  $([ "$kept" = "$root/target/deployed.zip" ] || printf 'PACKAGE=%q ' "$kept")infra/change-policy.sh $(if [ -n "${PACKAGE:-}" ] && [ -z "${POLICY:-}" ]; then printf 'YOUR-POLICY.yaml'; else printf %q "${POLICY:-policy.yaml}"; fi) $group $app      changes the policy, such as its mode
  infra/remove.sh writing $name      stops it: takes its right to write away
NEXT
[ -n "$is_right" ] || stop "it is deployed, and the check above found something. New roles take minutes to hold: infra/deploy.sh may be run again"
