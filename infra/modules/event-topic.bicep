// The system topic of one subscription: made here, or found where somebody else made it.

targetScope = 'subscription'

param isThere bool
param groupName string
param topicName string
param location string
param tags { *: string }

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = if (!isThere) {
  name: groupName
  location: location
  tags: tags
}

module made 'event-topic-made.bicep' = if (!isThere) {
  name: '${take(topicName, 50)}-made'
  scope: resourceGroup(groupName)
  params: {
    name: topicName
    tags: tags
  }
  dependsOn: [
    group
  ]
}

module found 'event-topic-found.bicep' = if (isThere) {
  name: '${take(topicName, 50)}-found'
  scope: resourceGroup(groupName)
  params: {
    name: topicName
  }
}

output topicName string = topicName
output principalId string = isThere ? found!.outputs.principalId : made!.outputs.principalId
