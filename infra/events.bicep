// Event Grid: hears of changed clusters and registries in every subscription of the estate.
//
//   installation=$(az deployment sub show --name tether \
//     --query "{installation: {value: properties.outputs.installation.value}}" --output json)
//   az deployment sub create --name tether-events --location westeurope \
//     --template-file infra/events.bicep --parameters @infra/events.parameters.json \
//     --parameters "$installation"
//
// Deploy it into the subscription that main.bicep went to, and afterwards. Without it everything
// works too, a quarter of an hour later.

targetScope = 'subscription'

// The types are sealed, so that a misspelled member is refused before anything is made.
@sealed()
type installedThings = {
  name: string
  resourceGroup: string
  subscriptions: string[]
  functionApp: string
  serviceBus: string
  storageAccount: string
  actionGroupId: string
  tags: { *: string }
}

@sealed()
type existingTopic = {
  resourceGroup: string
  topic: string
}

@description('What main.bicep made and for which estate: its output of this name, as it is.')
param installation installedThings

@description('Where the resource groups for system topics are recorded. The topics themselves are global.')
param location string = deployment().location

@description('Where events go: straight to the queue with the topic\'s own identity, or to the function `resource-changed`, whose code has to be deployed before.')
@allowed([
  'queue'
  'function'
])
param deliverTo string = 'queue'

@description('Whether each topic gets alerts on events that are given up. Set it to false where Azure refuses alerts on a topic, or an action group of another subscription.')
param alerts bool = true

@description('Azure allows one system topic for a subscription. Where there is one already, name it: `{ "<subscription id>": { "resourceGroup": "<group>", "topic": "<name>" } }`. It needs a system-assigned identity.')
param existingTopics { *: existingTopic } = {}

// A topic lives in the subscription that it listens to, in a group of its own.
var topicGroup = '${installation.resourceGroup}-events'

module topics 'modules/event-topic.bicep' = [for id in installation.subscriptions: {
  name: '${installation.name}-topic-${id}'
  scope: subscription(id)
  params: {
    isThere: contains(existingTopics, id)
    groupName: contains(existingTopics, id) ? existingTopics[id].resourceGroup : topicGroup
    topicName: contains(existingTopics, id) ? existingTopics[id].topic : 'egst-${installation.name}'
    location: location
    tags: installation.tags
  }
}]

module grants 'modules/event-grants.bicep' = [for (id, index) in installation.subscriptions: {
  name: '${installation.name}-topic-roles-${id}'
  scope: resourceGroup(installation.resourceGroup)
  params: {
    principalId: topics[index].outputs.principalId
    serviceBusName: installation.serviceBus
    storageAccountName: installation.storageAccount
  }
}]

module eventSubscriptions 'modules/event-subscription.bicep' = [for (id, index) in installation.subscriptions: {
  name: '${installation.name}-events-${id}'
  scope: resourceGroup(id, contains(existingTopics, id) ? existingTopics[id].resourceGroup : topicGroup)
  params: {
    name: installation.name
    topicName: topics[index].outputs.topicName
    deliverTo: deliverTo
    alerts: alerts
    queueId: grants[index].outputs.queueId
    functionId: resourceId(subscription().subscriptionId, installation.resourceGroup, 'Microsoft.Web/sites/functions', installation.functionApp, 'resource-changed')
    storageAccountId: grants[index].outputs.storageAccountId
    actionGroupId: installation.actionGroupId
    tags: installation.tags
  }
}]
