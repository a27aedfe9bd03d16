#!/usr/bin/env python3
"""A stand-in for `az` that remembers: for tests of shell scripts, without Azure.

    az.py --new FOLDER ['{"signedIn": false, ...}']    makes FOLDER/world.json (overrides merged in)
    FAKE_AZ=FOLDER python3 az.py account show -o tsv   is what a wrapper called `az` runs
    az.py --self-test                                  with the venv's Python it compares with the real az

Every call is appended to FOLDER/calls.jsonl; a command or flag that is not known here fails with
exit code 2 and a line in FOLDER/unknown, so that no test passes because of something ignored.

It is written from the source of azure-cli 2.91.0 (named below as `az: file, function`), what Azure
answers from public threads (named by repository and number). «from memory» marks a text that
neither had. It knows ARM only as far as the two templates of this project need it.
"""

import ast
import collections
import hashlib
import json
import os
import re
import sys
import uuid
import zipfile

import jmespath

# ---------------------------------------------------------------------------------------------
# The commands and their flags, from the parsers of azure-cli 2.91.0 (the self-test compares them):
# `!` required, `0` takes no value, `?` may have one, `*` and `+` many, `&` repeatable, `:` choices
# (`:3` is true or false). `--subscription` is everywhere but in ALONE.
FLAGS = """
account show | --subscription/-s/--name/-n
account set | --subscription/-s/--name/-n!
account list | --all0 --refresh0
account list-locations | --include-extended-locations?:true,t,yes,y,1,false,f,no,n,0
rest | --url/--uri/-u! --method/-m:head,get,put,post,delete,options,patch --headers+ --uri-parameters/--url-parameters+ --body/-b --skip-authorization-header0 --resource --output-file
provider show | --namespace/-n! --expand
provider register | --namespace/-n! --consent-to-permissions/-c0 --management-group-id/-m --wait0 --accept-terms0
provider list | --expand
functionapp list-flexconsumption-locations | --zone-redundant?:3 --show-details?:3 --runtime
functionapp list-flexconsumption-runtimes | --location/-l! --runtime!
functionapp show | --resource-group/-g --name/-n --slot/-s --ids+
functionapp list | --resource-group/-g
functionapp function list | --resource-group/-g! --name/-n!
functionapp function show | --resource-group/-g! --name/-n! --function-name!
functionapp keys list | --resource-group/-g! --name/-n! --slot/-s
functionapp function keys list | --resource-group/-g! --name/-n! --function-name! --slot/-s
functionapp function keys set | --resource-group/-g! --name/-n! --function-name! --key-name! --key-value --slot/-s
functionapp function keys delete | --resource-group/-g! --name/-n! --key-name! --function-name --slot/-s
functionapp stop | --resource-group/-g --name/-n --slot/-s --ids+
functionapp start | --resource-group/-g --name/-n --slot/-s --ids+
functionapp restart | --resource-group/-g --name/-n --slot/-s --ids+
functionapp deployment source config-zip | --resource-group/-g --name/-n --src! --build-remote?:3 --timeout/-t --slot/-s --ids+
functionapp config appsettings list | --resource-group/-g! --name/-n! --slot/-s
deployment sub create | --template-file/-f --template-uri/-u --parameters/-p+& --name/-n --location/-l! --handle-extended-json-format/-j0 --no-prompt?:3 --confirm-with-what-if/-c0 --what-if-result-format/-r:ResourceIdOnly,FullResourcePayloads --what-if-exclude-change-types/-x+:Create,Delete,Ignore,Deploy,NoChange,Modify,Unsupported --template-spec/-s --query-string/-q --what-if/-w0 --proceed-if-no-change0 --validation-level:Template,Provider,ProviderNoRbac --no-wait0
deployment sub validate | --template-file/-f --template-uri/-u --parameters/-p+& --name/-n --location/-l! --handle-extended-json-format/-j0 --no-prompt?:3 --template-spec/-s --query-string/-q --validation-level:Template,Provider,ProviderNoRbac
deployment sub what-if | --template-file/-f --template-uri/-u --parameters/-p+& --name/-n --location/-l! --result-format/-r:ResourceIdOnly,FullResourcePayloads --no-pretty-print0 --no-prompt?:3 --exclude-change-types/-x+:Create,Delete,Ignore,Deploy,NoChange,Modify,Unsupported --template-spec/-s --query-string/-q --validation-level:Template,Provider,ProviderNoRbac
deployment sub show | --name/-n!
deployment sub list | --filter
deployment sub delete | --name/-n! --no-wait0
deployment operation sub list | --name/-n!
group show | --name/-n/--resource-group/-g!
group exists | --name/-n/--resource-group/-g!
group create | --name/--resource-group/-n/-g! --location/-l! --tags* --managed-by
group delete | --name/-n/--resource-group/-g! --force-deletion-types/-f:Microsoft.Compute/virtualMachines,Microsoft.Compute/virtualMachineScaleSets,Microsoft.Databricks/workspaces --yes/-y0 --no-wait0
group list | --tag?
resource show | --ids+ --resource-group/-g --namespace --parent --resource-type --name/-n --api-version --include-response-body?:3 --latest-include-preview/-v0
resource delete | --ids+ --resource-group/-g --namespace --parent --resource-type --name/-n --api-version --latest-include-preview/-v0 --no-wait0
resource list | --resource-group/-g --namespace --resource-type --name/-n --tag? --location/-l
tag update | --resource-id! --tags*! --operation!:Merge,Replace,Delete
tag list | --resource-id
role assignment list | --assignee --assignee-object-id --role --resource-group/-g --scope --include-inherited0 --all0 --include-groups0 --fill-role-definition-name?:3 --fill-principal-name?:3
role assignment delete | --ids+ --assignee --assignee-object-id --role --resource-group/-g --scope --include-inherited0 --yes/-y0
role assignment create | --role! --scope! --assignee --assignee-object-id --assignee-principal-type:User,Group,ServicePrincipal,ForeignGroup --description --condition --condition-version --name/-n
role definition list | --name/-n --resource-group/-g --scope --custom-role-only?:3
role definition delete | --name/-n! --resource-group/-g --scope --custom-role-only?:3
eventgrid system-topic list | --resource-group/-g --odata-query
eventgrid system-topic show | --resource-group/-g --name/-n --ids+
eventgrid system-topic update | --resource-group/-g --name/-n --tags* --identity:noidentity,systemassigned --mi-user-assigned+ --mi-system-assigned0 --ids+
eventgrid system-topic delete | --resource-group/-g --name/-n --yes/-y0 --ids+
eventgrid system-topic event-subscription list | --resource-group/-g! --system-topic-name! --odata-query
eventgrid system-topic event-subscription show | --resource-group/-g! --system-topic-name! --name/-n! --include-full-endpoint-url?:3 --include-static-delivery-attribute-secret/--include-attrib-secret?:3
eventgrid system-topic event-subscription delete | --resource-group/-g! --system-topic-name! --name/-n! --yes/-y0
monitor metrics alert list | --resource-group/-g
monitor metrics alert delete | --resource-group/-g -n/--name --ids+
monitor diagnostic-settings subscription list |
monitor diagnostic-settings subscription delete | -n/--name --yes/-y0 --ids+
storage account check-name | --name/-n!
storage account show | --resource-group/-g --name/-n --expand:geoReplicationStats,blobRestoreStatus --ids+
servicebus namespace exists | --name!
servicebus queue show | --namespace-name -n/--name/--queue-name --resource-group/-g --ids+
acr show | --name/-n! --resource-group/-g
acr import | --name/-n! --source! --registry/-r --username/-u --password/-p --image/-t& --resource-group/-g --repository& --force0 --no-wait0
aks show | --resource-group/-g! --name/-n!
aks get-credentials | --resource-group/-g! --name/-n! --admin/-a0 --file/-f --overwrite-existing0 --context --public-fqdn0 --format
cloud show | --name/-n
version |
""".strip()
ALONE = ('account', 'cloud')
COMMON = '--help/-h0 --verbose0 --debug0 --only-show-errors0 --query ' \
         '--output/-o:json,jsonc,yaml,yamlc,table,tsv,none'
# With --ids these are not needed, without it they are (az: core/commands/arm.py, register_ids_argument)
OR_IDS = {'functionapp show': '--resource-group --name', 'functionapp stop': '--resource-group --name',
          'functionapp start': '--resource-group --name', 'functionapp restart': '--resource-group --name',
          'functionapp deployment source config-zip': '--resource-group --name',
          'eventgrid system-topic show': '--resource-group --name',
          'eventgrid system-topic update': '--resource-group --name',
          'eventgrid system-topic delete': '--resource-group --name',
          'monitor metrics alert delete': '--resource-group --name',
          'monitor diagnostic-settings subscription delete': '--name',
          'storage account show': '--name',
          'servicebus queue show': '--resource-group --namespace-name --name'}
# az asks before these, and without a terminal it refuses (knack/commands.py, _user_confirmed)
ASKS = ('group delete', 'eventgrid system-topic delete', 'eventgrid system-topic event-subscription delete',
        'monitor diagnostic-settings subscription delete')

SUB = '11111111-1111-1111-1111-111111111111'
TENANT = 'aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa'
EVERYTHING = [{'actions': ['*'], 'notActions': []}]
REGISTERED = ['Microsoft.Authorization', 'Microsoft.Resources', 'Microsoft.Web', 'Microsoft.Storage',
              'Microsoft.ServiceBus', 'Microsoft.EventGrid', 'Microsoft.Insights', 'Microsoft.AlertsManagement',
              'Microsoft.OperationalInsights', 'Microsoft.ManagedIdentity', 'Microsoft.App',
              'Microsoft.ContainerService', 'Microsoft.ContainerRegistry']
SUBSCRIPTION = {'id': SUB, 'name': 'Production', 'state': 'Enabled', 'tenant': TENANT, 'visible': True,
                'cached': True, 'providers': {ns: 'Registered' for ns in REGISTERED},
                'permissions': EVERYTHING, 'diagnosticSettings': []}
BUILT_IN = {
    'acdd72a7-3385-48ef-bd42-f606fba81ae7': 'Reader', '8e3af657-a8ff-443c-a75c-2fe8c4bcb635': 'Owner',
    'b24988ac-6180-42a0-ab88-20f7382dd24c': 'Contributor',
    '18d7d88d-d35e-4fb5-a5c3-7773c20a72d9': 'User Access Administrator',
    'f58310d9-a9f6-439a-9e8d-f62e7b41a168': 'Role Based Access Control Administrator',
    '7f951dda-4ed3-4680-a7ca-43fe172d538d': 'AcrPull',
    'b93aa761-3e63-49ed-ac28-beffa264f7ac': 'Container Registry Repository Reader',
    'b7e6dc6d-f1e8-4753-8033-0f276bb0955b': 'Storage Blob Data Owner',
    'ba92f5b4-2d11-453d-a403-e96b0029c9fe': 'Storage Blob Data Contributor',
    '090c5cfd-751d-490a-894a-3ce6f1109419': 'Azure Service Bus Data Owner',
    '4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0': 'Azure Service Bus Data Receiver',
    '69a216fc-b8fb-44d8-bc22-1f3c2cd27a39': 'Azure Service Bus Data Sender',
    '3913510d-42f4-4e42-8a64-420c390055eb': 'Monitoring Metrics Publisher'}
WORLD = {
    'signedIn': True, 'graph': True, 'current': SUB, 'tenant': TENANT,
    'user': {'name': 'user@example.com', 'type': 'user', 'objectId': '99999999-9999-9999-9999-999999999999'},
    'subscriptions': [SUBSCRIPTION],
    'locations': {'westeurope': {'flex': True, 'zoneRedundant': True, 'custom': ['1.0']},
                  'northeurope': {'flex': True, 'zoneRedundant': True, 'custom': ['1.0']},
                  'germanywestcentral': {'flex': False, 'custom': []}},
    'managementGroups': {},                     # name -> {"subscriptions": [ids]}
    'directory': [],                            # {"id", "appId", "type", "name"}: what Graph knows
    'deployments': {}, 'groups': [], 'resources': {}, 'apps': {},
    'roleDefinitions': [], 'roleAssignments': [],
    'taken': {'storage': [], 'sites': [], 'servicebus': []},
    'faults': []}

# Faults that a test names instead of writing them: {"like": "zip-conflict"}
ZIP = ('WARNING: Getting scm site credentials for zip deployment\n'
       'WARNING: Starting zip deployment. This operation can take a while to complete ...\n')
ZIP_ANSWERED = ZIP + 'WARNING: Deployment endpoint responded with status code %d for deployment id %s\n'
LIKE = {
    # az: appservice/custom.py, enable_zip_deploy_flex: the frame. The inner text is of the same refusal
    # in Azure/azure-functions-core-tools#4346; how the service wraps it in a 400 is from memory.
    'zip-role': {'match': 'config-zip', 'stderr': ZIP_ANSWERED % (400, '{}') + 'ERROR: An error occured during '
                 'deployment. Status Code: 400, Details: {"Message":"[StorageAccessibleCheck] Error while checking '
                 'access to storage account using Kudu.Legion.Core.Exceptions.StorageInaccessibleException: '
                 'BlobUploadFailedException: Failed to upload blob to storage account: Response status code does not '
                 'indicate success: 403 (This request is not authorized to perform this operation using this '
                 'permission.)."}'},
    'zip-conflict': {'match': 'config-zip', 'stderr': ZIP_ANSWERED % (409, '') + 'ERROR: There may be an ongoing '
                     'deployment. Please track your deployment in https://APP.scm.azurewebsites.net/api/deployments/latest'},
    # ... _check_zip_deployment_status_flex
    'zip-cancelled': {'match': 'config-zip', 'stderr': ZIP_ANSWERED % (202, uuid.UUID(int=7)) + 'ERROR: Deployment '
                      'was cancelled and another deployment is in progress.'},
    'zip-timeout': {'match': 'config-zip', 'after': True, 'stderr': ZIP_ANSWERED % (202, uuid.UUID(int=7)) +
                    'ERROR: Timeout reached by the command, however, the deployment operation\n'
                    '                       is still on-going. Navigate to your scm site to check the deployment status'},
    # ... check_flex_app_after_deployment
    'zip-unhealthy': {'match': 'config-zip', 'after': True, 'stderr': ZIP_ANSWERED % (202, uuid.UUID(int=7)) +
                      'WARNING: Waiting for sync triggers...\nWARNING: Checking the health of the function app\n'
                      'ERROR: Deployment was successful but the app appears to be unhealthy. Please check the app logs.'},
    # az: core/util.py, handle_exception, for a connection that does not come about (requests' own words)
    'no-network': {'match': '.', 'stderr': "ERROR: HTTPSConnectionPool(host='management.azure.com', port=443): Max "
                   "retries exceeded with url: / (Caused by NameResolutionError(\"Failed to resolve "
                   "'management.azure.com' ([Errno -3] Temporary failure in name resolution)\"))"},
    'signed-out': {'match': '.', 'stderr': "ERROR: AADSTS70043: The refresh token has expired or is invalid due to "
                   "sign-in frequency checks by conditional access.\nInteractive authentication is needed. Please "
                   "run:\naz logout\naz login"},                                        # text: from memory
    'throttled': {'match': '^rest', 'stderr': 'ERROR: Too Many Requests({"error":{"code":"TooManyRequests","message":'
                  '"The request is being throttled."}})'},                              # text: from memory
    # Microsoft Graph, for someone who may not read the directory (az: role/_msgrpah/_graph_client.py, GraphError)
    'graph': {'match': 'graph.microsoft.com', 'stderr': 'ERROR: Forbidden({"error":{"code":"Authorization_RequestDenied",'
              '"message":"Insufficient privileges to complete the operation."}})'},
}

W, FOLDER, QUIET = None, None, False


class Stop(Exception):
    """az ends here: one `ERROR:` line, and perhaps lines without one after it."""

    def __init__(self, text, code=1, hint=''):
        super().__init__(text)
        self.text, self.code, self.hint = text, code, hint


class Unknown(Stop):
    """Not known to this fake; perhaps to az."""


class Arm(Exception):
    """Azure refuses. How it is printed depends on the command, see `printed`."""

    def __init__(self, status, code, message, details=(), style=None):
        super().__init__(message)
        self.status, self.code, self.message, self.details, self.style = status, code, message, list(details), style

    def error(self):
        out = {'code': self.code, 'message': self.message}
        if self.details:
            out['details'] = self.details
        return out


REASON = {400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found', 409: 'Conflict',
          429: 'Too Many Requests'}
AGAIN = 'Interactive authentication is needed. Please run:\naz logout\naz login'


def compact(value):
    return json.dumps(value, separators=(',', ':'), ensure_ascii=False)


def printed(e, command):
    """An answer of ARM as az prints it. -> (text, exit code)"""
    style = e.style or ('rest' if command == 'rest' else
                        'deployment' if command in ('deployment sub create', 'deployment sub validate') else
                        'raw' if command == 'deployment sub what-if' else 'sdk')
    body = {'error': e.error()}
    if style in ('rest', 'show-rest'):
        # az: core/util.py, send_raw_request and handle_exception; for `show-rest` core/commands/arm.py,
        # show_exception_handler (functionapp show of a Flex app asks with send_raw_request)
        text = f'{REASON[e.status]}({compact(body)})'
        return (text + ('\n' + AGAIN if e.status == 401 else ''),
                3 if style == 'show-rest' and e.status == 404 else 1)
    if style == 'deployment':
        # az: resource/_utils.py, _build_http_response_error_message
        parts = [json.dumps({'code': e.code, 'message': e.message})]
        todo = list(e.details)
        while todo:
            detail = dict(todo.pop(0))
            todo = list(detail.pop('details', [])) + todo
            parts.append('Inner Errors: \n' + json.dumps(detail))
        return '\n\n'.join(parts), 1
    if style == 'raw':  # az: core/commands/arm.py, handle_template_based_exception: the body as it came
        return compact({'status': 'Failed', **body} if e.code == 'DeploymentFailed' else body), 1
    # azure/mgmt/core/exceptions.py, ARMErrorFormat; 404 is 3 (az: core/util.py, handle_exception)
    return sdk(e.error()), 3 if e.status == 404 else 1


def sdk(error, tab=''):
    text = f"({error['code']}) {error['message']}\n{tab}Code: {error['code']}\n{tab}Message: {error['message']}"
    for detail in error.get('details', []):
        text += ('' if '\t(' in text else f'\n{tab}Exception Details:') + '\t' + sdk(detail, tab + '\t')
    return text


def warn(text):
    if not QUIET:
        print('WARNING: ' + text, file=sys.stderr)


# ---------------------------------------------------------------------------------------------
# Output: knack/output.py and knack/query.py, word for word in what they do

def tsv_cell(value):
    if isinstance(value, list):
        return str(len(value))
    if isinstance(value, dict):
        return ''
    return value if isinstance(value, str) else str(value)


def tsv(result):
    rows = []
    for row in result if isinstance(result, list) else [result]:
        if isinstance(row, collections.OrderedDict):
            rows.append('\t'.join(map(tsv_cell, row.values())))
        elif isinstance(row, dict):
            rows.append('\t'.join(tsv_cell(value) for _, value in sorted(row.items())))
        elif isinstance(row, list):
            rows.append('\t'.join(map(tsv_cell, row)))
        else:
            rows.append(str(row).lower() if isinstance(row, bool) else tsv_cell(row))
    return ''.join(row + '\n' for row in rows)


def table(result, queried):
    rows = []
    for item in result if isinstance(result, list) else [result]:
        row = collections.OrderedDict()
        if isinstance(item, dict):
            for key in item if queried else sorted(item):
                if key not in ('id', 'type', 'etag') and item[key] is not None \
                        and not isinstance(item[key], (list, dict)):
                    row[key[:1].upper() + key[1:]] = item[key]
        elif isinstance(item, list):
            row.update((f'Column{n}', value) for n, value in enumerate(item, 1))
        else:
            row['Result'] = item
        rows.append(row)
    heads = list(collections.OrderedDict.fromkeys(key for row in rows for key in row))
    if not heads:
        return '\n'
    cells = [[str(row[h]) if row.get(h) is not None else '' for h in heads] for row in rows]
    wide = [max([len(h) + 2] + [len(c[n]) for c in cells]) for n, h in enumerate(heads)]  # tabulate, `simple`
    lines = [[h.ljust(w) for h, w in zip(heads, wide)], ['-' * w for w in wide]]
    lines += [[x.ljust(w) for x, w in zip(c, wide)] for c in cells]
    return ''.join('  '.join(line).rstrip() + '\n' for line in lines)


def shown(result, output, query):
    if query is not None:
        try:
            result = query.search(result, jmespath.Options(collections.OrderedDict))
        except jmespath.exceptions.JMESPathError as ex:  # az: core/util.py, handle_exception
            raise Stop(f'Invalid jmespath query supplied for `--query`: {ex}', 1, QUERY_HELP) from ex
    if result is None or output == 'none':  # knack/cli.py, invoke: nothing is printed for null
        return ''
    if output == 'tsv':
        return tsv(result)
    if output == 'table':
        return table(result, query is not None)
    return json.dumps(result, ensure_ascii=False, indent=2, sort_keys=True, separators=(',', ': ')) + '\n'


QUERY_HELP = "To learn more about --query, please visit: 'https://learn.microsoft.com/cli/azure/query-azure-cli'"


def with_groups(value):
    """az: core/commands/transform.py, _add_resource_group; not for `az rest`"""
    if isinstance(value, list):
        for item in value:
            with_groups(item)
    elif isinstance(value, dict):
        parts = value['id'].split('/') if isinstance(value.get('id'), str) else []
        if 'resourcegroup' not in map(str.lower, value) and len(parts) > 8 and parts[3].lower() == 'resourcegroups':
            value['resourceGroup'] = parts[4]
        for item in list(value.values()):
            with_groups(item)
    return value


# ---------------------------------------------------------------------------------------------
# Arguments. The messages: az: core/parser.py (_check_value, error) and Python's argparse

def flags_of(command):
    text = dict(line.split(' | ') if ' | ' in line else (line.rstrip(' |'), '') for line in FLAGS.split('\n'))[command]
    text += ' ' + COMMON + ('' if command.split()[0] in ALONE else ' --subscription')
    flags = {}
    for word in text.split():
        names, mark, choices = re.fullmatch(r'([^0?*+!&:]+)([0?*+!&]*)(?::(.*))?', word).groups()
        names = names.split('/')
        flag = {'key': next(n for n in names if n.startswith('--')), 'mark': mark, 'choices': choices,
                'label': '/'.join(names)}
        flags.update((name, flag) for name in names)
    return flags


def is_flag(word, flags):
    if not word.startswith('-') or word == '-':
        return False
    return word in flags or word.split('=')[0] in flags or not (
        re.fullmatch(r'-\d+|-\d*\.\d+', word) or ' ' in word)


def parse(argv):
    """-> (command, {first name of the flag: value})"""
    words = []
    for word in argv:
        if word.startswith('-'):
            break
        words.append(word)
    commands = [re.split(r' \|', line)[0] for line in FLAGS.split('\n')]
    command = next((c for c in sorted(commands, key=len, reverse=True)
                    if words[:len(c.split())] == c.split()), None)
    if command is None:
        near = max((n for c in commands for n in range(len(words) + 1) if c.split()[:n] == words[:n]), default=0)
        bad = words[near] if near < len(words) else ' '.join(words) or 'az'
        raise Unknown(f"'{bad}' is misspelled or not recognized by the system.", 2)
    flags = flags_of(command)
    given, extra, rest = {}, words[len(command.split()):], argv[len(words):]
    while rest:
        word = rest.pop(0)
        if not is_flag(word, flags):
            extra.append(word)
            continue
        name, equals, value = word.partition('=')
        if name not in flags and len(name) > 2 and name[1] != '-' and name[:2] in flags:
            name, equals, value = name[:2], '=', word[2:]  # -gGROUP
        if name not in flags:
            extra.append(word)
            continue
        flag = flags[name]
        key, mark = flag['key'], flag['mark']
        if '0' in mark:
            given[key] = True
            continue
        values = [value] if equals else []
        limit = 1 if not set('*+') & set(mark) else 10 ** 6
        while not equals and rest and len(values) < limit and not is_flag(rest[0], flags):
            values.append(rest.pop(0))
        if not values and not set('?*') & set(mark):
            raise Stop(f"argument {flag['label']}: expected {'at least ' if '+' in mark else ''}one argument", 2)
        values = [expanded(value) for value in values]
        for value in values:
            allowed = flag['choices'] and ('true,false' if flag['choices'] == '3' else flag['choices']).split(',')
            if allowed and value.lower() not in map(str.lower, allowed):
                raise Stop(f"az {command}: '{value}' is not a valid value for '{flag['label'].split('/')[0]}'. "
                           f"Allowed values: {', '.join(allowed)}.", 2)
        if '&' in mark:
            given.setdefault(key, []).append(values)
        elif set('*+') & set(mark):
            given[key] = values
        elif flag['choices'] == '3':
            given[key] = (values or ['true'])[0].lower() == 'true'
        else:
            given[key] = values[0] if values else ''
    if given.get('--help'):
        print(f'Command\n    az {command}')
        raise SystemExit(0)
    missing = [flag['label'] for name, flag in flags.items()
               if name == flag['key'] and '!' in flag['mark'] and name not in given]
    if missing:
        raise Stop('the following arguments are required: ' + ', '.join(missing), 2)
    if extra:
        raise Unknown('unrecognized arguments: ' + ' '.join(extra), 2)
    if '--query' in given:
        try:
            given['--query'] = jmespath.compile(given['--query'])
        except Exception as ex:
            raise Stop(f"argument --query: invalid jmespath_type value: '{given['--query']}'", 2, QUERY_HELP) from ex
    for name in OR_IDS.get(command, '').split():
        if '--ids' not in given and name not in given:
            short = [n for n in OR_IDS[command].split() if n not in given]
            raise Stop(f"({' '.join(short)} | --ids) are required")
    return command, given


def expanded(value):
    """`@file` and `key=@file` (az: core/commands/__init__.py, _expand_file_prefixed_files)"""
    key, equals, text = value.partition('=') if '=@' in value and not value.startswith('@') else ('', '', value)
    if text.startswith('@') and len(text) > 1:
        try:
            with open(os.path.expanduser(text[1:]), encoding='utf-8') as file:
                text = file.read().rstrip('\n')
        except OSError:
            pass  # az takes it as it is
    return key + equals + text


# ---------------------------------------------------------------------------------------------
# Who asks, and what Azure lets them see

def accounts():
    return [s for s in W['subscriptions'] if s['cached']] if W['signedIn'] else []


def account(name=None):
    """az: core/_profile.py, Profile.get_subscription; it looks only into az's own list"""
    known = accounts()
    if not known:
        raise Stop("Please run 'az login' to setup account.")
    if name:
        found = [s for s in known if name.lower() in (s['id'].lower(), s['name'].lower())]
        if not found:
            raise Stop(f"Subscription '{name}' not found. Check the spelling and casing and try again.")
        if len(found) > 1:
            raise Stop(f"Multiple subscriptions with the name '{name}' found. Specify the subscription ID.")
        return found[0]
    found = [s for s in known if s['id'] == W['current']]
    if not found:
        raise Stop("No subscription found. Run 'az account set' to select a subscription.")
    return found[0]


def selected(o):
    """The subscription of a command; an id in --ids says it, too."""
    name = o.get('--subscription')
    if name and not any(name.lower() in (s['id'].lower(), s['name'].lower()) for s in accounts()):
        warn(f"Subscription '{name}' not recognized.")  # az: core/commands/arm.py, SubscriptionNameOrIdAction
    if o.get('--ids') and str(o['--ids'][0]).startswith('/subscriptions/'):
        name = o['--ids'][0].split('/')[2]
    return account(name)


def cached_tenant(s):
    return s.get('cachedTenant') or s['tenant']


def allowed(s, action):
    def fits(pattern):
        return re.fullmatch(re.escape(pattern).replace(r'\*', '.*'), action, re.I)
    return any(any(map(fits, p.get('actions', []))) and not any(map(fits, p.get('notActions', [])))
               for p in s['permissions'])


def arm(sub, action=None, scope=None, tenant=None, style=None):
    """The subscription as ARM has it, or its refusal. `tenant` is whose token it is."""
    s = next((s for s in W['subscriptions'] if s['id'].lower() == sub.lower()), None)
    if s is None or not s['visible']:
        raise Arm(404, 'SubscriptionNotFound', f"The subscription '{sub}' could not be found.", style=style)
    tenant = tenant or (cached_tenant(s) if s['cached'] else W['tenant'])
    if tenant != s['tenant']:  # Azure/BatchExplorer#2052 and azure-sdk-for-net#49391
        raise Arm(401, 'InvalidAuthenticationTokenTenant', (
            "The access token is from the wrong issuer 'https://sts.windows.net/{0}/'. It must match the tenant "
            "'https://sts.windows.net/{1}/' associated with this subscription. Please use the authority (URL) "
            "'https://login.windows.net/{1}' to get the token. Note, if the subscription is transferred to another "
            "tenant there is no impact to the services, but information about new tenant could take time to propagate "
            "(up to an hour). If you just transferred your subscription and see this error message, please try back "
            "later.").format(tenant, s['tenant']), style=style)
    if action and not allowed(s, action):
        raise forbidden(action, scope or f'/subscriptions/{sub}', style)
    if action and s['state'] == 'Disabled' and not action.endswith('/read'):
        raise Arm(409, 'ReadOnlyDisabledSubscription', f"The subscription '{sub}' is disabled and therefore marked as "
                  "read only. You cannot perform any write actions on this subscription until it is re-enabled.",
                  style=style)
    return s


def forbidden(action, scope, style=None):  # xmi-cs/aca-gh-actions-runner#11
    return Arm(403, 'AuthorizationFailed', f"The client '{W['user']['name']}' with object id '{W['user']['objectId']}' "
               f"does not have authorization to perform action '{action}' over scope '{scope}' or the scope is invalid. "
               "If access was recently granted, please refresh your credentials.", style=style)


def account_json(s, name='environmentName'):
    return {name: 'AzureCloud', 'homeTenantId': cached_tenant(s), 'id': s['id'],
            'isDefault': s['id'] == W['current'], 'managedByTenants': [], 'name': s['name'], 'state': s['state'],
            'tenantDefaultDomain': 'example.onmicrosoft.com', 'tenantDisplayName': 'Example',
            'tenantId': cached_tenant(s), 'user': {'name': W['user']['name'], 'type': W['user']['type']}}


# ---------------------------------------------------------------------------------------------
# What is there

def rid(sub, group, kind, *names):
    space, *types = kind.split('/')
    return f'/subscriptions/{sub}/resourceGroups/{group}/providers/{space}' + ''.join(
        f'/{t}/{n}' for t, n in zip(types, names))


def find(id_):
    return next((key for key in W['resources'] if key.lower() == id_.lower().rstrip('/')), None)


def group_of(sub, name):
    return next((g for g in W['groups'] if g['name'].lower() == name.lower() and g['subscription'] == sub), None)


def group_or_stop(sub, name, style=None):
    group = group_of(sub, name)
    if group is None:  # the wording: az's own recordings of `az group show`
        raise Arm(404, 'ResourceGroupNotFound', f"Resource group '{name}' could not be found.", style=style)
    return group


def resource(id_, style=None):
    """The resource, or what ARM says of a missing one (its message is in every az issue about 404)."""
    parts = id_.split('/')
    arm(parts[2], '/'.join(parts[6::1][:1] + parts[7::2]) + '/read' if len(parts) > 7 else None, id_, style=style)
    group_or_stop(parts[2], parts[4], style)
    key = find(id_)
    if key is None:
        if len(parts) > 10 and find('/'.join(parts[:9])) is None:  # pulumi/docs#5774
            raise Arm(404, 'ParentResourceNotFound', "Can not perform requested operation on nested resource. Parent resource "
                      f"'{parts[8]}' not found.", style=style)
        name = '/'.join([parts[6]] + parts[7:])
        raise Arm(404, 'ResourceNotFound', f"The Resource '{name}' under resource group '{parts[4]}' was not found. For "
                  "more details please go to https://aka.ms/ARMResourceNotFoundFix", style=style)
    return key, W['resources'][key]


def resource_json(key, flat=False):
    r = W['resources'][key]
    out = {'id': key, 'name': r.get('name') or key.split('/')[-1], 'type': r['type'], 'location': r.get('location'),
           'tags': r.get('tags') or ({} if flat else None)}
    out.update({k: v for k, v in r.items() if k in ('kind', 'identity', 'sku')})
    if flat:  # clients that were not rewritten put the properties beside the name
        return {**r.get('properties', {}), **out}
    return {**{'extendedLocation': None, 'identity': None, 'kind': None, 'managedBy': None, 'plan': None, 'sku': None},
            **out, 'properties': r.get('properties', {})}


def of_type(kind, sub=None, group=None):
    return [key for key, r in W['resources'].items() if r['type'].lower() == kind.lower()
            and (sub is None or key.split('/')[2].lower() == sub.lower())
            and (group is None or key.split('/')[4].lower() == group.lower())]


def put(id_, kind, location, tags=None, properties=None, **more):
    key = find(id_) or id_
    r = W['resources'].setdefault(key, {'type': kind})
    r.update({'location': location, **more})
    if tags is not None:
        r['tags'] = dict(tags)
    r.setdefault('properties', {}).update({'provisioningState': 'Succeeded', **(properties or {})})
    return r


def remove(id_):
    """A resource and what is below it, with the assignments there; an identity leaves the directory, and its
    assignments elsewhere stay, of a principal that nobody knows."""
    for key in [k for k in W['resources'] if (k + '/').lower().startswith(id_.lower().rstrip('/') + '/')]:
        r = W['resources'].pop(key)
        for principal in [r.get('properties', {}).get('principalId'), (r.get('identity') or {}).get('principalId')]:
            W['directory'] = [d for d in W['directory'] if d['id'] != principal]
        if r['type'] == 'Microsoft.Web/sites':
            W['apps'].pop(key.split('/')[-1], None)
    W['roleAssignments'] = [a for a in W['roleAssignments']
                            if not (a['scope'] + '/').lower().startswith(id_.lower().rstrip('/') + '/')]


def group_json(g):
    return {'id': f"/subscriptions/{g['subscription']}/resourceGroups/{g['name']}", 'location': g['location'],
            'managedBy': None, 'name': g['name'], 'properties': {'provisioningState': 'Succeeded'},
            'tags': g.get('tags'), 'type': 'Microsoft.Resources/resourceGroups'}


COMMANDS = {}


def command(name):
    return lambda function: COMMANDS.setdefault(name, function)


# ---------------------------------------------------------------------------------------------
# account, cloud, provider

@command('account show')
def _(o):
    return account_json(account(o.get('--subscription')))


@command('account set')
def _(o):  # az: core/_profile.py, set_active_subscription
    name = o['--subscription'].lower()
    found = [s for s in accounts() if name in (s['id'].lower(), s['name'].lower())]
    if len(found) != 1:
        raise Stop("The subscription of '{}' {} in cloud 'AzureCloud'.".format(
            name, 'has more than one match' if found else "doesn't exist"))
    W['current'] = found[0]['id']


@command('account list')
def _(o):  # az: profile/custom.py, list_subscriptions
    if o.get('--refresh') and W['signedIn']:
        for s in W['subscriptions']:
            s['cached'] = s['visible']
            s.pop('cachedTenant', None)
    found = accounts()
    if not found:
        warn('Please run "az login" to access your accounts.')
    enabled = [s for s in found if s['state'] == 'Enabled']
    if not o.get('--all') and len(enabled) != len(found):
        warn("A few accounts are skipped as they don't have 'Enabled' state. Use '--all' to display them.")
        found = enabled
    return [account_json(s, 'cloudName') for s in found]


@command('account list-locations')
def _(o):
    account()
    return [{'id': f"/subscriptions/{W['current']}/locations/{name}", 'name': name, 'displayName': name,
             'type': 'Region'} for name in W['locations']]


@command('cloud show')
def _(o):
    if o.get('--name', 'AzureCloud') != 'AzureCloud':
        raise Stop(f"The cloud '{o['--name']}' is not registered.")
    return {'name': 'AzureCloud', 'isActive': True, 'profile': 'latest', 'endpoints': {
        'resourceManager': 'https://management.azure.com/', 'activeDirectory': 'https://login.microsoftonline.com',
        'microsoftGraphResourceId': 'https://graph.microsoft.com/'},
        'suffixes': {'storageEndpoint': 'core.windows.net', 'acrLoginServerEndpoint': '.azurecr.io'}}


@command('version')
def _(o):
    return {'azure-cli': W.get('version', '2.91.0'), 'azure-cli-core': W.get('version', '2.91.0'),
            'azure-cli-telemetry': '1.1.0', 'extensions': {}}


def provider_json(s, namespace):
    return {'id': f"/subscriptions/{s['id']}/providers/{namespace}", 'namespace': namespace,
            'registrationState': s['providers'].get(namespace, 'NotRegistered'),
            'registrationPolicy': 'RegistrationRequired', 'resourceTypes': []}


def provider(s, namespace):
    name = next((n for n in list(s['providers']) + REGISTERED if n.lower() == namespace.lower()), None)
    if name is None:  # text: from memory
        raise Arm(404, 'InvalidResourceNamespace', f"The resource namespace '{namespace}' is invalid.")
    return name


@command('provider show')
def _(o):
    s = arm(selected(o)['id'], 'Microsoft.Resources/subscriptions/providers/read')
    return provider_json(s, provider(s, o['--namespace']))


@command('provider list')
def _(o):
    s = arm(selected(o)['id'], 'Microsoft.Resources/subscriptions/providers/read')
    return [provider_json(s, name) for name in s['providers']]


@command('provider register')
def _(o):  # az: resource/custom.py, _update_provider. What it answers goes nowhere: the command prints nothing.
    space = o['--namespace']
    s = arm(selected(o)['id'], space + '/register/action')
    name = provider(s, space)
    if s['providers'].get(name) != 'Registered':
        s['providers'][name] = 'Registered' if o.get('--wait') else W.get('registering', 'Registering')
        if not o.get('--wait'):
            warn(f"Registering is still on-going. You can monitor using 'az provider show -n {space}'")


# ---------------------------------------------------------------------------------------------
# rest

@command('rest')
def _(o):
    url, method = o['--url'], o.get('--method', 'get').lower()
    if '://' not in url:
        url = 'https://management.azure.com/' + url.lstrip('/')
    url = url.replace('{subscriptionId}', W['current'] or '')
    if url.startswith('https://graph.microsoft.com/'):
        account()
        if not W['graph']:
            raise Arm(403, 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.')
        if method == 'get' and url.split('?')[0].endswith('/me'):
            return {'id': W['user']['objectId'], 'userPrincipalName': W['user']['name']}
        known = next((d for d in W['directory'] if d['id'] in url), None)
        if method == 'get' and known:
            return {'id': known['id'], 'appId': known.get('appId'), 'displayName': known.get('name')}
        raise Arm(404, 'Request_ResourceNotFound', "Resource does not exist or one of its queried reference-property "
                  "objects are not present.")
    if not url.lower().startswith('https://management.azure.com/'):
        raise Unknown(f'this fake knows no {url}', 2)
    path, _, query = url[len('https://management.azure.com'):].partition('?')
    guid = re.search('/subscriptions/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})', path, re.I)
    # send_raw_request asks for the token of the subscription in the address, and az knows only those of its list
    tenant = cached_tenant(account(guid and guid.group(1)))
    if 'api-version=' not in query and not any('api-version' in p for p in o.get('--uri-parameters', [])):
        raise Arm(400, 'MissingApiVersionParameter', "The api-version query parameter (?api-version=) is required for "
                  "all requests.")
    return rest(method, path.rstrip('/'), query + '&' + '&'.join(o.get('--uri-parameters', [])), o, tenant)


def filtered(query):
    found = re.search(r"(?:principalId\s+eq\s+'([^']+)'|assignedTo\('([^']+)'\))", query.replace('%20', ' ').replace(
        '%27', "'").replace('+', ' '), re.I)
    return found and (found.group(1) or found.group(2))


def rest(method, path, query, o, tenant):
    parts = path.split('/')
    low = path.lower()
    group = re.fullmatch('/providers/Microsoft.Management/managementGroups/([^/]+)/(?:descendants|subscriptions)', path, re.I)
    if group and method == 'get':
        known = W['managementGroups'].get(group.group(1))
        if known is None:  # Azure answers the same for one that is not there and one that may not be seen
            raise forbidden('Microsoft.Management/managementGroups/' + low.split('/')[-1] + '/read',
                            path.rsplit('/', 1)[0])
        return {'value': [{'id': f'/subscriptions/{id_}', 'name': id_, 'type': '/subscriptions', 'properties': {
            'displayName': next((s['name'] for s in W['subscriptions'] if s['id'] == id_), id_)}}
            for id_ in known['subscriptions']]}
    if len(parts) < 3 or parts[1].lower() != 'subscriptions':
        raise Unknown(f'this fake knows no {method} {path}', 2)
    sub, below = parts[2], '/'.join(parts[3:])
    if below == '' and method == 'get':
        s = arm(sub, 'Microsoft.Resources/subscriptions/read', tenant=tenant)
        return {'id': f'/subscriptions/{sub}', 'subscriptionId': s['id'], 'displayName': s['name'], 'state': s['state'],
                'tenantId': s['tenant'], 'subscriptionPolicies': {}, 'authorizationSource': 'RoleBased'}
    s = arm(sub, tenant=tenant)
    if low.endswith('/providers/microsoft.authorization/permissions') and method == 'get':
        return {'value': [{'dataActions': [], 'notDataActions': [], **p} for p in s['permissions']]}
    if re.fullmatch('providers(/[^/]+)?', below, re.I) and method == 'get':
        arm(sub, 'Microsoft.Resources/subscriptions/providers/read', tenant=tenant)
        if below.lower() == 'providers':
            return {'value': [provider_json(s, name) for name in s['providers']]}
        return provider_json(s, provider(s, parts[4]))
    if re.fullmatch('providers/[^/]+/register', below, re.I) and method == 'post':
        arm(sub, parts[4] + '/register/action', tenant=tenant)
        s['providers'][provider(s, parts[4])] = W.get('registering', 'Registering')
        return provider_json(s, parts[4])
    if below.lower() == 'providers/microsoft.web/checknameavailability' and method == 'post':
        body = json.loads(o.get('--body', '{}'))
        free = body.get('name', '').lower() not in names_taken('sites', 'Microsoft.Web/sites')
        return {'nameAvailable': free, 'reason': '' if free else 'AlreadyExists', 'message': '' if free else
                f"Hostname '{body.get('name')}' already exists. Please select a different name."}
    diagnostics = re.search('/providers/microsoft.insights/diagnosticsettings(?:/([^/]+))?$', low)
    if diagnostics and low.startswith(f'/subscriptions/{sub.lower()}/providers/'):
        return diagnostic(method, s, diagnostics.group(1), tenant)
    if '/providers/microsoft.authorization/roleassignments' in low:
        at = path[:low.rindex('/providers/microsoft.authorization/roleassignments')]
        if low.endswith('/roleassignments') and method == 'get':
            who = filtered(query)
            return {'value': [assignment_rest(a) for a in W['roleAssignments'] if (who is None or a['principalId'] == who)
                              and at_or_below(a['scope'], at, 'atscope' in query.lower())]}
        one = next((a for a in W['roleAssignments'] if a['id'].lower() == low), None)
        if method == 'get' and one is None:
            raise Arm(404, 'RoleAssignmentNotFound', f"The role assignment '{parts[-1]}' is not found.")
        if method == 'get':
            return assignment_rest(one)
        if method == 'delete':  # 204 without a word for one that is not there
            delete_assignment(path)
            return one and assignment_rest(one)
        raise Unknown(f'this fake knows no {method} {path}', 2)
    if re.fullmatch('resourcegroups/[^/]+', below, re.I):
        g = group_or_stop(sub, parts[4])
        if method == 'delete':
            delete_group(g)
            return None
        return group_json(g)
    if method == 'get':
        return resource_json(resource(path)[0])
    if method == 'delete':
        resource(path)
        arm(sub, '/'.join(parts[6:7] + parts[7::2]) + '/delete', path, tenant=tenant)
        remove(path)
        return None
    if method == 'put' and len(parts) > 8:  # anything that a test wants to be there
        body = json.loads(o.get('--body', '{}'))
        put(path, '/'.join(parts[6:7] + parts[7::2]), body.get('location'), body.get('tags'), body.get('properties'))
        return resource_json(find(path))
    raise Unknown(f'this fake knows no {method} {path}', 2)


def diagnostic(method, s, name, tenant=None):
    have = s['diagnosticSettings']
    arm(s['id'], 'Microsoft.Insights/diagnosticSettings/' + ('read' if method == 'get' else 'delete'), tenant=tenant)
    shown_ = [{'id': f"/subscriptions/{s['id']}/providers/microsoft.insights/diagnosticSettings/{d['name']}",
               'type': 'Microsoft.Insights/diagnosticSettings', **d} for d in have]
    if name is None:
        return {'value': shown_}
    one = next((d for d in shown_ if d['name'].lower() == name.lower()), None)
    if one is None and method == 'get':
        raise Arm(404, 'ResourceNotFound', f"The diagnostic setting '{name}' doesn't exist.")  # text: from memory
    if method == 'delete':
        s['diagnosticSettings'] = [d for d in have if d['name'].lower() != name.lower()]
        return None
    return one


# ---------------------------------------------------------------------------------------------
# group, resource, tag

@command('group show')
def _(o):
    sub = arm(selected(o)['id'], 'Microsoft.Resources/subscriptions/resourceGroups/read')['id']
    return group_json(group_or_stop(sub, o['--name']))


@command('group exists')
def _(o):
    sub = arm(selected(o)['id'], 'Microsoft.Resources/subscriptions/resourceGroups/read')['id']
    return group_of(sub, o['--name']) is not None


@command('group list')
def _(o):
    sub = arm(selected(o)['id'])['id']
    key, _, value = o.get('--tag', '').partition('=')
    return [group_json(g) for g in W['groups'] if g['subscription'] == sub
            and (not key or key in (g.get('tags') or {}) and value in ('', g['tags'][key]))]


def make_group(sub, name, location, tags=None):
    group = group_of(sub, name)
    if group and group['location'] != location:
        raise Arm(409, 'InvalidResourceGroupLocation', f"Invalid resource group location '{location}'. The Resource "
                  f"group already exists in location '{group['location']}'.")
    if group is None:
        group = {'name': name, 'subscription': sub, 'location': location}
        W['groups'].append(group)
    if tags is not None:
        group['tags'] = dict(tags)
    return group


@command('group create')
def _(o):
    sub = arm(selected(o)['id'], 'Microsoft.Resources/subscriptions/resourceGroups/write')['id']
    return group_json(make_group(sub, o['--name'], o['--location'], tags_of(o)))


def delete_group(g):
    W['groups'].remove(g)
    remove(f"/subscriptions/{g['subscription']}/resourceGroups/{g['name']}")


@command('group delete')
def _(o):
    sub = arm(selected(o)['id'], 'Microsoft.Resources/subscriptions/resourceGroups/delete')['id']
    delete_group(group_or_stop(sub, o['--name']))


def tags_of(o):
    return dict(t.partition('=')[::2] for t in o['--tags']) if '--tags' in o else None


def ids_of(o):
    if '--ids' in o:
        return [line for value in o['--ids'] for line in value.splitlines()]
    for need in ('--resource-group/-g', '--resource-type', '--name/-n'):  # az: resource/custom.py, _validate_resource_inputs
        if need.split('/')[0] not in o:
            raise Stop(need + ' is required' + ('.' if '/' in need else ''))
    kind = '/'.join(filter(None, [o.get('--namespace'), o['--resource-type']]))
    if '/' not in kind:
        raise Stop('--namespace is required')
    if '--parent' in o:
        kind = kind.split('/')[0] + '/' + '/'.join(o['--parent'].split('/')[::2]) + '/' + kind.split('/', 1)[1]
    names = (o['--parent'].split('/')[1::2] if '--parent' in o else []) + [o['--name']]
    return [rid(selected(o)['id'], o['--resource-group'], kind, *names)]


@command('resource show')
def _(o):
    found = [group_json(group_or_stop(i.split('/')[2], i.split('/')[4])) if len(i.split('/')) == 5
             else resource_json(resource(i)[0]) for i in ids_of(o)]
    return found[0] if len(found) == 1 else found


@command('resource list')
def _(o):
    sub = arm(selected(o)['id'], 'Microsoft.Resources/subscriptions/resources/read')['id']
    if '--resource-group' in o:
        group_or_stop(sub, o['--resource-group'])
    if o.get('--resource-type') and '/' not in o['--resource-type'] and '--namespace' not in o:
        raise Stop('Malformed resource-type: --resource-type=<namespace>/<resource-type> expected.')
    kind = '/'.join(filter(None, [o.get('--namespace'), o.get('--resource-type')]))
    key, _, value = o.get('--tag', '').partition('=')
    return [resource_json(id_) for id_, r in W['resources'].items()
            if id_.split('/')[2] == sub and len(id_.split('/')) == 9
            and o.get('--resource-group', id_.split('/')[4]).lower() == id_.split('/')[4].lower()
            and (not kind or r['type'].lower() == kind.lower())
            and o.get('--name', id_.split('/')[-1]) == id_.split('/')[-1]
            and o.get('--location', r.get('location')) == r.get('location')
            and (not key or key in (r.get('tags') or {}) and value in ('', r['tags'][key]))]


@command('resource delete')
def _(o):  # az: resource/custom.py, delete_resource
    failed = []
    for id_ in ids_of(o):
        parts = id_.split('/')
        try:
            arm(parts[2], '/'.join(parts[6:7] + parts[7::2]) + '/delete', id_)
            remove(id_)  # nothing there: 204, which is no failure
        except Arm:
            failed.append(id_)
    if failed:
        raise Stop('\n'.join(['Some resources failed to be deleted (run with `--verbose` for more information):'] + failed))


def tags_json(id_, tags):
    return {'id': id_ + '/providers/Microsoft.Resources/tags/default', 'name': 'default',
            'type': 'Microsoft.Resources/tags', 'properties': {'tags': tags}}


def tagged(id_):
    parts = id_.rstrip('/').split('/')
    if len(parts) == 3:
        return arm(parts[2])
    return group_or_stop(parts[2], parts[4]) if len(parts) == 5 else resource(id_)[1]


@command('tag list')
def _(o):
    arm(selected(o)['id'])
    if '--resource-id' not in o:
        return []
    return tags_json(o['--resource-id'], tagged(o['--resource-id']).get('tags') or {})


@command('tag update')
def _(o):
    where, new = tagged(o['--resource-id']), tags_of(o)
    arm(o['--resource-id'].split('/')[2], 'Microsoft.Resources/tags/write', o['--resource-id'])
    if not new:
        raise Stop('Tags could not be empty.')
    how, old = o['--operation'].lower(), where.get('tags') or {}
    where['tags'] = {**old, **new} if how == 'merge' else new if how == 'replace' else {
        k: v for k, v in old.items() if new.get(k) not in (v, '')}
    return tags_json(o['--resource-id'], where['tags'])


# ---------------------------------------------------------------------------------------------
# role

def definition_id(guid, scope):
    sub = re.match('/subscriptions/[^/]+', scope)
    return f"{sub.group() if sub else ''}/providers/Microsoft.Authorization/roleDefinitions/{guid}"


def definitions(scope):
    custom = [d for d in W['roleDefinitions']
              if any(scope.lower().startswith(at.lower().rstrip('/')) for at in d['assignableScopes'])]
    built_in = [{'name': guid, 'roleName': name, 'roleType': 'BuiltInRole', 'assignableScopes': ['/'], 'permissions': [],
                 'description': ''} for guid, name in BUILT_IN.items()]
    return [{'createdBy': None, 'type': 'Microsoft.Authorization/roleDefinitions', **d,
             'id': definition_id(d['name'], scope)} for d in custom + built_in]


def at_or_below(scope, at, exact=False):
    scope, at = scope.lower().rstrip('/'), at.lower().rstrip('/')
    return scope == at or (not exact and scope.startswith(at + '/')) \
        or not scope.startswith('/subscriptions/')  # of a management group, or of everything: inherited


def assignment_rest(a):
    return {'id': a['id'], 'name': a['name'], 'type': 'Microsoft.Authorization/roleAssignments',
            'properties': {k: v for k, v in a.items() if k not in ('id', 'name', 'roleDefinitionName')}}


def assign(scope, principal, role, name=None, **more):
    """role: the guid. -> the record; one of another name for the same is RoleAssignmentExists"""
    same = next((a for a in W['roleAssignments'] if a['scope'].lower() == scope.lower() and a['principalId'] == principal
                 and a['roleDefinitionId'].lower().endswith(role.lower())), None)
    name = name or str(uuid.uuid4())
    if same and same['name'] != name:  # Azure-Samples/azure-search-openai-demo#1091
        raise Arm(409, 'RoleAssignmentExists', 'The role assignment already exists.')
    if same is None:
        same = {'createdBy': W['user']['objectId'], 'createdOn': '2026-01-01T00:00:00.000000+00:00'}
        W['roleAssignments'].append(same)
    same.update({'id': f'{scope}/providers/Microsoft.Authorization/roleAssignments/{name}', 'name': name, 'scope': scope,
                 'principalId': principal, 'principalType': 'ServicePrincipal',
                 'roleDefinitionId': definition_id(role, scope), 'condition': None, 'description': None, **more})
    return same


def delete_assignment(id_):
    at = id_[:id_.lower().rindex('/providers/microsoft.authorization/roleassignments/')]
    if at.startswith('/subscriptions/'):
        arm(at.split('/')[2], 'Microsoft.Authorization/roleAssignments/delete', at)
    W['roleAssignments'] = [a for a in W['roleAssignments'] if a['id'].lower() != id_.lower()]


def client(o):
    """az: role/_client_factory.py: a scope below a subscription takes the token of that one, a subscription alone
    that of the selected one. -> (tenant, id of the subscription)"""
    below = re.match('/subscriptions/([^/]*)/', o.get('--scope') or '')
    s = account(below.group(1)) if below else selected(o)
    return cached_tenant(s), s['id']


def scope_of(o, sub):  # az: role/custom.py, _build_role_scope
    if o.get('--scope') and o.get('--resource-group'):
        raise Stop(f"Resource group \"{o['--resource-group']}\" is redundant because scope is supplied")
    if o.get('--scope'):
        return o['--scope']
    return f'/subscriptions/{sub}' + (f"/resourceGroups/{o['--resource-group']}" if o.get('--resource-group') else '')


def person(o):  # az: role/custom.py, _resolve_object_id_and_type
    who = o.get('--assignee')
    if o.get('--assignee-object-id') or not who:
        return o.get('--assignee-object-id')
    guid = re.fullmatch('[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}', who)
    if not W['graph']:
        warn(f"Failed to query {who} by invoking Graph API. If you don't have permission to query Graph API, please "
             "specify --assignee-object-id and --assignee-principal-type.")
        if guid:
            warn(f'Assuming {who} as an object ID.')
            return who
        # GraphError is no CLIError, so az thinks it a bug of its own (core/util.py, handle_exception)
        raise Stop('The command failed with an unexpected error. Here is the traceback:\nERROR: Insufficient privileges '
                   'to complete the operation.', 1,
                   'To check existing issues, please visit: https://github.com/Azure/azure-cli/issues')
    known = [{'id': W['user']['objectId'], 'name': W['user']['name']}] + W['directory']
    found = next((d['id'] for d in known if who in (d['id'], d.get('appId'), '@' in who and d.get('name'))), None)
    if found is None:
        raise Stop("Cannot find user or service principal in graph database for '{0}'. If the assignee is an appId, make "
                   "sure the corresponding service principal is created with 'az ad sp create --id {0}'.".format(who))
    return found


def role_guid(o, scope):  # az: role/custom.py, _resolve_role_id
    role = o.get('--role')
    if role is None or re.search('/roleDefinitions/', role, re.I) or re.fullmatch('[0-9a-f-]{36}', role):
        return role and role.split('/')[-1]
    found = [d['name'] for d in definitions(scope) if d['roleName'] == role]
    if not found:
        raise Stop(f"Role '{role}' doesn't exist.")
    return found[0]


def assignments(o):
    """az: role/custom.py, _search_role_assignments. -> (records, scope or None, subscription)"""
    for name in ('--assignee', '--scope', '--role', '--resource-group'):  # role/_validators.py
        if o.get(name) == '':
            raise Stop(f"usage error: {name} can't be an empty string. Either omit it or provide a non-empty string.")
    if o.get('--assignee') and o.get('--assignee-object-id'):
        raise Stop('Usage error: Provide only one of --assignee or --assignee-object-id.')
    tenant, sub = client(o)
    if o.get('--all') and (o.get('--scope') or o.get('--resource-group')):
        raise Stop('group or scope are not required when --all is used')
    scope = None if o.get('--all') else scope_of(o, sub)
    who = person(o)
    at = scope or f'/subscriptions/{sub}'
    if at.startswith('/subscriptions/'):
        arm(at.split('/')[2], 'Microsoft.Authorization/roleAssignments/read', at, tenant=tenant)
    found = [a for a in W['roleAssignments'] if at_or_below(a['scope'], at, exact=scope is not None)
             and (scope is None or o.get('--include-inherited') or a['scope'].lower() == scope.lower())]
    role = role_guid(o, at)
    return [a for a in found if (not role or a['roleDefinitionId'].endswith(role))
            and (not who or a['principalId'] == who)], scope, sub


@command('role assignment list')
def _(o):
    found, scope, sub = assignments(o)
    roles = {d['id']: d['roleName'] for d in definitions(scope or f'/subscriptions/{sub}')}
    out = []
    for a in found:
        # what has no value is left out (_role_assignment_to_dict)
        a = {'type': 'Microsoft.Authorization/roleAssignments', **{k: v for k, v in a.items() if v is not None}}
        if o.get('--fill-role-definition-name', True):
            a['roleDefinitionName'] = roles.get(a['roleDefinitionId'], a.get('roleDefinitionName'))
        if o.get('--fill-principal-name', True) and W['graph']:  # without Graph the key is not there at all
            a['principalName'] = next((d.get('name') or '' for d in W['directory'] if d['id'] == a['principalId']), '')
        out.append(a)
    return out


@command('role assignment delete')
def _(o):
    if not any(o.get(n) for n in ('--ids', '--assignee', '--assignee-object-id', '--role', '--resource-group', '--scope')):
        raise Stop('Please provide at least one of these arguments: --ids, --assignee, --assignee-object-id, --role, '
                   '--resource-group, --scope')
    if o.get('--ids'):
        client(o)
        for id_ in o['--ids']:
            delete_assignment(id_)
        return
    found = assignments(o)[0]
    if not found:
        raise Stop('No matched assignments were found to delete')
    for a in found:
        delete_assignment(a['id'])


@command('role assignment create')
def _(o):
    if bool(o.get('--assignee')) == bool(o.get('--assignee-object-id')):
        raise Stop('usage error: --assignee STRING | --assignee-object-id GUID')
    client(o)
    scope = o['--scope']
    arm(scope.split('/')[2], 'Microsoft.Authorization/roleAssignments/write', scope)
    who, role = person(o), role_guid(o, scope)
    try:
        return assign(scope, who, role, o.get('--name'), condition=o.get('--condition'), description=o.get('--description'),
                      principalType=o.get('--assignee-principal-type'))
    except Arm:  # so that it can be repeated
        return next(a for a in W['roleAssignments'] if (a['scope'], a['principalId']) == (scope, who)
                    and a['roleDefinitionId'].endswith(role))


def found_definitions(o):
    tenant, sub = client(o)
    scope = scope_of(o, sub)
    if scope.startswith('/subscriptions/'):
        arm(scope.split('/')[2], 'Microsoft.Authorization/roleDefinitions/read', scope, tenant=tenant)
    return [d for d in definitions(scope) if o.get('--name') in (None, d['name'], d['roleName'])
            and (not o.get('--custom-role-only') or d['roleType'] == 'CustomRole')], scope


@command('role definition list')
def _(o):
    return found_definitions(o)[0]


@command('role definition delete')
def _(o):  # none of that name: nothing happens, exit code 0 (az: role/custom.py, delete_role_definition)
    for d in found_definitions(o)[0]:
        for at in d['assignableScopes']:
            arm(at.split('/')[2], 'Microsoft.Authorization/roleDefinitions/delete', at)
        standing = [a for a in W['roleAssignments'] if a['roleDefinitionId'].endswith(d['name'])]
        if standing:  # the code is in Microsoft's RBAC troubleshooting page; the text: from memory
            raise Arm(400, 'RoleDefinitionHasAssignments', 'There are existing role assignments referencing role (code: '
                      'RoleDefinitionHasAssignments)')
        W['roleDefinitions'] = [r for r in W['roleDefinitions'] if r['name'] != d['name']]


# ---------------------------------------------------------------------------------------------
# functionapp

def app_of(o, style=None):
    """-> (id, resource, what runs there)"""
    if '--ids' in o:
        id_ = o['--ids'][0]
        account(id_.split('/')[2])
    else:
        id_ = rid(selected(o)['id'], o['--resource-group'], 'Microsoft.Web/sites', o['--name'])
    key, r = resource(id_, style)
    return key, r, W['apps'].setdefault(key.split('/')[-1], {'functions': [], 'keys': {}})


@command('functionapp list-flexconsumption-locations')
def _(o):  # az: appservice/custom.py, list_flexconsumption_locations
    selected(o)
    return [{'name': name} for name, l in W['locations'].items() if l['flex']
            and (not o.get('--zone-redundant') or l.get('zoneRedundant'))]


@command('functionapp list-flexconsumption-runtimes')
def _(o):  # ... list_flex_function_app_runtimes and _FlexFunctionAppStackRuntimeHelper.Runtime
    selected(o)
    runtime, there = o['--runtime'], W['locations'].get(o['--location'].lower().replace(' ', ''), {'custom': []})
    versions = there.get(runtime, [] if runtime == 'custom' else ['1'])
    if not versions:
        raise Stop(f"Runtime '{runtime}' not supported for function apps on the Flex Consumption plan.")
    return [{'name': runtime, 'version': v, 'appInsights': True, 'default': n == 0, 'endOfLifeDate': None,
             'githubActionsProperties': {'isSupported': False, 'supportedVersion': None}, 'sku': {'skuCode': 'FC1'}}
            for n, v in enumerate(versions)]


@command('functionapp show')
def _(o):  # a Flex app is shown as ARM has it (az: appservice/custom.py, show_functionapp)
    return {k: v for k, v in resource_json(app_of(o, 'show-rest')[0]).items() if v is not None}


@command('functionapp list')
def _(o):
    return [resource_json(key, flat=True) for key in
            of_type('Microsoft.Web/sites', arm(selected(o)['id'])['id'], o.get('--resource-group'))]


def function_json(key, name):
    app = key.split('/')[-1]
    return {'id': f'{key}/functions/{name}', 'name': f'{app}/{name}', 'type': 'Microsoft.Web/sites/functions',
            'language': 'custom', 'isDisabled': False, 'config': {}, 'kind': None,
            'invokeUrlTemplate': f'https://{app}.azurewebsites.net/api/{name}',
            'href': f'https://{app}.azurewebsites.net/admin/functions/{name}'}


@command('functionapp function list')
def _(o):
    key, _, app = app_of(o)
    return [function_json(key, name) for name in app['functions']]


def function_of(o):
    key, _, app = app_of(o)
    if o['--function-name'] not in app['functions']:
        raise Arm(404, 'NotFound', f"Function '{o['--function-name']}' not found.")  # text: from memory
    return key, app, app['keys'].setdefault(o['--function-name'], {'default': 'key-' + o['--function-name']})


@command('functionapp function show')
def _(o):
    return function_json(function_of(o)[0], o['--function-name'])


@command('functionapp keys list')
def _(o):
    return {'masterKey': 'master-' + app_of(o)[0].split('/')[-1], 'functionKeys': {'default': 'host'}, 'systemKeys': {}}


@command('functionapp function keys list')
def _(o):
    return dict(function_of(o)[2])


@command('functionapp function keys set')
def _(o):
    key, _, keys = function_of(o)
    keys[o['--key-name']] = o.get('--key-value') or hashlib.sha256(os.urandom(8)).hexdigest()[:32]
    warn('Keys have been redacted. Use `az functionapp function keys list` to view.')
    return {'name': o['--key-name'], 'value': None}


@command('functionapp function keys delete')
def _(o):
    function_of(o)[2].pop(o['--key-name'], None)


@command('functionapp config appsettings list')
def _(o):
    return [{'name': k, 'value': v, 'slotSetting': False} for k, v in app_of(o)[2].get('settings', {}).items()]


def state_to(state):
    def change(o):
        app_of(o)[1]['properties']['state'] = state
    return change


for verb, state in (('stop', 'Stopped'), ('start', 'Running'), ('restart', 'Running')):
    command('functionapp ' + verb)(state_to(state))


@command('functionapp deployment source config-zip')
def _(o):  # az: appservice/custom.py, enable_zip_deploy_functionapp; a missing app is the SDK's 404, exit code 3
    key, r, app = app_of(o)
    warn('Getting scm site credentials for zip deployment')
    try:
        with open(os.path.expanduser(o['--src']), 'rb') as file:
            whole = file.read()
    except OSError as ex:
        raise Stop(f'The command failed with an unexpected error. Here is the traceback:\nERROR: {ex}', 1,
                   'To check existing issues, please visit: https://github.com/Azure/azure-cli/issues') from ex
    warn('Starting zip deployment. This operation can take a while to complete ...')
    warn(f'Deployment endpoint responded with status code 202 for deployment id {uuid.UUID(int=7)}')
    with zipfile.ZipFile(o['--src']) as package:
        names = package.namelist()
        policy = package.read('policy.yaml') if 'policy.yaml' in names else None
    app['package'] = {'entries': names, 'sha256': hashlib.sha256(whole).hexdigest(),
                      'policySha256': policy is not None and hashlib.sha256(policy).hexdigest() or None}
    app['functions'] = sorted(n.split('/')[0] for n in names if re.fullmatch('[^/]+/function.json', n))
    app['deployments'] = app.get('deployments', 0) + 1
    warn('Waiting for sync triggers...')
    warn('Checking the health of the function app')
    return 'Deployment was successful.'


# ---------------------------------------------------------------------------------------------
# eventgrid, monitor, storage, servicebus, acr, aks

TOPIC = 'Microsoft.EventGrid/systemTopics'


def one(o, kind, *flags):
    """The id that --ids or the group and names say"""
    if '--ids' in o:
        account(o['--ids'][0].split('/')[2])
        return o['--ids'][0]
    return rid(selected(o)['id'], o['--resource-group'], kind, *[o[f] for f in flags])


@command('eventgrid system-topic list')
def _(o):
    sub = arm(selected(o)['id'], TOPIC + '/read')['id']
    return [resource_json(k, flat=True) for k in of_type(TOPIC, sub, o.get('--resource-group'))]


@command('eventgrid system-topic show')
def _(o):
    return resource_json(resource(one(o, TOPIC, '--name'))[0], flat=True)


@command('eventgrid system-topic update')
def _(o):
    key, r = resource(one(o, TOPIC, '--name'))
    arm(key.split('/')[2], TOPIC + '/write', key)
    if '--tags' in o:
        r['tags'] = tags_of(o)
    if o.get('--identity', '').lower() == 'systemassigned' or o.get('--mi-system-assigned'):
        r['identity'] = (r.get('identity') or {}).get('principalId') and r['identity'] or identity(key)
    elif o.get('--identity', '').lower() == 'noidentity':
        r['identity'] = {'type': 'None'}
    return resource_json(key, flat=True)


def deleted(id_):
    parts = id_.split('/')
    arm(parts[2], '/'.join(parts[6:7] + parts[7::2]) + '/delete', id_)
    remove(id_)  # what is not there: 204


@command('eventgrid system-topic delete')
def _(o):
    deleted(one(o, TOPIC, '--name'))


@command('eventgrid system-topic event-subscription list')
def _(o):
    key, _ = resource(one(o, TOPIC, '--system-topic-name'))
    return [resource_json(k, flat=True) for k in of_type(TOPIC + '/eventSubscriptions')
            if k.lower().startswith(key.lower() + '/')]


@command('eventgrid system-topic event-subscription show')
def _(o):
    id_ = one(o, TOPIC + '/eventSubscriptions', '--system-topic-name', '--name')
    return resource_json(resource(id_)[0], flat=True)


@command('eventgrid system-topic event-subscription delete')
def _(o):
    deleted(one(o, TOPIC + '/eventSubscriptions', '--system-topic-name', '--name'))


@command('monitor metrics alert list')
def _(o):
    sub = arm(selected(o)['id'], 'Microsoft.Insights/metricAlerts/read')['id']
    if '--resource-group' in o:
        group_or_stop(sub, o['--resource-group'])
    return [resource_json(k, flat=True) for k in of_type('Microsoft.Insights/metricAlerts', sub, o.get('--resource-group'))]


@command('monitor metrics alert delete')
def _(o):
    for id_ in o.get('--ids') or [one(o, 'Microsoft.Insights/metricAlerts', '--name')]:
        deleted(id_)


@command('monitor diagnostic-settings subscription list')
def _(o):  # not paged, so `value` stays around the list (az: monitor/aaz/latest/.../subscription/_list.py)
    return diagnostic('get', arm(selected(o)['id']), None)


@command('monitor diagnostic-settings subscription delete')
def _(o):
    diagnostic('delete', arm(selected(o)['id']), o['--name'] if '--name' in o else o['--ids'][0].split('/')[-1])


def names_taken(what, kind):
    return {n.lower() for n in W['taken'][what]} | {k.split('/')[-1].lower() for k in of_type(kind)}


@command('storage account check-name')
def _(o):
    name = o['--name']
    arm(selected(o)['id'], 'Microsoft.Storage/checknameavailability/read')
    if not re.fullmatch('[a-z0-9]{3,24}', name):
        return {'nameAvailable': False, 'reason': 'AccountNameInvalid', 'message': f'{name} is not a valid storage account '
                'name. Storage account name must be between 3 and 24 characters in length and use numbers and '
                'lower-case letters only.'}
    free = name not in names_taken('storage', 'Microsoft.Storage/storageAccounts')
    return {'nameAvailable': free, 'reason': None if free else 'AlreadyExists',
            'message': None if free else f'The storage account named {name} is already taken.'}


@command('storage account show')
def _(o):
    if '--ids' in o or '--resource-group' in o:
        return resource_json(resource(one(o, 'Microsoft.Storage/storageAccounts', '--name'))[0], flat=True)
    found = [k for k in of_type('Microsoft.Storage/storageAccounts', selected(o)['id']) if k.endswith('/' + o['--name'])]
    if not found:
        raise Arm(404, 'ResourceNotFound', f"The Resource 'Microsoft.Storage/storageAccounts/{o['--name']}' was not found.")
    return resource_json(found[0], flat=True)


@command('servicebus namespace exists')
def _(o):
    arm(selected(o)['id'], 'Microsoft.ServiceBus/checkNameAvailability/action')
    free = o['--name'].lower() not in names_taken('servicebus', 'Microsoft.ServiceBus/namespaces')
    return {'nameAvailable': free, 'reason': 'None' if free else 'NameInUse', 'message': '' if free else
            'The specified name is not available. For more information visit https://aka.ms/eventhubsarmexceptions.'}


@command('servicebus queue show')
def _(o):
    return resource_json(resource(one(o, 'Microsoft.ServiceBus/namespaces/queues', '--namespace-name', '--name'))[0], flat=True)


def registry(o):  # az: acr/_utils.py
    s, kind = selected(o), 'Microsoft.ContainerRegistry/registries'
    if '--resource-group' in o:
        return resource(rid(s['id'], o['--resource-group'], kind, o['--name']))[0]
    found = [k for k in of_type(kind, s['id'])
             if k.split('/')[-1].lower() == o['--name'].lower()]
    if not found:
        raise Stop(f"The resource with name '{o['--name']}' and type 'Microsoft.ContainerRegistry/registries' could not be "
                   f"found in subscription '{s['name']} ({s['id']})'.")
    return found[0]


@command('acr show')
def _(o):
    return resource_json(registry(o), flat=True)


@command('acr import')
def _(o):
    r = W['resources'][registry(o)]
    r.setdefault('imports', []).append({'source': o['--source'], 'image': [i for v in o.get('--image', []) for i in v]})


@command('aks show')
def _(o):
    return resource_json(resource(one(o, 'Microsoft.ContainerService/managedClusters', '--name'))[0], flat=True)


@command('aks get-credentials')
def _(o):
    resource(one(o, 'Microsoft.ContainerService/managedClusters', '--name'))
    where = os.path.expanduser(o.get('--file', '~/.kube/config'))
    if where == '-':
        print('apiVersion: v1\nkind: Config')
        return
    os.makedirs(os.path.dirname(where), exist_ok=True)
    with open(where, 'a', encoding='utf-8') as file:
        file.write(f"# cluster {o['--name']}\n")
    warn(f"Merged \"{o.get('--context') or o['--name']}\" as current context in {where}")


# ---------------------------------------------------------------------------------------------
# Bicep, as far as parameters go: names, types, decorators, whether there is a default

WORDS = re.compile(r"""//[^\n]*|/\*.*?\*/|(?P<word>'''.*?'''|'(?:\\.|[^'\\])*'|[A-Za-z_][\w.]*|-?\d+|\n|\S)""", re.S)


class Bicep:
    """params: name -> {type, default, allowed, minLength, ...}; types: name -> type; outputs: names.
    A type: {'is': 'string'|...|'array'|'object'|'union', 'of': type, 'members': {}, 'sealed', 'nullable'}"""

    def __init__(self, path):
        try:
            with open(path, encoding='utf-8') as file:
                text = file.read()
        except OSError as ex:  # what the bicep compiler says, and az passes on
            raise Stop(f"{os.path.abspath(path)} : Error BCP091: An error occurred reading file. Could not find file "
                       f"'{os.path.abspath(path)}'.") from ex
        self.words = [m.group('word') for m in WORDS.finditer(text) if m.group('word')] + ['\n']
        self.at, self.params, self.types, self.outputs = 0, {}, {}, []
        marks = {}
        while self.at < len(self.words):
            word = self.next()
            if word == '@':
                name = self.next().split('.')[-1]
                marks[name] = self.skip('(', ')') if self.peek() == '(' else []
            elif word in ('param', 'type', 'output') and re.match(r'\w+$', self.peek()):
                name = self.next()
                if word == 'output':
                    self.outputs.append(name)
                elif word == 'type':
                    self.next()
                    self.types[name] = {**self.type(), **({'sealed': True} if 'sealed' in marks else {})}
                else:
                    param = {'type': self.type(), 'secure': 'secure' in marks}
                    if 'sealed' in marks:
                        param['type'] = {**param['type'], 'sealed': True}
                    for mark in ('minLength', 'maxLength', 'minValue', 'maxValue'):
                        if mark in marks:
                            param[mark] = int(''.join(marks[mark]))
                    if 'allowed' in marks:
                        param['allowed'] = [w[1:-1] if w[0] == "'" else int(w) for w in marks['allowed']
                                            if w[0] == "'" or re.fullmatch(r'-?\d+', w)]
                    if self.peek() == '=':
                        self.next()
                        param['default'] = self.expression()
                    self.params[name] = param
                marks = {}
                self.line()
            elif word not in ('\n',):
                marks = {}
                self.at -= 1
                self.line()

    def peek(self):
        return self.words[self.at] if self.at < len(self.words) else '\n'

    def next(self):
        self.at += 1
        return self.words[self.at - 1]

    def skip(self, opening, closing):
        """From an opening bracket to the one that closes it. -> the words between"""
        depth, out = 0, []
        while True:
            word = self.next()
            depth += (word == opening) - (word == closing)
            if depth == 0:
                return out[1:]
            out.append(word)

    def expression(self):
        """The words up to the end of the statement"""
        depth, out = 0, []
        while self.at < len(self.words):
            word = self.peek()
            depth += (word in '([{') - (word in ')]}') if len(word) == 1 else 0
            if word == '\n' and depth == 0:
                break
            out.append(self.next())
        return [word for word in out if word != '\n']

    def line(self):
        self.expression()

    def type(self):
        while self.peek() == '\n':
            self.next()
        word = self.next()
        if word == '|':
            word = self.next()
        if word == '{':
            members, marks = {}, set()
            while True:
                word = self.next()
                if word == '}':
                    break
                if word == '@':
                    marks.add(self.next().split('.')[-1])
                    if self.peek() == '(':
                        self.skip('(', ')')
                elif word != '\n' and word != ',':
                    self.next()  # the colon
                    members[word.strip("'")] = {**self.type(), **({'sealed': True} if 'sealed' in marks else {})}
                    marks = set()
            out = {'is': 'object', 'members': members}
        elif word == '(':
            out = self.type()
            self.next()
        elif word[0] == "'" or re.fullmatch(r'-?\d+|true|false', word):
            out = {'is': 'union', 'values': [word[1:-1] if word[0] == "'" else ast.literal_eval(word.title() if word[0] in 'tf' else word)]}
        else:
            out = {'is': word}
        while self.peek() in '[?':
            if self.next() == '[':
                self.next()
                out = {'is': 'array', 'of': out}
            else:
                out = {**out, 'nullable': True}
        at = self.at
        while self.peek() == '\n':
            self.next()
        if self.peek() == '|':
            self.next()
            other = self.type()
            return {'is': 'union', 'values': out.get('values', []) + other.get('values', [])}
        self.at = at
        return out

    def resolved(self, kind):
        while kind['is'] in self.types:
            kind = {**self.types[kind['is']], **{k: v for k, v in kind.items() if k in ('nullable', 'sealed')}}
        return kind

    def arm_type(self, name):
        kind = self.resolved(self.params[name]['type'])
        if kind['is'] == 'union':
            return {str: 'string', int: 'int', bool: 'bool'}[type(kind['values'][0])]
        return ('secure' if self.params[name]['secure'] else '') + kind['is']

    def against(self, kind, value):
        """What ARM has against a value of this type, or None"""
        kind = self.resolved(kind)
        if value is None and kind.get('nullable'):
            return None
        names = {str: 'String', bool: 'Boolean', int: 'Integer', float: 'Float', list: 'Array', dict: 'Object',
                 type(None): 'Null'}
        want = {'string': (str, 'String, Uri'), 'int': (int, 'Integer'), 'bool': (bool, 'Boolean'), 'array': (list, 'Array'),
                'object': (dict, 'Object')}.get(kind['is'])
        if kind['is'] == 'union':
            return None if value in kind['values'] else "The value '{}' is not part of the allowed value(s): '{}'".format(
                value, ','.join(map(str, kind['values'])))
        if want and type(value) is not want[0] and not isinstance(value, want[0] if want[0] is dict else ()):
            # microsoft/azure-pipelines-tasks#19942
            return f"Expected a value of type '{want[1]}', but received a value of type '{names[type(value)]}'"
        if kind['is'] == 'array' and 'of' in kind:
            return next(filter(None, (self.against(kind['of'], item) for item in value)), None)
        if kind['is'] == 'object' and 'members' in kind:
            members = kind['members']
            if '*' in members:  # a dictionary: any name, one type
                return next(filter(None, (self.against(members['*'], v) for v in value.values())), None)
            unknown = [name for name in value if name not in members]
            if kind.get('sealed') and unknown:  # Azure/bicep#20322
                return ("The object does not allow values with properties not defined in the schema, but the following "
                        "unknown properties were present: [" + ', '.join(f"'{n}'" for n in unknown) + ']')
            missing = [n for n, t in members.items() if n not in value and not self.resolved(t).get('nullable')]
            if missing:  # text: from memory
                return ('The object must contain all required properties, but the following properties were missing: ['
                        + ', '.join(f"'{n}'" for n in missing) + ']')
            return next(filter(None, (self.against(members[n], v) for n, v in value.items() if n in members)), None)
        return None


def parsed_json(text):  # az: core/util.py, shell_safe_json_parse
    try:
        return json.loads(text, strict=False)
    except ValueError as ex:
        try:
            return ast.literal_eval(text)
        except Exception:
            raise Stop(f'Failed to parse string as JSON:\n{text}\nError detail: {ex}', 1, 'The provided JSON string may have '
                       'been parsed by the shell. See https://learn.microsoft.com/cli/azure/'
                       'use-azure-cli-successfully-quoting#json-strings') from ex


def parameters_of(o, bicep):
    """az: resource/custom.py, _process_parameters and _try_parse_key_value_object. -> {name: {"value": ...}}"""
    out = {}
    for item in [item for items in o.get('--parameters', []) for item in items]:
        if len(item) < 4096 and os.path.isfile(item):
            with open(item, encoding='utf-8') as file:
                text = file.read()
            try:
                whole = json.loads(re.sub(r'(^[\t ]*//[^\n]*)', '', text, flags=re.M))
            except ValueError as ex:
                raise Stop(f"Failed to parse {item} with exception:\n    Failed to parse '{item}', please check whether it "
                           "is a valid JSON format") from ex
        else:
            try:
                whole = json.loads(item)
            except ValueError:
                whole = None
        if isinstance(whole, dict):
            out.update(whole.get('parameters', whole))
            continue
        name, equals, value = item.partition('=')
        if not equals:
            raise Stop(f'Unable to parse parameter: {item}')
        if name not in bicep.params:
            raise Stop("unrecognized template parameter '{}'. Allowed parameters: {}".format(
                name, ', '.join(sorted(bicep.params))))
        kind = bicep.arm_type(name).lower()
        if kind in ('object', 'array', 'secureobject'):
            value = parsed_json(value)
        elif kind == 'bool':
            value = value.lower() == 'true'
        elif kind == 'int':
            value = int(value)
        out[name] = {'value': value}
    missing = [n for n, p in bicep.params.items() if 'default' not in p and not bicep.resolved(p['type']).get('nullable')
               and n not in out]
    if missing:
        if not o.get('--no-prompt'):  # az would ask; without a terminal it says this
            raise Stop('Missing input parameters: ' + ', '.join(sorted(missing)))
        warn('Missing input parameters: %s ' % ', '.join(sorted(missing)))
    return out


def invalid(text):
    return Arm(400, 'InvalidTemplate', f"Deployment template validation failed: '{text}'.")


USAGE = 'Please see https://aka.ms/arm-create-parameter-file for usage details.'  # azure-pipelines-tasks#19942


def values_of(bicep, given):
    """What ARM has against the parameters, or their values; defaults only where a test needs them."""
    extra = [n for n in given if n not in bicep.params]
    if extra:
        raise invalid('The following parameters were supplied, but do not correspond to any parameters defined in the '
                      'template: ' + ', '.join(f"'{n}'" for n in extra))
    values = {}
    for name, param in bicep.params.items():
        if name not in given:
            if 'default' not in param and not bicep.resolved(param['type']).get('nullable'):
                raise invalid(f"The value for the template parameter '{name}' at line '1' and column '1' is not provided. " + USAGE)
            continue
        holder = given[name]
        if not isinstance(holder, dict) or 'value' not in holder and 'reference' not in holder:  # text: from memory
            raise Arm(400, 'InvalidRequestContent', 'The request content was invalid and could not be deserialized: '
                      f"'Error converting value to type DeploymentParameterDefinition. Path 'properties.parameters.{name}'.'.")
        value = holder.get('value')
        against = bicep.against(param['type'], value)
        if not against and 'allowed' in param and value not in param['allowed']:  # Azure/azure-powershell#22869
            against = "The value '{}' is not part of the allowed value(s): '{}'".format(value, ','.join(map(str, param['allowed'])))
        size = len(value) if isinstance(value, (str, list, dict)) else None
        for mark, word, wrong in (('minLength', 'greater', lambda limit: size < limit), ('maxLength', 'less', lambda limit: size > limit)):
            if not against and size is not None and mark in param and wrong(param[mark]):  # azure-quickstart-templates#1172
                against = f"Length of the value should be {word} than or equal to '{param[mark]}'"
        for mark, word, wrong in (('minValue', 'greater', lambda limit: value < limit), ('maxValue', 'less', lambda limit: value > limit)):
            if not against and mark in param and wrong(param[mark]):  # text: from memory
                against = f"The value should be {word} than or equal to '{param[mark]}'"
        if against:
            raise invalid(f"The provided value for the template parameter '{name}' is not valid. {against}. " + USAGE)
        values[name] = value
    return values


# ---------------------------------------------------------------------------------------------
# deployment sub

def deployment_key(sub, name):
    return next((k for k, d in W['deployments'].items() if k.split('/')[-1].lower() == name.lower()
                 and d.get('subscription', W['current']) == sub), None)


def deployment_json(key):
    d = W['deployments'][key]
    sub, name = d.get('subscription', W['current']), key.split('/')[-1]
    types = {str: 'String', bool: 'Bool', int: 'Int', list: 'Array', dict: 'Object'}
    outputs = d.get('outputs')
    return {'id': f'/subscriptions/{sub}/providers/Microsoft.Resources/deployments/{name}', 'name': name,
            'type': 'Microsoft.Resources/deployments', 'location': d['location'], 'tags': None, 'properties': {
                'provisioningState': d['provisioningState'], 'timestamp': d.get('timestamp', '2026-01-01T00:00:00.000000+00:00'),
                'correlationId': str(uuid.UUID(int=1)), 'mode': 'Incremental', 'duration': 'PT1M', 'error': d.get('error'),
                'parameters': {n: {'type': types.get(type(v), 'String'), 'value': v} for n, v in (d.get('parameters') or {}).items()},
                'outputs': outputs and {n: {'type': types.get(type(v), 'String'), 'value': v} for n, v in outputs.items()},
                'outputResources': [], 'dependencies': [], 'providers': [], 'templateHash': '1'}}


@command('deployment sub show')
def _(o):
    sub = arm(selected(o)['id'], 'Microsoft.Resources/deployments/read')['id']
    key = deployment_key(sub, o['--name'])
    if key is None:
        raise Arm(404, 'DeploymentNotFound', f"Deployment '{o['--name']}' could not be found.")
    return deployment_json(key)


@command('deployment sub list')
def _(o):
    sub = arm(selected(o)['id'], 'Microsoft.Resources/deployments/read')['id']
    return [deployment_json(k) for k, d in W['deployments'].items() if d.get('subscription', W['current']) == sub]


@command('deployment sub delete')
def _(o):  # the SDK takes 202 and 204
    sub = arm(selected(o)['id'], 'Microsoft.Resources/deployments/delete')['id']
    key = deployment_key(sub, o['--name'])
    if key and W['deployments'][key]['provisioningState'] in ('Running', 'Accepted'):
        raise active(sub, key)
    W['deployments'].pop(key, None)


@command('deployment operation sub list')
def _(o):
    sub = arm(selected(o)['id'], 'Microsoft.Resources/deployments/operations/read')['id']
    key = deployment_key(sub, o['--name'])
    if key is None:
        raise Arm(404, 'DeploymentNotFound', f"Deployment '{o['--name']}' could not be found.")
    error = W['deployments'][key].get('error')
    return [{'operationId': str(n), 'properties': {'provisioningState': 'Failed', 'statusMessage': {'error': e}}}
            for n, e in enumerate((error or {}).get('details', []))]


def active(sub, key):  # jenkins-infra/helpdesk#5220 (July 2026; the older text is in Azure/azure-dev#2977)
    return Arm(409, 'DeploymentActive', f"The deployment with resource id '/subscriptions/{sub}/providers/Microsoft.Resources/"
               f"deployments/{key.split('/')[-1]}' cannot be saved, because this would overwrite an existing deployment which "
               "is still active. If this is an intentional re-deployment, please wait for the original deployment to complete, "
               "or cancel it before re-attempting the operation. The previous deployment was started at '1/1/2026 3:03:22 PM' "
               f"with correlationId '{uuid.UUID(int=1)}', and will expire at '1/8/2026 3:03:22 PM' if it does not complete "
               "before then. Please see https://aka.ms/arm-deploy-resources for usage details.", style='raw')


def deploy(o, mode):
    file = o.get('--template-file')
    s = selected(o)
    if not file:
        raise Stop('Please enter one of the following: template file, template spec, template url, or Bicep parameters file.')
    kind = os.path.splitext(os.path.basename(file))[0]
    name = o.get('--name') or kind
    bicep = Bicep(os.path.expanduser(file))
    given = parameters_of(o, bicep)
    verb = {'what-if': 'whatIf'}.get(mode, 'validate')
    sub = arm(s['id'], f'Microsoft.Resources/deployments/{verb}/action')['id']
    location = o['--location'].lower().replace(' ', '')
    if location not in W['locations']:  # text: from memory
        raise Arm(400, 'LocationNotAvailableForDeployment', f"The provided location '{location}' is not available for "
                  f"deployment. Available regions are '{','.join(W['locations'])}'.")
    key = deployment_key(sub, name)
    if key and W['deployments'][key]['location'] != location:  # mddazure/azure-route-server-lab#1
        raise Arm(409, 'InvalidDeploymentLocation', f"Invalid deployment location '{location}'. The deployment "
                  f"'{name}' already exists in location '{W['deployments'][key]['location']}'.")
    values = values_of(bicep, given)
    plan = {'main': Main, 'events': Events}.get(kind)
    if plan is None:
        raise Unknown(f'this fake knows no template {kind}', 2)
    plan = plan(bicep, values, sub, location, os.path.dirname(os.path.abspath(file)))
    plan.preflight()
    if mode == 'what-if' or o.get('--confirm-with-what-if') or o.get('--what-if'):
        changes = [{'resourceId': i, 'changeType': 'NoChange' if plan.there(i) else 'Create'} for i in plan.ids()]
        if o.get('--no-pretty-print'):
            return {'status': 'Succeeded', 'error': None, 'changes': changes, 'potentialChanges': None, 'diagnostics': None}
        print('Resource and property changes are indicated with these symbols:\n  + Create\n  = Nochange\n')
        print('\n'.join(f"  {'+' if c['changeType'] == 'Create' else '='} {c['resourceId']}" for c in changes))
        if mode == 'what-if' or o.get('--what-if'):
            return None
        ask('\nAre you sure you want to execute the deployment?')
    if mode == 'validate':
        return {**deployment_result(sub, name, location, values), 'error': None}
    if key and W['deployments'][key]['provisioningState'] in ('Running', 'Accepted'):
        raise active(sub, key)
    arm(sub, 'Microsoft.Resources/deployments/write')
    key = key or (name if name not in W['deployments'] else f'{sub}/{name}')
    record = W['deployments'][key] = {'subscription': sub, 'location': location, 'parameters': {
        n: v for n, v in values.items() if not bicep.params[n]['secure']}, 'outputs': None, 'provisioningState': 'Succeeded',
        'template': kind}
    failed = plan.make()
    if failed:  # TaoYang-Cloud/azure.policy.monitor#12 and microsoft/finops-toolkit#1248
        error = Arm(409, 'DeploymentFailed', 'At least one resource deployment operation failed. Please list deployment '
                    'operations for details. Please see https://aka.ms/arm-deployment-operations for usage details.',
                    [e.error() for e in failed], style='raw')
        record.update(provisioningState='Failed', error=error.error())
        if o.get('--no-wait'):
            return None
        raise error
    outputs = plan.outputs()
    record['outputs'] = {n: outputs[n] for n in bicep.outputs if n in outputs}
    return None if o.get('--no-wait') else deployment_json(key)


def deployment_result(sub, name, location, values):
    W['deployments']['\0'] = {'subscription': sub, 'location': location, 'parameters': values, 'provisioningState': 'Succeeded'}
    out = deployment_json('\0')
    del W['deployments']['\0']
    return {**out, 'id': out['id'].replace('\0', name), 'name': name}


for mode in ('create', 'validate', 'what-if'):
    command('deployment sub ' + mode)(lambda o, mode=mode: deploy(o, mode))


def ask(question):
    if not sys.stdin.isatty():
        # NoTTYException is no CLIError, so az thinks it a bug of its own (core/util.py, handle_exception)
        raise Stop('The command failed with an unexpected error. Here is the traceback:\nERROR: ', 1,
                   'To check existing issues, please visit: https://github.com/Azure/azure-cli/issues')
    if input(question + ' (y/n): ').strip().lower() not in ('y', 'yes'):
        raise SystemExit(0)


# ---------------------------------------------------------------------------------------------
# The two templates

def letters(*words):
    """uniqueString(): 13 of them, the same for the same words"""
    return ''.join(chr(97 + b % 26) for b in hashlib.sha256('/'.join(words).encode()).digest()[:13])


def guid(*words):
    return str(uuid.uuid5(uuid.NAMESPACE_URL, '/'.join(words).lower()))


def identity(id_):
    principal = str(uuid.uuid4())
    W['directory'].append({'id': principal, 'appId': str(uuid.uuid4()), 'type': 'ServicePrincipal', 'name': id_.split('/')[-1]})
    return {'type': 'SystemAssigned', 'principalId': principal, 'tenantId': W['tenant']}


class Template:
    def __init__(self, bicep, values, sub, location, folder):
        # The second template is handed what the first one made as one object.
        values = {**(values.get('installation') or {}), **values}
        self.bicep, self.values, self.sub, self.folder = bicep, values, sub, folder
        self.location = values.get('location') or location
        self.name = values.get('name') or 'tether'
        self.group = values.get('resourceGroupName') or values.get('resourceGroup') or f'rg-{self.name}'
        self.estate = values.get('subscriptions') or [sub]
        self.tags = values.get('tags') or {}
        unique = letters(sub, self.group)
        self.app = values.get('functionAppName') or values.get('functionApp') or f'func-{self.name}-{unique}'
        self.bus = values.get('serviceBusName') or values.get('serviceBus') or f'sbns-{self.name}-{unique}'
        self.storage = values.get('storageAccountName') or values.get('storageAccount') or f"st{self.name.replace('-', '').lower()}{unique}"[:24]

    def id(self, kind, *names):
        return rid(self.sub, self.group, kind, *names)

    def there(self, id_):
        parts = id_.split('/')
        return group_of(parts[2], parts[4]) is not None if len(parts) == 5 else find(id_) is not None

    def right(self, sub, action, kind, name, scope):
        """A right that ARM looks for before it starts (InvalidTemplateDeployment, azure-search-openai-demo#599)"""
        if not allowed(arm(sub), action):
            raise Arm(403, 'InvalidTemplateDeployment', f"The template deployment failed with error: 'Authorization failed "
                      f"for template resource '{name}' of type '{kind}'. The client '{W['user']['name']}' with object id "
                      f"'{W['user']['objectId']}' does not have permission to perform action '{action}' at scope '{scope}'.'.")

    def preflight(self):
        self.right(self.sub, 'Microsoft.Resources/subscriptions/resourceGroups/write', 'Microsoft.Resources/resourceGroups',
                   self.group, f'/subscriptions/{self.sub}/resourceGroups/{self.group}')

    @staticmethod
    def each(*steps):
        """ARM goes on with what does not depend on what failed. -> the failures"""
        failed = []
        for step in steps:
            try:
                step()
            except Arm as ex:
                failed.append(ex)
        return failed

    @staticmethod
    def registered(sub, *spaces):
        for space in spaces:
            s = arm(sub)
            if s['providers'].get(space) != 'Registered' and not W.get('autoRegister'):  # Microsoft's page of that code
                raise Arm(409, 'MissingSubscriptionRegistration', f"The subscription is not registered to use namespace "
                          f"'{space}'. See https://aka.ms/rps-not-found for how to register subscriptions.")


class Main(Template):
    ALERTS = ('commands given up', 'messages refused', 'commands wait', 'invocations fail')

    def ids(self):
        made = [('Microsoft.ManagedIdentity/userAssignedIdentities', f'id-{self.name}'), ('Microsoft.ServiceBus/namespaces', self.bus),
                ('Microsoft.Storage/storageAccounts', self.storage), ('Microsoft.OperationalInsights/workspaces', f'log-{self.name}'),
                ('Microsoft.Insights/components', f'appi-{self.name}'), ('Microsoft.Insights/actionGroups', f'ag-{self.name}'),
                ('Microsoft.Web/serverfarms', f'plan-{self.name}'), ('Microsoft.Web/sites', self.app)]
        return [f'/subscriptions/{self.sub}/resourceGroups/{self.group}'] + [self.id(*m) for m in made] + [
            self.id('Microsoft.Insights/metricAlerts', f'{self.name} {a}') for a in self.ALERTS]

    def roles(self):
        if self.values.get('useBuiltInRoles'):
            return ['acdd72a7-3385-48ef-bd42-f606fba81ae7', 'f58310d9-a9f6-439a-9e8d-f62e7b41a168']
        return [guid(self.sub, self.group, 'reader'), guid(self.sub, self.group, 'writer')]

    def preflight(self):
        super().preflight()
        if not self.values.get('useBuiltInRoles'):
            for role in self.roles():
                self.right(self.sub, 'Microsoft.Authorization/roleDefinitions/write', 'Microsoft.Authorization/roleDefinitions',
                           role, f'/subscriptions/{self.sub}/providers/Microsoft.Authorization/roleDefinitions/{role}')

    def make(self):
        try:
            make_group(self.sub, self.group, self.location, self.tags)
            self.resources()
        except Arm as ex:
            return [ex]
        done = set()

        def define(n, actions):
            def step():
                self.define(n, actions)
                done.add(n)
            return step
        failed = [] if self.values.get('useBuiltInRoles') else self.each(
            define(0, ['Microsoft.ContainerService/managedClusters/read', 'Microsoft.ContainerRegistry/registries/read',
                       'Microsoft.Authorization/roleAssignments/read', 'Microsoft.Resources/subscriptions/read']),
            define(1, ['Microsoft.Authorization/roleAssignments/write', 'Microsoft.Authorization/roleAssignments/delete']))
        if self.values.get('useBuiltInRoles'):
            done = {0, 1}
        wanted = [(f'/subscriptions/{id_}', 0) for id_ in self.estate]
        if self.values.get('mayWrite', True):
            groups = self.values.get('registryResourceGroups') or []
            wanted += [(f"/subscriptions/{g['subscription']}/resourceGroups/{g['resourceGroup']}", 1) for g in groups] or [
                (f'/subscriptions/{id_}', 1) for id_ in self.estate]
        # what depends on a role that was not made is not tried
        return failed + self.each(*[lambda w=w: self.assign(*w) for w in wanted if w[1] in done])

    def resources(self):
        sub, tags, where = self.sub, self.tags, self.location
        self.registered(sub, 'Microsoft.Web', 'Microsoft.Storage', 'Microsoft.ServiceBus', 'Microsoft.ManagedIdentity',
                        'Microsoft.Insights', 'Microsoft.OperationalInsights')
        texts = {'storage': ('StorageAccountAlreadyTaken', 'The storage account named {} is already taken.'),
                 'sites': ('Conflict', 'Website with given name {} already exists.'),
                 'servicebus': ('BadRequest', 'The specified name is not available. For more information visit '
                                'https://aka.ms/eventhubsarmexceptions.')}
        for what, kind, name in (('storage', 'Microsoft.Storage/storageAccounts', self.storage), ('sites', 'Microsoft.Web/sites', self.app),
                                 ('servicebus', 'Microsoft.ServiceBus/namespaces', self.bus)):
            if not find(self.id(kind, name)) and name.lower() in names_taken(what, kind):  # texts: from memory
                raise Arm(409, texts[what][0], texts[what][1].format(name))
        kind = 'Microsoft.ManagedIdentity/userAssignedIdentities'
        own = find(self.id(kind, f'id-{self.name}'))
        known = own and W['resources'][own]['properties'] or identity(f'/id-{self.name}')
        put(self.id(kind, f'id-{self.name}'), kind, where, tags, {'principalId': known['principalId'], 'tenantId': W['tenant'],
            'clientId': next((d['appId'] for d in W['directory'] if d['id'] == known['principalId']), None)})
        self.principal = known['principalId']
        put(self.id('Microsoft.ServiceBus/namespaces', self.bus), 'Microsoft.ServiceBus/namespaces', where, tags)
        for queue in ('commands', 'rejected'):
            put(self.id('Microsoft.ServiceBus/namespaces/queues', self.bus, queue), 'Microsoft.ServiceBus/namespaces/queues',
                where, None, {'status': 'Active', 'messageCount': 0, 'countDetails': {'activeMessageCount': 0,
                              'deadLetterMessageCount': 0}})
        for kind, name in (('Microsoft.Storage/storageAccounts', self.storage), ('Microsoft.OperationalInsights/workspaces', f'log-{self.name}'),
                           ('Microsoft.Insights/components', f'appi-{self.name}'), ('Microsoft.Insights/actionGroups', f'ag-{self.name}')):
            put(self.id(kind, name), kind, 'global' if kind.endswith('Groups') else where, tags)
        for alert in self.ALERTS:
            put(self.id('Microsoft.Insights/metricAlerts', f'{self.name} {alert}'), 'Microsoft.Insights/metricAlerts', 'global', tags)
        if not W['locations'].get(where, {}).get('flex'):  # text: from memory
            raise Arm(400, 'BadRequest', f"The requested SKU 'FlexConsumption' is not available in the location '{where}'.")
        plan = self.id('Microsoft.Web/serverfarms', f'plan-{self.name}')
        put(plan, 'Microsoft.Web/serverfarms', where, tags, sku={'name': 'FC1', 'tier': 'FlexConsumption'})
        site = dict(tags)
        if 'policyHash' in self.bicep.params and self.values.get('policyHash'):
            site['tether-policy'] = self.values['policyHash']
        r = put(self.id('Microsoft.Web/sites', self.app), 'Microsoft.Web/sites', where, site, {
            'defaultHostName': f'{self.app}.azurewebsites.net', 'serverFarmId': plan, 'sku': 'FlexConsumption',
            'functionAppConfig': {'runtime': {'name': 'custom', 'version': '1.0'}}})
        r['kind'] = 'functionapp,linux'
        r['properties'].setdefault('state', 'Running')
        app = W['apps'].setdefault(self.app, {'functions': [], 'keys': {}})
        app['settings'] = {'TETHER_SUBSCRIPTIONS': ','.join(self.estate), **{s['name']: s['value'] for s in self.values.get('settings') or []}}

    def define(self, n, actions):
        role, word = self.roles()[n], ('reader', 'writer')[n]
        scopes = [f'/subscriptions/{id_}' for id_ in dict.fromkeys([self.sub] + self.estate)]
        for scope in scopes:
            arm(scope.split('/')[2], 'Microsoft.Authorization/roleDefinitions/write', scope)
        old = next((d for d in W['roleDefinitions'] if d['name'] == role), None)
        for scope in (old or {}).get('assignableScopes', []):
            if scope not in scopes and any((a['scope'] + '/').startswith(scope + '/') and a['roleDefinitionId'].endswith(role)
                                           for a in W['roleAssignments']):  # Azure/bicep#17145
                raise Arm(400, 'RoleScopeBeingRemovedContainsAssignments', f"Role assignments found under scope '{scope}' which "
                          "is being removed. Removing this scope from the role will orphan these assignments. Delete these "
                          "assignments before removing the scope.")
        new = {'name': role, 'roleName': f'{self.name} {word} ({letters(self.sub, self.group)})', 'roleType': 'CustomRole',
               'description': '', 'assignableScopes': scopes,
               'permissions': [{'actions': actions, 'notActions': [], 'dataActions': [], 'notDataActions': []}]}
        W['roleDefinitions'] = [d for d in W['roleDefinitions'] if d['name'] != role] + [new]

    def assign(self, scope, n):
        sub, role = scope.split('/')[2], self.roles()[n]
        arm(sub, 'Microsoft.Resources/deployments/write')
        if scope.count('/') > 2:
            group_or_stop(sub, scope.split('/')[4])
        arm(sub, 'Microsoft.Authorization/roleAssignments/write', scope)
        text = None
        if n and os.path.exists(os.path.join(self.folder, 'condition.txt')):
            with open(os.path.join(self.folder, 'condition.txt'), encoding='utf-8') as file:
                text = file.read()
        assign(scope, self.principal, role, guid(scope, self.principal, role), condition=text, conditionVersion=text and '2.0',
               description='tether attaches registries here; the condition limits it to the two pull roles.' if n else
               'tether looks for clusters and registries here.')

    def outputs(self):
        out = {'resourceGroup': self.group, 'functionApp': self.app, 'functionAppId': self.id('Microsoft.Web/sites', self.app),
               'serviceBus': self.bus, 'storageAccount': self.storage, 'identityPrincipalId': self.principal,
               'actionGroupId': self.id('Microsoft.Insights/actionGroups', f'ag-{self.name}'), 'roles': self.roles()}
        out['installation'] = {'name': self.name, 'subscriptions': self.estate, 'tags': self.tags,
                               **{k: out[k] for k in ('resourceGroup', 'functionApp', 'serviceBus', 'storageAccount', 'actionGroupId')}}
        return out


class Events(Template):
    def topic(self, sub):
        """-> (whether it was there, its group, its name)"""
        there = (self.values.get('existingTopics') or {}).get(sub)
        return (True, there['resourceGroup'], there['topic']) if there else (False, f'{self.group}-events', f'egst-{self.name}')

    def ids(self):
        return [rid(sub, self.topic(sub)[1], TOPIC, self.topic(sub)[2]) for sub in self.estate]

    def preflight(self):
        pass

    def make(self):
        try:
            for kind, name in (('Microsoft.ServiceBus/namespaces', self.bus), ('Microsoft.Storage/storageAccounts', self.storage)):
                resource(self.id(kind, name))
        except Arm as ex:
            return [ex]
        return self.each(*[lambda sub=sub: self.one(sub) for sub in self.estate])

    def one(self, sub):
        was, group, name = self.topic(sub)
        id_ = rid(sub, group, TOPIC, name)
        arm(sub, 'Microsoft.Resources/deployments/write')
        if was:
            resource(id_)
        else:
            arm(sub, 'Microsoft.Resources/subscriptions/resourceGroups/write')
            make_group(sub, group, self.location, self.tags)
            self.registered(sub, 'Microsoft.EventGrid')
            arm(sub, TOPIC + '/write', id_)
            if any(k.lower() != id_.lower() for k in of_type(TOPIC, sub)
                   if W['resources'][k]['properties'].get('source', '').lower() == f'/subscriptions/{sub}'.lower()):
                text = f'There is an existing tracked system topic for the given source /subscriptions/{sub}. Only one system topic is allowed per source.'
                raise Arm(400, 'BadRequest', json.dumps({'error': {'code': 'InvalidRequest', 'message': text}}, indent=2
                                                        ).replace('\n', '\r\n'))  # TaoYang-Cloud/azure.policy.monitor#12
            old = find(id_)
            put(id_, TOPIC, 'global', self.tags, {'source': f'/subscriptions/{sub}', 'topicType': 'Microsoft.Resources.Subscriptions'},
                identity=(old and W['resources'][old].get('identity')) or identity(id_))
        principal = (W['resources'][find(id_)].get('identity') or {}).get('principalId')
        if not principal:  # the template reads topic.identity.principalId; the sentence is ARM's of a property not there
            raise invalid("The language expression property 'identity' doesn't exist, available properties are 'provisioningState, "
                          "source, topicType'. Please see https://aka.ms/arm-template-expressions for usage details")
        arm(self.sub, 'Microsoft.Authorization/roleAssignments/write')
        for scope, role in ((self.id('Microsoft.ServiceBus/namespaces/queues', self.bus, 'commands'), '69a216fc-b8fb-44d8-bc22-1f3c2cd27a39'),
                            (self.id('Microsoft.Storage/storageAccounts/blobServices/containers', self.storage, 'default', 'dead-events'),
                             'ba92f5b4-2d11-453d-a403-e96b0029c9fe')):
            assign(scope, principal, role, guid(scope, principal, role))
        if self.values.get('deliverTo', 'queue') == 'function':
            if 'resource-changed' not in W['apps'].get(self.app, {}).get('functions', []):  # Azure/bicep#11656
                raise Arm(400, 'Endpoint validation', 'Destination endpoint not found.')
            to = {'endpointType': 'AzureFunction', 'resourceId': self.id('Microsoft.Web/sites/functions', self.app, 'resource-changed')}
        else:
            to = {'endpointType': 'ServiceBusQueue', 'resourceId': self.id('Microsoft.ServiceBus/namespaces/queues', self.bus, 'commands')}
        put(id_ + '/eventSubscriptions/' + self.name, TOPIC + '/eventSubscriptions', None, None,
            {'destination': to, 'topic': f'/subscriptions/{sub}'})
        put(rid(sub, group, 'Microsoft.Insights/metricAlerts', f'{self.name} events given up'), 'Microsoft.Insights/metricAlerts',
            'global', self.tags, {'actions': [{'actionGroupId': self.values['actionGroupId']}] if self.values.get('actionGroupId') else []})

    def outputs(self):
        return {}


# ---------------------------------------------------------------------------------------------
# One call

def load(folder):
    with open(os.path.join(folder, 'world.json'), encoding='utf-8') as file:
        world = json.load(file)
    world = {**json.loads(json.dumps(WORLD)), **world}
    for n, s in enumerate(world['subscriptions']):
        s = {**json.loads(json.dumps({**SUBSCRIPTION, 'tenant': world['tenant']})), **s}
        if isinstance(s['providers'], list):
            s['providers'] = {ns: 'Registered' for ns in s['providers']}
        world['subscriptions'][n] = s
    for a in world['roleAssignments']:
        a.setdefault('name', str(uuid.uuid4()))
        a.setdefault('id', f"{a['scope']}/providers/Microsoft.Authorization/roleAssignments/{a['name']}")
        if '/' not in a['roleDefinitionId']:
            a['roleDefinitionId'] = definition_id(a['roleDefinitionId'], a['scope'])
    for r in world['resources'].values():
        r.setdefault('properties', {})
    return world


def save():
    path = os.path.join(FOLDER, 'world.json')
    with open(path + '.new', 'w', encoding='utf-8') as file:
        json.dump(W, file, indent=1)
    os.replace(path + '.new', path)


def merged(base, more):
    return {**base, **{k: merged(base[k], v) if isinstance(v, dict) and isinstance(base.get(k), dict) else v
                       for k, v in more.items()}}


def new(folder, overrides='{}'):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, 'world.json'), 'w', encoding='utf-8') as file:
        json.dump(merged(json.loads(json.dumps(WORLD)), json.loads(overrides)), file, indent=1)


def fault_for(argv):
    """The first rule that matches and has something left. It counts down."""
    text = ' '.join(argv)
    for rule in W['faults']:
        full = {'match': '.', 'times': 1, 'skip': 0, 'code': 1, 'stderr': '', 'stdout': '', 'after': False,
                **LIKE.get(rule.get('like'), {}), **rule}
        if full['times'] == 0 or not re.search(full['match'], text):
            continue
        if full['skip'] > 0:
            rule['skip'] = full['skip'] - 1
            continue
        if full['times'] > 0:
            rule['times'] = full['times'] - 1
        return full
    return None


def say(text, stream):
    if text:
        stream.write(text if text.endswith('\n') else text + '\n')


def run(argv):
    """-> exit code"""
    global W, QUIET
    QUIET = '--only-show-errors' in argv
    with open(os.path.join(FOLDER, 'calls.jsonl'), 'a', encoding='utf-8') as file:
        file.write(json.dumps(argv, ensure_ascii=False) + '\n')
    W = load(FOLDER)
    try:
        name, o = parse(argv)
        fault = fault_for(argv)
        save()
        if fault and not fault['after']:
            say(fault['stdout'], sys.stdout)
            say(fault['stderr'], sys.stderr)
            return fault['code']
        if name in ASKS and not o.get('--yes') and not sys.stdin.isatty():
            warn('Unable to prompt for confirmation as no tty available. Use --yes.')
            raise Stop('Operation cancelled.')
        if name != 'rest' and name.split()[0] not in ALONE + ('version',):
            account(None if o.get('--subscription') or o.get('--ids') else '')
        try:
            result = COMMANDS[name](o)
        finally:
            save()  # what came before a failure stays, as in Azure
        if fault:
            say(fault['stdout'], sys.stdout)
            say(fault['stderr'], sys.stderr)
            return fault['code']
        if name != 'rest':
            result = with_groups(json.loads(json.dumps(result)))
        sys.stdout.write(shown(result, o.get('--output', 'json').lower(), o.get('--query')))
        return 0
    except Arm as ex:
        text, code = printed(ex, name)
        say('ERROR: ' + text, sys.stderr)
        return code
    except Stop as ex:
        if isinstance(ex, Unknown):
            with open(os.path.join(FOLDER, 'unknown'), 'a', encoding='utf-8') as file:
                file.write(' '.join(argv) + ': ' + ex.text + '\n')
        say('ERROR: ' + ex.text, sys.stderr)
        say(ex.hint, sys.stderr)
        return ex.code
    except Exception:  # a fault of this file: it must not look like one of the script
        import traceback
        with open(os.path.join(FOLDER, 'unknown'), 'a', encoding='utf-8') as file:
            file.write(' '.join(argv) + ': az.py itself failed\n' + traceback.format_exc())
        traceback.print_exc()
        return 70


def main(argv):
    global FOLDER
    if argv[:1] == ['--new']:
        new(*argv[1:3])
        return 0
    if argv[:1] == ['--self-test']:
        return self_test()
    FOLDER = os.environ.get('FAKE_AZ')
    if not FOLDER or not os.path.isfile(os.path.join(FOLDER, 'world.json')):
        print('az.py: FAKE_AZ names no folder with a world.json', file=sys.stderr)
        return 2
    return run(argv)


# ---------------------------------------------------------------------------------------------
# Does it do what it says? With the venv's Python also: does it do what az does?

class Try:
    def __init__(self, **overrides):
        import tempfile
        global FOLDER
        self.folder = FOLDER = tempfile.mkdtemp(prefix='fake-az-')
        new(self.folder, json.dumps(overrides))
        self.passed = self.failed = 0

    def az(self, *argv):
        import contextlib
        import io
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = run(list(argv))
            except SystemExit as ex:
                code = ex.code
        return code, out.getvalue(), err.getvalue()

    def world(self, **more):
        with open(os.path.join(self.folder, 'world.json'), encoding='utf-8') as file:
            world = {**json.load(file), **more}
        with open(os.path.join(self.folder, 'world.json'), 'w', encoding='utf-8') as file:
            json.dump(world, file)
        return world

    def is_(self, what, got, expected):
        right = expected(got) if callable(expected) else got == expected
        self.passed += bool(right)
        self.failed += not right
        if not right:
            print(f'WRONG: {what}: got {got!r}' + ('' if callable(expected) else f', expected {expected!r}'))

    def says(self, what, argv, code, *texts):
        got = self.az(*argv)
        self.is_(what, got, lambda g: g[0] == code and all(t in g[1] + g[2] for t in texts))
        return got


SAMPLES = [  # (result of a command, query or None)
    (None, None), ([], None), ([[]], None), ({'a': None, 'b': True, 'c': [1, 2], 'd': {'e': 1}}, None),
    ([{'b': 1, 'a': 'x'}, {'b': None, 'a': False}], None), (['x', None, True, 3, 1.5], None), ('text', None), (True, None),
    ([{'n': 'x', 's': None}, {'n': 'y', 's': [1]}], '[].[n, s]'), ([{'n': 'x', 's': {}}], '[].{z: s, a: n}'),
    ([{'n': 'x'}], "[?n=='y']"), ([{'n': 'x'}], "[?n=='y'] | [0]"), ({'a': [[1, 2], ['x', None]]}, 'a'),
    ({'a': True, 'b': None}, '[a, b]'), ({'a': 'x'}, 'a'), ({'a': ''}, 'a'), ({'a': 0}, 'b'), ({'a': [1, 2]}, 'length(a)'),
    ([{'id': '/x', 'name': 'Ä "q"', 'tags': {'a': 'b'}}], None), ([{'a': 1}, {'b': 2}], '[].{a: a, b: b}')]


def self_test():
    here = os.path.dirname(os.path.abspath(__file__))
    other = '22222222-2222-2222-2222-222222222222'
    t = Try(subscriptions=[SUBSCRIPTION, {'id': other, 'name': 'Sandbox', 'providers': ['Microsoft.Web']}])
    main_bicep = os.path.join(here, '..', '..', 'infra', 'main.bicep')
    events = os.path.join(here, '..', '..', 'infra', 'events.bicep')

    t.says('account', ['account', 'show', '--query', '[name, id]', '-o', 'tsv'], 0, f'Production\n{SUB}\n')
    t.says('another account', ['account', 'show', '-s', 'sandbox', '--query=id', '-otsv'], 0, other + '\n')
    t.says('not found', ['account', 'show', '-n', 'x'], 1, "ERROR: Subscription 'x' not found. Check the spelling and casing and try again.\n")
    t.says('set', ['account', 'set', '-s', 'x'], 1, "The subscription of 'x' doesn't exist in cloud 'AzureCloud'.")
    t.says('unknown command', ['functionapp', 'shwo'], 2, "ERROR: 'shwo' is misspelled or not recognized by the system.")
    t.says('unknown flag', ['account', 'show', '--no'], 2, 'ERROR: unrecognized arguments: --no')
    t.is_('both are written down', os.path.exists(os.path.join(t.folder, 'unknown')), True)
    t.says('bad query', ['account', 'show', '--query', '[?a'], 2, "argument --query: invalid jmespath_type value: '[?a'")
    t.says('query of a wrong type', ['account', 'show', '--query', 'length(isDefault)'], 1, 'Invalid jmespath query supplied for `--query`')
    t.says('null', ['account', 'show', '--query', 'nothing', '-o', 'tsv'], 0)
    t.is_('null prints nothing', t.az('account', 'show', '--query', 'nothing')[1], '')
    t.says('no ids', ['functionapp', 'show', '-g', 'g'], 1, 'ERROR: (--name | --ids) are required')
    t.says('asks', ['group', 'delete', '-n', 'g'], 1, 'Use --yes.', 'ERROR: Operation cancelled.')
    t.says('no group', ['group', 'show', '-n', 'g'], 3, "ERROR: (ResourceGroupNotFound) Resource group 'g' could not be found.\nCode: ResourceGroupNotFound\n")
    t.is_('exists', t.az('group', 'exists', '-n', 'g')[1], 'false\n')

    def deploy_(*more, file=main_bicep, name='tether', location='westeurope', verb='create'):
        return ['deployment', 'sub', verb, '-n', name, '-l', location, '-f', file, *more]
    t.says('unknown key', deploy_('-p', 'nmae=x'), 1, "ERROR: unrecognized template parameter 'nmae'. Allowed parameters: ")
    t.says('unknown in json', deploy_('-p', '{"nmae": {"value": "x"}}'), 1, '{"code": "InvalidTemplate", "message": "Deployment template validation failed: \'The following parameters were supplied, but do not correspond to any parameters defined in the template: \'nmae\'\'."}')
    t.says('wrong type', deploy_('-p', '{"name": {"value": ["x"]}}'), 1, "Expected a value of type 'String, Uri', but received a value of type 'Array'")
    t.says('too short', deploy_('-p', 'name=x'), 1, 'Length of the value should be greater than or equal to')
    t.says('no json', deploy_('-p', 'tags=x'), 1, 'Failed to parse string as JSON:\nx\n')
    nothing = json.dumps({'installation': {'value': {
        'name': 'x', 'resourceGroup': 'rg-x', 'subscriptions': [SUB], 'functionApp': 'f', 'serviceBus': 'b',
        'storageAccount': 's', 'actionGroupId': '', 'tags': {}}}})
    t.says('not allowed', deploy_('-p', nothing, '-p', 'deliverTo=x', file=events), 1, "is not part of the allowed value(s): 'queue,function'")
    t.says('validate', deploy_('-p', 'name=tether', verb='validate'), 0, '"provisioningState": "Succeeded"')
    t.is_('makes nothing', t.world()['resources'], {})
    t.says('what-if', deploy_(verb='what-if'), 0, '  + /subscriptions/')
    both = json.dumps({'subscriptions': {'value': [SUB, other]}})
    t.says('a right is missing', ['account', 'show'], 0)
    world = t.world()
    world['subscriptions'][1]['permissions'] = [{'actions': ['*'], 'notActions': ['Microsoft.Authorization/*/write']}]
    t.world(subscriptions=world['subscriptions'])
    t.says('fails half-way', deploy_('-p', both), 1, 'ERROR: {"status":"Failed","error":{"code":"DeploymentFailed"', '"code":"AuthorizationFailed"')
    t.says('is recorded', ['deployment', 'sub', 'show', '-n', 'tether', '--query', '[properties.provisioningState, properties.error.code]', '-o', 'tsv'], 0, 'Failed\nDeploymentFailed\n')
    t.is_('what came before stays', len(t.world()['roleAssignments']), 0)
    world['subscriptions'][1]['permissions'] = EVERYTHING
    t.world(subscriptions=world['subscriptions'])
    app = t.says('deploys', deploy_('-p', both, '--query', 'properties.outputs.functionApp.value', '-o', 'tsv'), 0)[1].strip()
    t.is_('name', app, lambda a: re.fullmatch('func-tether-[a-z]{13}', a))
    t.is_('assignments', len(t.world()['roleAssignments']), 4)
    t.says('again', deploy_('-p', both, '-o', 'none'), 0)
    t.is_('the same assignments', len(t.world()['roleAssignments']), 4)
    t.says('elsewhere', deploy_(location='northeurope'), 1, 'ERROR: {"code": "InvalidDeploymentLocation", "message": "Invalid deployment location \'northeurope\'. The deployment \'tether\' already exists in location \'westeurope\'."}')
    t.says('fewer subscriptions', deploy_(), 1, 'RoleScopeBeingRemovedContainsAssignments', f"'/subscriptions/{other}' which is being removed")
    role = t.world()['roleDefinitions'][0]['name']
    t.says('role in use', ['role', 'definition', 'delete', '-n', role], 1, '(RoleDefinitionHasAssignments)')
    principal = t.world()['roleAssignments'][0]['principalId']
    t.is_('assignments of it', t.az('role', 'assignment', 'list', '--all', '--assignee', principal, '--query', 'length(@)')[1], '2\n')
    t.is_('with names', json.loads(t.az('role', 'assignment', 'list', '--all')[1])[0]['roleDefinitionName'], lambda n: n.startswith('tether reader ('))
    t.says('nobody', ['role', 'assignment', 'list', '--assignee', str(uuid.uuid4())], 1, 'Cannot find user or service principal in graph database for')
    t.world(graph=False)
    t.says('no Graph', ['role', 'assignment', 'list', '--all', '--assignee', principal], 0, 'WARNING: Failed to query', 'as an object ID.', '"roleDefinitionName": "tether reader')
    t.is_('no names of people', 'principalName' in t.az('role', 'assignment', 'list', '--all')[1], False)
    t.says('no Graph, no id', ['role', 'assignment', 'list', '--assignee', 'x@y.z'], 1, 'ERROR: Insufficient privileges to complete the operation.')
    t.world(graph=True)
    t.says('none to delete', ['role', 'assignment', 'delete', '--role', 'Owner'], 1, 'ERROR: No matched assignments were found to delete')

    group = ['-g', 'rg-tether', '-n', app]
    t.az(*deploy_('-p', both, '-o', 'none'))  # one that fails leaves no outputs
    made = '{installation: {value: properties.outputs.installation.value}}'
    made = t.az('deployment', 'sub', 'show', '-n', 'tether', '--query', made)[1]
    t.says('function not there', deploy_('-p', made, '-p', 'deliverTo=function', file=events, name='tether-events'), 1, '{"code":"Endpoint validation","message":"Destination endpoint not found."}')
    package = os.path.join(t.folder, 'p.zip')
    with zipfile.ZipFile(package, 'w') as file:
        file.writestr('host.json', '{}')
        file.writestr('policy.yaml', 'a: b')
        file.writestr('resource-changed/function.json', '{}')
    t.says('no app', ['functionapp', 'deployment', 'source', 'config-zip', '-g', 'rg-tether', '-n', 'no', '--src', package], 3, "(ResourceNotFound) The Resource 'Microsoft.Web/sites/no' under resource group 'rg-tether' was not found.")
    t.says('no app to show', ['functionapp', 'show', '-g', 'rg-tether', '-n', 'no'], 3, 'ERROR: Not Found({"error":{"code":"ResourceNotFound"')
    zip_ = ['functionapp', 'deployment', 'source', 'config-zip', *group, '--src', package]
    t.world(faults=[{'like': 'zip-role'}, {'like': 'zip-unhealthy'}, {'match': '^account show', 'stderr': 'ERROR: x', 'code': 7, 'skip': 1}])
    t.says('refused', zip_, 1, 'Status Code: 400')
    t.is_('nothing runs', t.world()['apps'][app].get('package'), None)
    t.says('unhealthy', zip_, 1, 'ERROR: Deployment was successful but the app appears to be unhealthy. Please check the app logs.')
    t.is_('but runs', t.world()['apps'][app]['package']['policySha256'], hashlib.sha256(b'a: b').hexdigest())
    t.says('no fault left', zip_, 0, '"Deployment was successful."')
    t.says('skipped', ['account', 'show'], 0)
    t.says('then not', ['account', 'show'], 7, 'ERROR: x')
    t.is_('functions', t.az('functionapp', 'function', 'list', *group, '--query', '[].name', '-o', 'tsv')[1], f'{app}/resource-changed\n')
    t.says('not registered', deploy_('-p', made, file=events, name='tether-events'), 1, '"code":"MissingSubscriptionRegistration"', "'Microsoft.EventGrid'")
    t.says('register', ['provider', 'register', '-n', 'Microsoft.EventGrid', '--subscription', other, '--wait'], 0)
    t.says('events', deploy_('-p', made, '-p', 'deliverTo=function', file=events, name='tether-events'), 0)
    t.is_('topics', t.az('eventgrid', 'system-topic', 'list', '--subscription', other, '--query', '[].[name,source]', '-o', 'tsv')[1], f'egst-tether\t/subscriptions/{other}\n')
    t.is_('event subscription', t.az('eventgrid', 'system-topic', 'event-subscription', 'show', '-g', 'rg-tether-events', '--system-topic-name', 'egst-tether', '-n', 'tether', '--query', 'destination.endpointType')[1], '"AzureFunction"\n')
    another = json.loads(made)
    another['installation']['value']['name'] = 'other'
    t.says('a second topic', deploy_('-p', json.dumps(another), file=events, name='o'), 1, 'Only one system topic is allowed per source.')

    url = f'/subscriptions/{SUB}'
    t.says('rest', ['rest', '-m', 'get', '-u', f'https://management.azure.com{url}?api-version=2022-12-01', '--query', 'state', '-o', 'tsv'], 0, 'Enabled\n')
    t.says('rest, not in the list', ['rest', '--url', f'/subscriptions/{uuid.UUID(int=5)}?api-version=1'], 1, f"ERROR: Subscription '{uuid.UUID(int=5)}' not found.")
    world = t.world()
    world['subscriptions'][1].update(visible=False)
    t.world(subscriptions=world['subscriptions'])
    t.says('rest, gone', ['rest', '--url', f'/subscriptions/{other}?api-version=1'], 1, f'ERROR: Not Found({{"error":{{"code":"SubscriptionNotFound","message":"The subscription \'{other}\' could not be found."}}}})')
    world['subscriptions'][1].update(visible=True, tenant=str(uuid.UUID(int=9)), cachedTenant=TENANT)
    t.world(subscriptions=world['subscriptions'])
    t.says('rest, another tenant', ['rest', '--url', f'/subscriptions/{other}?api-version=1'], 1, 'ERROR: Unauthorized({"error":{"code":"InvalidAuthenticationTokenTenant"', 'az logout\naz login\n')
    t.says('permissions', ['rest', '--url', f'{url}/providers/Microsoft.Authorization/permissions?api-version=2022-04-01', '--query', 'value[].actions[]', '-o', 'tsv'], 0, '*\n')
    t.says('name', ['rest', '-m', 'post', '--url', f'{url}/providers/Microsoft.Web/checknameavailability?api-version=1', '--body', json.dumps({'name': app})], 0, '"nameAvailable": false')
    t.says('assignments by rest', ['rest', '--url', f"{url}/providers/Microsoft.Authorization/roleAssignments?api-version=1&$filter=principalId eq '{principal}'", '--query', 'length(value)'], 0, '2\n')
    t.says('unknown address', ['rest', '--url', '/what?api-version=1'], 2)
    t.says('tags', ['tag', 'update', '--resource-id', rid(SUB, 'rg-tether', 'Microsoft.Web/sites', app), '--operation', 'Merge', '--tags', 'a=b'], 0, '"a": "b"')
    t.says('delete all', ['group', 'delete', '-n', 'rg-tether', '--yes'], 0)
    t.is_('orphans stay', len([a for a in t.world()['roleAssignments'] if a['principalId'] == principal]), 4)
    t.world(signedIn=False)
    t.says('signed out', ['account', 'show'], 1, "ERROR: Please run 'az login' to setup account.\n")
    with open(os.path.join(t.folder, 'calls.jsonl'), encoding='utf-8') as file:
        t.is_('calls', json.loads(file.readline()), ['account', 'show', '--query', '[name, id]', '-o', 'tsv'])

    sealed = os.path.join(t.folder, 'main.bicep')
    with open(sealed, 'w', encoding='utf-8') as file:
        file.write("@sealed()\ntype place = {\n  // a 'comment'\n  subscription: string\n  resourceGroup: string?\n}\nparam name string = 'te${'x'}'\n"
                   "@minLength(1)\nparam subscriptions string[]\nparam registryResourceGroups place[] = []\nparam policyHash string = ''\n"
                   "param kind 'a' | 'b' = 'a'\nvar x = [for a in b: { c: '}' }]\noutput installation object = {\n  name: name\n}\n")
    t.world(signedIn=True)
    one_ = f'subscriptions=["{SUB}"]'
    t.says('required', deploy_(file=sealed, name='s'), 1, 'ERROR: Missing input parameters: subscriptions')
    t.says('required, not asked', deploy_('--no-prompt', file=sealed, name='s'), 1, "The value for the template parameter 'subscriptions'", 'is not provided')
    t.says('member', deploy_('-p', one_, 'registryResourceGroups=[{"subscription":"x","resourcegroup":"y"}]', file=sealed, name='s'), 1, "the following unknown properties were present: ['resourcegroup']")
    t.says('member missing', deploy_('-p', one_, 'registryResourceGroups=[{}]', file=sealed, name='s'), 1, "missing: ['subscription']")
    t.says('element', deploy_('-p', 'subscriptions=[1]', file=sealed, name='s'), 1, "received a value of type 'Integer'")
    t.says('one of', deploy_('-p', one_, 'kind=c', file=sealed, name='s'), 1, "The value 'c' is not part of the allowed value(s): 'a,b'")
    t.says('outputs of the template', deploy_('-p', one_, 'policyHash=abc', 'name=sx', '--query', 'properties.outputs', file=sealed, name='s'), 0, '"installation"', '"actionGroupId"')
    t.is_('tag', [r['tags'].get('tether-policy') for r in t.world()['resources'].values() if r['type'] == 'Microsoft.Web/sites'], ['abc'])
    world = t.world()
    world['deployments']['s']['provisioningState'] = 'Running'
    t.world(deployments=world['deployments'])
    t.says('active', deploy_('-p', one_, file=sealed, name='s'), 1, 'ERROR: {"error":{"code":"DeploymentActive"')

    try:
        compare(t, here)
    except ImportError as ex:
        print(f'not compared with the real az ({ex}): run this with the Python of target/ci-venv')
    print(f'{t.passed} passed, {t.failed} failed')
    return 1 if t.failed else 0


def compare(t, here):
    """With the real knack and azure-cli"""
    from knack.output import format_json, format_table, format_tsv
    from knack.util import CommandResultItem
    for sample, query in SAMPLES:
        compiled = query and jmespath.compile(query)
        result = compiled.search(sample, jmespath.Options(collections.OrderedDict)) if compiled else sample
        for name, real in (('tsv', format_tsv), ('json', format_json), ('table', format_table)):
            if result is None or name == 'table' and not result:
                expected = '' if result is None else None
            else:
                expected = real(CommandResultItem(result, is_query_active=bool(query)))
            if expected is not None:
                if name == 'table':  # the blanks at the ends of lines are nobody's business
                    expected = ''.join(line.rstrip() + '\n' for line in expected.splitlines())
                t.is_(f'{name} of {sample!r} {query}', shown(sample, name, compiled), expected)

    sys.path.insert(0, here)
    import check_calls
    az = check_calls.Az()
    for line in FLAGS.split('\n'):
        name = re.split(r' \|', line)[0]
        _, _, own = az.parser(name.split())
        ours = flags_of(name)
        skip = {'--acquire-policy-token', '--change-reference', '-h'}
        real = {s: a for a in own._actions for s in a.option_strings
                if '__' not in s and s != '--cmd' and s not in skip}
        t.is_(f'flags of {name}', set(ours), lambda got: got - {'-h'} == set(real))
        for flag, action in real.items():
            if flag in ours:
                mark, choices = ours[flag]['mark'], ours[flag]['choices']
                t.is_(f'{name} {flag}', (('!' in mark), '0' in mark, next((c for c in '?*+' if c in mark), None)),
                      (bool(action.required), action.nargs == 0, action.nargs if action.nargs in ('?', '*', '+') else None))
                if action.choices and choices != '3':
                    t.is_(f'choices of {name} {flag}', choices, ','.join(map(str, action.choices)))
    # the first line that both say against the same wrong words
    for argv in (['account', 'show', '--no', 'x'], ['account', 'show', 'x'], ['account', 'show', '-o', 'xml'], ['group', 'delete', '--name'],
                 ['functionapp', 'deployment', 'source', 'config-zip', '-g', 'g', '-n', 'n'], ['account', 'show', '--query', '[?a'],
                 ['tag', 'update', '--resource-id', '/x', '--operation', 'join', '--tags', 'a=b'], ['deployment', 'sub', 'create', '-n', 'x'],
                 ['role', 'definition', 'delete'], ['rest', '--method', 'fetch', '--url', '/x'], ['functionapp', 'show', '-g', 'g']):
        real = az.complaint(argv).split('\n')[0]
        t.is_(f'against {argv}', t.az(*argv)[2].split('\n')[0].removeprefix('ERROR: '), real.removeprefix('ERROR: '))

    from azure.core.exceptions import HttpResponseError
    from azure.mgmt.core.exceptions import ARMErrorFormat
    from azure.cli.command_modules.resource._utils import _build_http_response_error_message
    for e in (Arm(404, 'A', 'b'), Arm(409, 'A', 'b', [{'code': 'C', 'message': 'd'}]),
              Arm(409, 'A', 'b', [{'code': 'C', 'message': 'd', 'details': [{'code': 'E', 'message': 'f'}]}])):
        body = json.dumps({'error': e.error()})

        class Response:
            status_code, reason, headers = e.status, REASON[e.status], {}

            def text(self, body=body):
                return body

            def json(self, body=body):
                return json.loads(body)
        ex = HttpResponseError(response=Response(), error_format=ARMErrorFormat)
        t.is_('error of the SDK', printed(e, 'group show')[0], ex.message)
        t.is_('error of a deployment', printed(e, 'deployment sub create')[0], _build_http_response_error_message(ex))


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
