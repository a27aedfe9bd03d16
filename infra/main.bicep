// tether: the function app with all that it needs, and what its identity may do.
//
//   az deployment sub create --name tether --location westeurope \
//     --template-file infra/main.bicep --parameters @infra/parameters.json
//
// Events come afterwards, from events.bicep: an event subscription that delivers to a function can
// only be made once the code of the function is there.

targetScope = 'subscription'

// The types are sealed, so that a misspelled member is refused before anything is made.
@sealed()
type registryGroup = {
  subscription: string
  resourceGroup: string
}

@sealed()
type setting = {
  name: string
  value: string
}

@description('The first word of every name. Two installations need two.')
@minLength(3)
@maxLength(12)
param name string = 'tether'

@description('Where everything is put.')
param location string = deployment().location

@description('The resource group that everything is put in; made if it is not there.')
param resourceGroupName string = 'rg-${name}'

@description('Tags for everything that is made here.')
param tags { *: string } = {}

@description('The estate: the ids of the subscriptions whose clusters and registries are looked after.')
@minLength(1)
param subscriptions string[] = [
  subscription().subscriptionId
]

@description('Whether the identity may write role assignments at all. Leave it false for the first days with a policy in mode `observe`. From true to false takes nothing away: infra/README.md, "Taking rights away".')
param mayWrite bool = true

@description('Where it may write them: resource groups of registries, each `{ "subscription": "<id>", "resourceGroup": "<name>" }`. Empty means everywhere in the estate. A wider right from before stays until it is deleted: infra/README.md, "Taking rights away".')
param registryResourceGroups registryGroup[] = []

@description('For tenants where custom roles cannot be made: assign the built-in roles Reader and Role Based Access Control Administrator instead, the latter with the same condition. They can do more; infra/README.md says what.')
param useBuiltInRoles bool = false

@description('The most instances. Every instance spends from the same quotas of Azure, which are counted for the identity, so few are better than many; 40 is the lowest number that every region is known to take.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('The memory of an instance. tether itself needs a few MiB; the rest is the Functions host.')
@allowed([
  512
  2048
  4096
])
param instanceMemoryMB int = 2048

@description('Instances of the worker that are kept running. 0 costs nothing and means a cold start of seconds after a quiet time.')
@minValue(0)
@maxValue(10)
param alwaysReady int = 0

@description('Give the identity Azure Service Bus Data Owner on the queue `commands`, and on nothing else. The scaler then reads the number of active messages, so that a command starts the app within seconds while follow-ups wait in the same queue. With false it has Data Receiver and Data Sender, and a command may wait until the first follow-up is due.')
param ownsCommandsQueue bool = true

@description('Whether the function `status` shows who may pull from where, to whoever has its key. infra/README.md, "See who may pull", says what it shows.')
param statusPage bool = false

@description('Who is told of dead letters, refused messages and failed invocations. Empty: the alerts only show in the portal.')
param alertEmail string = ''

@description('How long logs are kept, in days.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 30

@description('How many messages may wait in `commands` for half an hour on end before an alert says so: an app that does not run raises no other.')
@minValue(0)
param waitingCommandsThreshold int = 0

@description('More app settings, each `{ "name": "TETHER_LOG", "value": "debug" }`; infra/README.md has the list.')
param settings setting[] = []

@description('Where an OpenTelemetry collector takes traces and metrics by OTLP over HTTP, such as `https://collector.example:4318`; without one nothing is sent.')
param otlpEndpoint string = ''

@description('Headers that the collector asks for, such as `api-key=...`. Whoever manages the app can read them.')
@secure()
param otlpHeaders string = ''

@description('Send the activity log of each subscription of the estate to the workspace, and raise an alert when the identity assigns roles anywhere but at a container registry. Who did what in these subscriptions can then be read in the workspace, and its ingestion is charged.')
param watchRoleAssignments bool = false

@description('SHA-256 of the policy in the package, which infra/deploy.sh states so that it notices when another policy runs.')
param policyHash string = ''

@description('Name of the function app, unique in Azure.')
param functionAppName string = 'func-${name}-${uniqueString(subscription().id, resourceGroupName)}'

@description('Name of the Service Bus namespace, unique in Azure.')
param serviceBusName string = 'sbns-${name}-${uniqueString(subscription().id, resourceGroupName)}'

@description('Name of the storage account, unique in Azure: 3 to 24 small letters and digits.')
param storageAccountName string = take('st${toLower(replace(name, '-', ''))}${uniqueString(subscription().id, resourceGroupName)}', 24)

// Reader, and Role Based Access Control Administrator
var builtInReader = 'acdd72a7-3385-48ef-bd42-f606fba81ae7'
var builtInWriter = 'f58310d9-a9f6-439a-9e8d-f62e7b41a168'

var readerRole = useBuiltInRoles ? builtInReader : guid(subscription().id, resourceGroupName, 'reader')
var writerRole = useBuiltInRoles ? builtInWriter : guid(subscription().id, resourceGroupName, 'writer')

// Only the two pull roles, and only to service principals, which managed identities are.
var condition = loadTextContent('condition.txt')

// A role must be assignable where it is defined, too.
var assignable = union([
  subscription().subscriptionId
], subscriptions)

var outsideQuery = loadTextContent('queries/role-assignments-outside.kql')

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: resourceGroupName
  location: location
  tags: tags
}

module identity 'modules/identity.bicep' = {
  name: '${name}-identity'
  scope: group
  params: {
    name: 'id-${name}'
    location: location
    tags: tags
  }
}

module bus 'modules/bus.bicep' = {
  name: '${name}-bus'
  scope: group
  params: {
    name: serviceBusName
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    ownsCommandsQueue: ownsCommandsQueue
  }
}

module storage 'modules/storage.bicep' = {
  name: '${name}-storage'
  scope: group
  params: {
    name: storageAccountName
    location: location
    tags: tags
    principalId: identity.outputs.principalId
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: '${name}-monitoring'
  scope: group
  params: {
    name: name
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    serviceBusId: bus.outputs.id
    alertEmail: alertEmail
    logRetentionDays: logRetentionDays
    waitingCommandsThreshold: waitingCommandsThreshold
  }
}

module app 'modules/function-app.bicep' = {
  name: '${name}-app'
  scope: group
  params: {
    name: functionAppName
    planName: 'plan-${name}'
    location: location
    tags: tags
    identityName: identity.outputs.name
    storageAccountName: storage.outputs.name
    packageContainer: storage.outputs.packageContainer
    serviceBusName: bus.outputs.name
    insightsName: monitoring.outputs.insightsName
    subscriptions: subscriptions
    maximumInstanceCount: maximumInstanceCount
    instanceMemoryMB: instanceMemoryMB
    alwaysReady: alwaysReady
    statusPage: statusPage
    settings: settings
    otlpEndpoint: otlpEndpoint
    otlpHeaders: otlpHeaders
    policyHash: policyHash
  }
}

resource readerDefinition 'Microsoft.Authorization/roleDefinitions@2022-04-01' = if (!useBuiltInRoles) {
  name: readerRole
  properties: {
    roleName: '${name} reader (${uniqueString(subscription().id, resourceGroupName)})'
    description: 'Reads clusters, container registries and role assignments, and nothing else.'
    type: 'CustomRole'
    permissions: [
      {
        actions: [
          'Microsoft.ContainerService/managedClusters/read'
          'Microsoft.ContainerRegistry/registries/read'
          'Microsoft.Authorization/roleAssignments/read'
          'Microsoft.Resources/subscriptions/read'
          'Microsoft.ResourceGraph/resources/read'
        ]
        notActions: []
        dataActions: []
        notDataActions: []
      }
    ]
    assignableScopes: [for id in assignable: '/subscriptions/${id}']
  }
}

resource writerDefinition 'Microsoft.Authorization/roleDefinitions@2022-04-01' = if (!useBuiltInRoles) {
  name: writerRole
  properties: {
    roleName: '${name} writer (${uniqueString(subscription().id, resourceGroupName)})'
    description: 'Writes and deletes role assignments. Assign it with the condition that limits it to the two pull roles.'
    type: 'CustomRole'
    permissions: [
      {
        actions: [
          'Microsoft.Authorization/roleAssignments/write'
          'Microsoft.Authorization/roleAssignments/delete'
        ]
        notActions: []
        dataActions: []
        notDataActions: []
      }
    ]
    assignableScopes: [for id in assignable: '/subscriptions/${id}']
  }
}

module readers 'modules/assign-at-subscription.bicep' = [for id in subscriptions: {
  name: '${name}-reader-${id}'
  scope: subscription(id)
  params: {
    roleId: readerRole
    principalId: identity.outputs.principalId
    text: 'tether looks for clusters and registries here.'
    condition: ''
  }
  dependsOn: [
    readerDefinition
  ]
}]

module writers 'modules/assign-at-subscription.bicep' = [for id in (mayWrite && empty(registryResourceGroups) ? subscriptions : []): {
  name: '${name}-writer-${id}'
  scope: subscription(id)
  params: {
    roleId: writerRole
    principalId: identity.outputs.principalId
    text: 'tether attaches registries here; the condition limits it to the two pull roles.'
    condition: condition
  }
  dependsOn: [
    writerDefinition
  ]
}]

module writersOfGroups 'modules/assign-at-group.bicep' = [for (at, index) in (mayWrite ? registryResourceGroups : []): {
  name: '${name}-writer-group-${index}'
  scope: resourceGroup(at.subscription, at.resourceGroup)
  params: {
    roleId: writerRole
    principalId: identity.outputs.principalId
    text: 'tether attaches registries here; the condition limits it to the two pull roles.'
    condition: condition
  }
  dependsOn: [
    writerDefinition
  ]
}]

module activityLogs 'modules/activity-log.bicep' = [for id in (watchRoleAssignments ? subscriptions : []): {
  name: '${name}-activity-log-${id}'
  scope: subscription(id)
  params: {
    name: name
    workspaceId: monitoring.outputs.workspaceId
  }
}]

module assignedOutside 'modules/log-alert.bicep' = if (watchRoleAssignments) {
  name: '${name}-alert-outside'
  scope: group
  params: {
    name: '${name} roles assigned elsewhere'
    location: location
    tags: tags
    text: 'The identity of tether wrote or deleted a role assignment that is not at a container registry, or tried to. tether never does: another party may be using its identity. SECURITY.md says how to take its right away.'
    workspaceId: monitoring.outputs.workspaceId
    query: replace(replace(outsideQuery, 'PRINCIPAL_ID', identity.outputs.principalId), 'CLIENT_ID', identity.outputs.clientId)
    actionGroupId: monitoring.outputs.actionGroupId
  }
}

// What events.bicep asks for as its parameter of this name.
output installation object = {
  name: name
  resourceGroup: group.name
  subscriptions: subscriptions
  functionApp: app.outputs.name
  serviceBus: bus.outputs.name
  storageAccount: storage.outputs.name
  actionGroupId: monitoring.outputs.actionGroupId
  tags: tags
}

output resourceGroup string = group.name
output functionApp string = app.outputs.name
output functionAppId string = app.outputs.id
output serviceBus string = bus.outputs.name
output storageAccount string = storage.outputs.name
output identityPrincipalId string = identity.outputs.principalId
output actionGroupId string = monitoring.outputs.actionGroupId
output roles string[] = [
  readerRole
  writerRole
]
