// The queues `commands` and `rejected`, and who may use them. No keys: local authentication is off.

param name string
param location string
param tags { *: string }
param principalId string
param ownsCommandsQueue bool

var dataOwner = '090c5cfd-751d-490a-894a-3ce6f1109419'
var dataReceiver = '4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0'
var dataSender = '69a216fc-b8fb-44d8-bc22-1f3c2cd27a39'
var queueRoles = ownsCommandsQueue ? [
  dataOwner
] : [
  dataReceiver
  dataSender
]

// Standard: the Basic tier has neither scheduled messages nor duplicate detection.
resource namespace 'Microsoft.ServiceBus/namespaces@2024-01-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: 'Standard'
    tier: 'Standard'
  }
  properties: {
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
  }
}

resource commands 'Microsoft.ServiceBus/namespaces/queues@2024-01-01' = {
  parent: namespace
  name: 'commands'
  properties: {
    // Follow-ups carry a name made from what they ask for and when; this is what merges them. As
    // long as a day too, since Event Grid tries to deliver the same event for that long.
    requiresDuplicateDetection: true
    duplicateDetectionHistoryTimeWindow: 'P1D'
    maxDeliveryCount: 10
    deadLetteringOnMessageExpiration: true
    defaultMessageTimeToLive: 'P14D'
    // The host renews the lock for as long as an invocation runs.
    lockDuration: 'PT5M'
  }
}

resource rejected 'Microsoft.ServiceBus/namespaces/queues@2024-01-01' = {
  parent: namespace
  name: 'rejected'
  properties: {
    // Whoever only lists what lies here takes each message once and gives it back.
    maxDeliveryCount: 1000
    deadLetteringOnMessageExpiration: true
    defaultMessageTimeToLive: 'P14D'
    lockDuration: 'PT5M'
  }
}

// Receives commands and events, and sends follow-ups to itself. Only an owner may read how many messages
// are active, which is what starts the app while follow-ups wait in the same queue.
resource commandRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for role in queueRoles: {
  name: guid(commands.id, principalId, role)
  scope: commands
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
    principalId: principalId
    principalType: 'ServicePrincipal'
    description: 'tether receives commands, and sends follow-ups to itself.'
  }
}]

resource rejectedRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(rejected.id, principalId, dataSender)
  scope: rejected
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', dataSender)
    principalId: principalId
    principalType: 'ServicePrincipal'
    description: 'tether puts messages here that it cannot understand.'
  }
}

output id string = namespace.id
output name string = namespace.name
