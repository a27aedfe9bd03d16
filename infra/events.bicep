// Event Grid: hears of changed clusters and registries in every subscription of the estate.
//
//   az deployment sub create --name tether-events --location westeurope \
//     --template-file infra/events.bicep --parameters @infra/events.parameters.json
//
// Deploy it into the subscription that main.bicep went to, and afterwards. Without it everything
// works too, a quarter of an hour later.

targetScope = 'subscription'

@description('The same as for main.bicep.')
@minLength(2)
@maxLength(12)
param name string = 'tether'

@description('Where the resource groups for system topics are recorded. The topics themselves are global.')
param location string = deployment().location

@description('The resource group of main.bicep.')
param resourceGroupName string = 'rg-${name}'

@description('Tags for everything that is made here.')
param tags object = {}

@description('The estate, the same as for main.bicep.')
@minLength(1)
param subscriptions array = split(subscription().subscriptionId, ',')

@description('Where events go: straight to the queue with the topic\'s own identity, or to the function `resource-changed`, whose code has to be deployed before.')
@allowed([
  'queue'
  'function'
])
param deliverTo string = 'queue'

@description('Azure allows one system topic for a subscription. Where there is one already, name it: `{ "<subscription id>": { "resourceGroup": "<group>", "topic": "<name>" } }`. It needs a system-assigned identity.')
param existingTopics object = {}

@description('Who is told when events are given up: the id of an action group, an output of main.bicep. Empty: the alert only shows in the portal.')
param actionGroupId string = ''

@description('Name of the function app, as in main.bicep.')
param functionAppName string = 'func-${name}-${uniqueString(subscription().id, resourceGroupName)}'

@description('Name of the Service Bus namespace, as in main.bicep.')
param serviceBusName string = 'sbns-${name}-${uniqueString(subscription().id, resourceGroupName)}'

@description('Name of the storage account, as in main.bicep.')
param storageAccountName string = take('st${toLower(replace(name, '-', ''))}${uniqueString(subscription().id, resourceGroupName)}', 24)

// A topic lives in the subscription that it listens to, in a group of its own.
var topicGroup = '${resourceGroupName}-events'

module topics 'modules/event-topic.bicep' = [for id in subscriptions: {
  name: '${name}-topic-${id}'
  scope: subscription(id)
  params: {
    isThere: contains(existingTopics, id)
    groupName: contains(existingTopics, id) ? existingTopics[id].resourceGroup : topicGroup
    topicName: contains(existingTopics, id) ? existingTopics[id].topic : 'egst-${name}'
    location: location
    tags: tags
  }
}]

module grants 'modules/event-grants.bicep' = [for (id, index) in subscriptions: {
  name: '${name}-topic-roles-${id}'
  scope: resourceGroup(resourceGroupName)
  params: {
    principalId: topics[index].outputs.principalId
    serviceBusName: serviceBusName
    storageAccountName: storageAccountName
  }
}]

module eventSubscriptions 'modules/event-subscription.bicep' = [for (id, index) in subscriptions: {
  name: '${name}-events-${id}'
  scope: resourceGroup(id, contains(existingTopics, id) ? existingTopics[id].resourceGroup : topicGroup)
  params: {
    name: name
    topicName: topics[index].outputs.topicName
    deliverTo: deliverTo
    queueId: grants[index].outputs.queueId
    functionId: resourceId(subscription().subscriptionId, resourceGroupName, 'Microsoft.Web/sites/functions', functionAppName, 'resource-changed')
    storageAccountId: grants[index].outputs.storageAccountId
    actionGroupId: actionGroupId
    tags: tags
  }
}]
